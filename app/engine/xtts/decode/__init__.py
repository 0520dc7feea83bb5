"""Text tokens to audio codes and latents, many sequences at a time."""
