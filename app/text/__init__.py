"""Written text to pieces that an engine can speak. Pure functions."""
