"""A data folder that several servers share, where its file system needs commits and reloads.

Some hosts give each server a view of its own: writes are committed to the others, and a reload, which needs all files
closed, shows those of others. Lives on the event loop.
"""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Protocol

from app.errors import StorageFailure

logger = logging.getLogger(__name__)

MAX_AGE_S = 60.0
"""A voice that was deleted elsewhere is spoken here at most this much longer."""


class Volume(Protocol):
    """Both raise OSError with a reason."""

    def commit(self) -> Awaitable[None]:
        """Publish this host's writes to hosts that reload after it."""
        ...

    def reload(self) -> Awaitable[None]:
        """Show what other hosts have committed. Needs all files closed."""
        ...


class SharedFolder:
    """`volume` None: a file system that needs neither; nothing waits."""

    def __init__(self, volume: Volume | None = None, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._volume = volume
        self._clock = clock
        self._lock = asyncio.Lock()
        self._reloaded_at_s = self._failed_at_s = float("-inf")
        self._is_dirty = False
        self.failure: str | None = None
        """why this view may differ from that of others; None while it does not"""

    @property
    def needs_commits(self) -> bool:
        return self._volume is not None

    @asynccontextmanager
    async def reading(self, *, max_age_s: float = 0.0) -> AsyncGenerator[None]:
        """Files may be read, at most `max_age_s` behind the commits of others unless `failure` is set."""
        if self._volume is None:
            yield
            return
        asked_at_s = self._clock()
        async with self._lock:
            # Another caller's reload has succeeded, or its failure would only be repeated.
            if self._reloaded_at_s < asked_at_s - max_age_s and self._failed_at_s < asked_at_s:
                await self._reload(self._volume)
            yield

    @asynccontextmanager
    async def writing(self) -> AsyncGenerator[None]:
        """Files may be written, and are committed after the block. Raises StorageFailure."""
        if self._volume is None:
            yield
            return
        async with self._lock:
            await self._reload(self._volume)
            self._is_dirty = True
            yield
            if problem := await self._commit(self._volume):
                raise StorageFailure(f"written here, and not seen by other servers yet: {problem}; try again")

    async def _reload(self, volume: Volume) -> None:
        # A reload would lose what could not be committed.
        if self._is_dirty and await self._commit(volume):
            return
        began_at_s = self._clock()
        try:
            await volume.reload()
        except OSError as error:
            self._has_failed(f"the data volume cannot be reloaded: {error}")
        else:
            self._reloaded_at_s = began_at_s
            self.failure = None

    async def _commit(self, volume: Volume) -> str | None:
        try:
            await volume.commit()
        except OSError as error:
            problem = f"the data volume cannot be committed: {error}"
            self._has_failed(problem)
            return problem
        self._is_dirty = False
        self.failure = None
        return None

    def _has_failed(self, problem: str) -> None:
        self._failed_at_s = self._clock()
        if problem != self.failure:
            logger.error("%s", problem)
        self.failure = problem
