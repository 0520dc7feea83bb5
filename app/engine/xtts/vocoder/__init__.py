"""Latents to samples, chunk by chunk."""
