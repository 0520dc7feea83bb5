"""The networks of XTTS, and the cache that the decoder writes."""
