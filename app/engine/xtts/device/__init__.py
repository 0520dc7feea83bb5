"""The device: its driver, its memory, copies to and from it."""
