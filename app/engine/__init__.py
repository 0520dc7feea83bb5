"""Engines turn segments into sound. `base` is the seam; one module or package for each engine."""
