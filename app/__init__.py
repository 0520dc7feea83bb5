"""Chorus: a self-hosted speech server for many callers at once."""

__version__ = "0.1.0"
