"""Text to the tokens that the decoder reads."""
