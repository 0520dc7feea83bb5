"""Written text to pieces that an engine can speak: cleaning, sentences, segments. Pure functions."""
