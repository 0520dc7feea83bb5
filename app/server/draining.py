"""uvicorn's server, with a shutdown that finishes what is in flight."""

import asyncio
import contextvars
import logging
from types import FrameType

import uvicorn

from app.speech.lifecycle import Lifecycle


class DrainingServer(uvicorn.Server):
    """On the first SIGTERM or SIGINT: finish what is in flight, answer 503 to the rest, exit 0. On the second: stop.

    uvicorn alone closes its listening socket first, and new callers get a refused connection instead of an answer.
    """

    def __init__(self, config: uvicorn.Config, lifecycle: Lifecycle, drain_timeout_s: float) -> None:
        super().__init__(config)
        self._lifecycle = lifecycle
        self._drain_timeout_s = drain_timeout_s
        self._draining: asyncio.Task[None] | None = None

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if self._draining is None:
            # A signal interrupts whatever runs: the shutdown is no part of that request.
            self._draining = asyncio.get_event_loop().create_task(self._drain(), context=contextvars.Context())
        else:
            self.force_exit = self.should_exit = True

    async def _drain(self) -> None:
        logging.getLogger(__name__).info("shutting down: %d requests in flight", self._lifecycle.num_in_flight)
        if not await self._lifecycle.drain(self._drain_timeout_s):
            logging.getLogger(__name__).warning("%d requests are cut off", self._lifecycle.num_in_flight)
        self.should_exit = True
