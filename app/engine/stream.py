"""Ordered delivery: chunks come in as they are made and go out in the order of the text.

One consumer waits. Lives on the event loop.
"""

import asyncio
from collections import deque
from collections.abc import Callable

from app.engine.scheduler import Request
from app.engine.values import AudioChunk


class ChunkStream:
    """The audio of one admitted request. The engine delivers or fails; the caller iterates and closes.

    on_take    called with each chunk that the caller takes
    on_close   called once, when the stream ends
    """

    def __init__(
        self, request: Request, *, on_take: Callable[[AudioChunk], None], on_close: Callable[[], None]
    ) -> None:
        self._request = request
        self._buffers: list[deque[AudioChunk]] = [deque() for _ in request.sequences]
        self._next_segment = 0
        self._error: BaseException | None = None
        self.warnings: list[str] = []
        """about the audio that came so far"""
        self._arrived = asyncio.Event()
        self._closed = False
        self._on_take = on_take
        self._on_close = on_close

    @property
    def queue_s(self) -> float | None:
        """Seconds from admission to the first start; None while it waits."""
        return self._request.queue_s

    @property
    def is_closed(self) -> bool:
        return self._closed

    def deliver(self, chunk: AudioChunk) -> None:
        """Called by the engine; a chunk after the end is dropped."""
        if not self._closed:
            self._buffers[chunk.segment_index].append(chunk)
            self._arrived.set()

    def warn(self, warning: str) -> None:
        """Called by the engine, before the last chunk."""
        self.warnings.append(warning)

    def fail(self, error: BaseException) -> None:
        """Called by the engine: the caller gets `error` at once, ahead of waiting audio."""
        if not self._closed and self._error is None:
            self._error = error
            self._arrived.set()

    def __aiter__(self) -> "ChunkStream":
        return self

    async def __anext__(self) -> AudioChunk:
        while True:
            if self._error is not None:
                await self.aclose()
                raise self._error
            if self._closed or self._next_segment == len(self._buffers):
                await self.aclose()
                raise StopAsyncIteration
            if self._buffers[self._next_segment]:
                return self._take()
            self._arrived.clear()
            await self._arrived.wait()

    def _take(self) -> AudioChunk:
        chunk = self._buffers[self._next_segment].popleft()
        if chunk.is_last:
            self._next_segment += 1
        self._on_take(chunk)
        return chunk

    async def aclose(self) -> None:
        """May be called at any time, also twice."""
        if not self._closed:
            self._closed = True
            self._buffers = []
            self._next_segment = 0
            self._arrived.set()
            self._on_close()
