"""Recordings to the conditioning of a voice, and its form on disk."""
