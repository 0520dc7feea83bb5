"""Samples in, samples and bytes out: loudness, formats, encoders, reference clips. numpy and PyAV only."""
