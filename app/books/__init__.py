"""Audiobooks: a book is read (reading/), planned as segments, spoken into a folder that survives, and assembled."""
