"""Speech recognition: recordings in, text with times out."""
