"""Chorus on Modal: the published image on GPUs that come and go with the load. See docs/modal.md."""
