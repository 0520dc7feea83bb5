"""One module for each group of routes. Handlers translate; the work is done in app.speech."""
