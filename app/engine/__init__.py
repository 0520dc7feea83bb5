"""Engines turn segments into sound; `base` is the seam."""
