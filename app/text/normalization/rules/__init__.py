"""The kinds of written forms. `rules(grammar)` of each module gives its rules for one language."""
