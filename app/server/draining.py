"""uvicorn's server, with a shutdown that finishes what is in flight."""

import asyncio
import contextvars
import fcntl
import logging
import struct
import sys
import termios
from types import FrameType

import uvicorn

from app.lifecycle import Lifecycle

logger = logging.getLogger(__name__)

POLL_S = 0.05


class DrainingServer(uvicorn.Server):
    """On the first SIGTERM or SIGINT: finish what is in flight, answer 503 to the rest, stop. On the second: stop.

    uvicorn alone closes its listening socket first, so that new callers get no answer.
    """

    def __init__(self, config: uvicorn.Config, lifecycle: Lifecycle, drain_timeout_s: float) -> None:
        super().__init__(config)
        self._lifecycle = lifecycle
        self._drain_timeout_s = drain_timeout_s
        self._draining: asyncio.Task[None] | None = None
        self.num_cut = 0
        """exchanges that were in flight when the server stopped"""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if self._draining is None:
            # A signal may arrive within a request's context, of which the shutdown is no part.
            self._draining = asyncio.get_event_loop().create_task(self._drain(), context=contextvars.Context())
        elif not self.should_exit:
            self._cut("a second signal came")
            self.force_exit = self.should_exit = True
        else:
            self.force_exit = True

    async def _drain(self) -> None:
        ends_at_s = asyncio.get_running_loop().time() + self._drain_timeout_s
        logger.info("shutting down: %d requests in flight", self._lifecycle.num_in_flight)
        if not await self._lifecycle.drain(self._drain_timeout_s):
            self._cut(f"CHORUS_DRAIN_TIMEOUT_S ({self._drain_timeout_s:g} s) has passed")
        # The kernel sends on after the process has ended, but not after its container's network has.
        while self._num_unconfirmed_bytes() and asyncio.get_running_loop().time() < ends_at_s:
            await asyncio.sleep(POLL_S)
        self.should_exit = True

    def _cut(self, why: str) -> None:
        self.num_cut = self._lifecycle.num_in_flight
        if self.num_cut:
            logger.warning("%d requests are cut off: %s", self.num_cut, why)

    def _num_unconfirmed_bytes(self) -> int:
        return sum(num_unconfirmed_bytes(connection.transport) for connection in self.server_state.connections)


def num_unconfirmed_bytes(transport: asyncio.Transport) -> int:
    """Bytes of a TCP connection that the client's side has not confirmed; 0 where the system does not tell."""
    if sys.platform != "linux" or transport.is_closing():
        return 0
    try:
        answer = fcntl.ioctl(transport.get_extra_info("socket").fileno(), termios.TIOCOUTQ, bytes(4))
    except OSError:
        return 0
    return struct.unpack("i", answer)[0]
