"""Latents to samples, window by window."""
