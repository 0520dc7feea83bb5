"""Wyoming, the protocol of Home Assistant: the same speech on a port of its own, for clients that know no HTTP."""
