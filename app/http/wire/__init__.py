"""Bodies that clients send and errors that they receive: schemas, decoding, and checks of both."""
