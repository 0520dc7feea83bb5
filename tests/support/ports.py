"""Ports for servers of tests."""

import random
import socket

PORTS = range(12_000, 32_000)
"""Below the ports that Linux (from 32,768) and macOS (from 49,152) give to connections: none takes it in between."""
MAX_TRIES = 100


def free_port() -> int:
    """A port of 127.0.0.1 on which nothing listens now. Raises OSError where none is found."""
    for port in random.SystemRandom().sample(PORTS, MAX_TRIES):
        try:
            socket.create_server(("127.0.0.1", port)).close()
        except OSError:
            continue
        return port
    raise OSError(f"none of {MAX_TRIES} ports is free")
