"""Measurements of `chorus bench` and of the load tests."""
