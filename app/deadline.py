"""The time limit of one request, counted from its start (CHORUS_REQUEST_TIMEOUT_S)."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from app.errors import DeadlineExceeded

LATE_AUDIO = "the audio did not come"


class Deadline:
    """`timeout_s` from now, on the clock of the running event loop.

    Cloning, the queue, the first audio and all of a whole answer share it. A stream that has begun is limited by
    `each_wait` only: it may play for longer than `timeout_s`.
    """

    def __init__(self, timeout_s: float) -> None:
        self.timeout_s = timeout_s
        self._at_s = asyncio.get_running_loop().time() + timeout_s

    def overall(self, what: str = LATE_AUDIO) -> AbstractAsyncContextManager[None]:
        """Cancel the block at the deadline. Raises DeadlineExceeded, whose message begins with `what`."""
        return self._limit(asyncio.timeout_at(self._at_s), what)

    def each_wait(self, what: str = LATE_AUDIO) -> AbstractAsyncContextManager[None]:
        """Cancel the block `timeout_s` after it began. Raises DeadlineExceeded, whose message begins with `what`."""
        return self._limit(asyncio.timeout(self.timeout_s), what)

    @asynccontextmanager
    async def _limit(self, limit: asyncio.Timeout, what: str) -> AsyncGenerator[None]:
        try:
            async with limit:
                yield
        except TimeoutError:
            if not limit.expired():
                raise
            raise DeadlineExceeded(f"{what} within {self.timeout_s:g} seconds (CHORUS_REQUEST_TIMEOUT_S)") from None
