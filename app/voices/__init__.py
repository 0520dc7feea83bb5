"""Saved and built-in voices: how they are listed, found, stored and shared between servers."""
