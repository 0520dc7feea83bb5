"""A server on the fake engine, driven by the test."""

import threading
from typing import cast

from tests.support.fake_engine import FakeEngine
from tests.support.server import RunningServer


def fake(server: RunningServer) -> FakeEngine:
    return cast("FakeEngine", server.engine)


def until(server: RunningServer, admitted: int) -> None:
    """Wait for the engine to hold so many requests; 2,000 turns of the server's loop at most."""
    for _ in range(2000):
        if server.on_loop(lambda: fake(server).stats().admitted_requests) == admitted:
            return
        threading.Event().wait(0.005)
    raise AssertionError(f"never {admitted} requests in the engine")


def release(server: RunningServer) -> None:
    server.on_loop(fake(server).release.set)
