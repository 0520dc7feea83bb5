"""One module for each group of routes. Handlers translate; app/speech does the work."""
