"""Log lines, request ids and traces. Imported by every layer; imports none of them."""
