"""A bound for connections whose client does not take what was written."""

import asyncio
import socket
import struct
from typing import cast


class StalledWriteGuard(asyncio.Protocol):
    """Mixin for a protocol: aborts the connection when its write buffer stays filled for `write_timeout_s`.

    The app bounds its own waits (app/http/middleware/client_timeout.py) but cannot end the connection: `close` waits
    until the client has taken the rest of the buffer. The buffer counts as filled from its first byte, so that the
    app's next `send` waits until the kernel has taken all of the last one.
    """

    def __init__(self, *args: object, write_timeout_s: float, **options: object) -> None:
        super().__init__(*args, **options)
        self._write_timeout_s = write_timeout_s
        self._stalled: asyncio.TimerHandle | None = None
        self._connection: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._connection = cast("asyncio.Transport", transport)
        self._connection.set_write_buffer_limits(high=0)
        super().connection_made(transport)

    def pause_writing(self) -> None:
        self._stop_stall_timer()
        if self._connection is not None:
            loop = asyncio.get_running_loop()
            self._stalled = loop.call_later(self._write_timeout_s, _reset, self._connection)
        super().pause_writing()

    def resume_writing(self) -> None:
        self._stop_stall_timer()
        super().resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_stall_timer()
        super().connection_lost(exc)

    def _stop_stall_timer(self) -> None:
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None


def _reset(transport: asyncio.Transport) -> None:
    """Drop the connection with the bytes that the kernel would keep for the client, for minutes."""
    no_linger = struct.pack("ii", 1, 0)
    transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, no_linger)
    transport.abort()
