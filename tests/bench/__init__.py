"""Benchmarks of the server against the voice called directly, in one run on one machine: `make bench`."""
