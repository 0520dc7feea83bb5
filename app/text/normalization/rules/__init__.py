"""The kinds of written forms, one module each. `rules(grammar)` of each gives its rules for one language."""
