"""Bodies that clients send and errors that they receive."""
