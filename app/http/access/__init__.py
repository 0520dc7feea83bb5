"""Checks before a handler runs: host name, origin of a web page, API key, and the limits of a key."""
