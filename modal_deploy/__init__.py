"""Chorus on Modal: docs/modal.md."""
