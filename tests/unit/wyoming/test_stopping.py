"""The end of a Wyoming server while clients connect."""

import asyncio
import contextlib
import gc
import socket

import pytest

from app.server.listeners import BACKLOG, open_listeners
from app.speech.connections import Connections
from app.wyoming.server import WyomingServer


@pytest.mark.parametrize("turns", range(6))
def test_a_server_that_stops_closes_the_connections_that_it_accepts_in_that_moment(turns: int) -> None:
    """The clients connect while the event loop is busy; the server stops `turns` turns of the loop later."""
    listeners = open_listeners("127.0.0.1", 0, port_setting="CHORUS_WYOMING_PORT")
    server = WyomingServer(
        lambda: pytest.fail("no client has asked for anything"),
        lambda: pytest.fail("no client has asked for anything"),
        connections=Connections(64),
        on_spoken=lambda _: None,
        on_transcribed=lambda _: None,
        max_pending_chars=100,
        client_timeout_s=60,
    )

    async def connect_and_stop(clients: contextlib.ExitStack) -> list[socket.socket]:
        async with server.listening(listeners, backlog=BACKLOG):
            address = listeners[0].getsockname()
            connected = [clients.enter_context(socket.create_connection(address, timeout=30)) for _ in range(8)]
            for _ in range(turns):
                await asyncio.sleep(0)
        return connected

    with contextlib.ExitStack() as clients:
        connected = asyncio.run(connect_and_stop(clients))
        gc.collect()  # a socket that is still open warns now, and a warning fails the test
        for client in connected:
            with contextlib.suppress(ConnectionResetError):
                assert client.recv(1) == b""
