"""Checkpoint folders: download, check, convert and load."""
