"""Wyoming, the protocol of Home Assistant, on a port of its own."""
