"""Samples in, samples and bytes out. numpy and PyAV only."""
