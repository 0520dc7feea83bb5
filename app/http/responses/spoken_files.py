"""Complete files of GET routes that speak, kept so that the ranges of one player are spoken once."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from weakref import WeakValueDictionary

import msgspec

MAX_BYTES = 64 * 1024 * 1024
MAX_AGE_S = 300.0


class SpokenFile(msgspec.Struct, frozen=True):
    data: bytes
    headers: dict[str, str]


class SpokenFiles:
    """Complete files by ETag: at most MAX_BYTES together, each for MAX_AGE_S. Lives on the event loop.

    The least recently used goes first. A file larger than MAX_BYTES is not kept.
    """

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._files: OrderedDict[str, tuple[float, SpokenFile]] = OrderedDict()
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self.num_bytes = 0

    def get(self, etag: str) -> SpokenFile | None:
        self._drop_old()
        if etag not in self._files:
            return None
        self._files.move_to_end(etag)
        return self._files[etag][1]

    def put(self, etag: str, file: SpokenFile) -> None:
        self._drop_old()
        self._drop(etag)
        if len(file.data) > MAX_BYTES:
            return
        self._files[etag] = (self._clock(), file)
        self.num_bytes += len(file.data)
        while self.num_bytes > MAX_BYTES:
            self._drop(next(iter(self._files)))

    @asynccontextmanager
    async def making(self, etag: str) -> AsyncGenerator[None]:
        """Wait until no other task makes the file of `etag`."""
        lock = self._locks.setdefault(etag, asyncio.Lock())
        async with lock:
            yield

    def _drop_old(self) -> None:
        now_s = self._clock()
        for etag in [etag for etag, (made_at_s, _) in self._files.items() if now_s - made_at_s > MAX_AGE_S]:
            self._drop(etag)

    def _drop(self, etag: str) -> None:
        if dropped := self._files.pop(etag, None):
            self.num_bytes -= len(dropped[1].data)
