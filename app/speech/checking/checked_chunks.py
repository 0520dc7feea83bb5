"""Chunks of a request, whose segments are checked and mended before they are given. Live on the event loop."""

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress

import numpy as np

from app.engine.stream import ChunkStream
from app.engine.values import AudioChunk, Samples
from app.speech.checking.listening import Heard
from app.speech.checking.mending import Attempts, SegmentMender
from app.speech.checking.reports import TOGETHER
from app.speech.playback import Listener

KnowHeard = Callable[[int, Heard, int], None]
"""Takes a segment's index, how it was heard and the number of its attempts, before its audio is given."""


class CheckedChunks:
    """For a whole answer: every segment is given when it has passed, or when its attempts are used up.

    TOGETHER segments are checked at a time, in one batch of the recogniser and of the engine.
    """

    def __init__(self, chunks: ChunkStream, mender: SegmentMender, know: KnowHeard) -> None:
        self._chunks = chunks
        self._mender = mender
        self._know = know
        self._places = asyncio.Semaphore(TOGETHER)
        self._mending: asyncio.Queue[asyncio.Task[Attempts] | BaseException | None] = asyncio.Queue()
        self._tasks: set[asyncio.Task[Attempts]] = set()
        self._reading: asyncio.Task[None] | None = None

    @property
    def warnings(self) -> list[str]:
        return self._chunks.warnings

    @property
    def queue_s(self) -> float | None:
        return self._chunks.queue_s

    def __aiter__(self) -> "CheckedChunks":
        return self

    async def __anext__(self) -> AudioChunk:
        if self._reading is None:
            self._reading = asyncio.create_task(self._read())
        item = await self._mending.get()
        if not isinstance(item, asyncio.Task):
            self._mending.put_nowait(item)
            await self.aclose()
            raise StopAsyncIteration if item is None else item
        attempts = await item
        return _chunk_of(attempts, self._know)

    async def aclose(self) -> None:
        """May be called at any time, also twice."""
        tasks: list[asyncio.Task[object]] = [*self._tasks] if self._reading is None else [self._reading, *self._tasks]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._chunks.aclose()

    async def _read(self) -> None:
        parts: list[Samples] = []
        try:
            async for chunk in self._chunks:
                parts.append(chunk.samples)
                if chunk.is_last:
                    await self._places.acquire()
                    self._begin(Attempts(chunk.segment_index, np.concatenate(parts)))
                    parts = []
        except Exception as error:  # noqa: BLE001 - raised where chunks are taken
            self._mending.put_nowait(error)
        else:
            self._mending.put_nowait(None)

    def _begin(self, attempts: Attempts) -> None:
        async def mend() -> Attempts:
            try:
                await self._mender.mend(attempts)
            finally:
                self._places.release()
            return attempts

        task = asyncio.create_task(mend())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        self._mending.put_nowait(task)


class HeldChunks:
    """For a stream: a segment is held back while its listener has audio in hand, and never longer.

    The first segment is not held. A segment that is not checked in time is given as it is.
    """

    def __init__(self, chunks: ChunkStream, mender: SegmentMender, know: KnowHeard, listener: Listener) -> None:
        self._chunks = chunks
        self._mender = mender
        self._know = know
        self._listener = listener
        self._ready: deque[AudioChunk] = deque()
        self._is_passing = False
        """the segment that is being given was not held, or not until its end"""
        self._tasks: set[asyncio.Task[None]] = set()
        """mending, those included that were given up and have not ended yet"""

    @property
    def warnings(self) -> list[str]:
        return self._chunks.warnings

    @property
    def queue_s(self) -> float | None:
        return self._chunks.queue_s

    def __aiter__(self) -> "HeldChunks":
        return self

    async def __anext__(self) -> AudioChunk:
        if not self._ready and not self._is_passing:
            await self._hold()
        if self._ready:
            return self._ready.popleft()
        chunk = await anext(self._chunks)
        self._is_passing = not chunk.is_last
        return chunk

    async def aclose(self) -> None:
        """May be called at any time, also twice."""
        self._ready.clear()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._chunks.aclose()

    async def _hold(self) -> None:
        """Fill `ready` with a whole checked segment, or with what has come of it; perhaps nothing."""
        patience_s = self._listener.patience_s()
        if patience_s <= 0 or not self._mender.can_check(0, patience_s):
            return
        held: list[AudioChunk] = []
        with suppress(TimeoutError):
            async with asyncio.timeout(patience_s):
                while not held or not held[-1].is_last:
                    held.append(await anext(self._chunks))
        if not held or not held[-1].is_last:
            self._ready.extend(held)
            self._is_passing = True
            return
        attempts = Attempts(held[0].segment_index, np.concatenate([chunk.samples for chunk in held]))
        await self._mend(attempts)
        self._ready.append(_chunk_of(attempts, self._know))

    async def _mend(self, attempts: Attempts) -> None:
        """Until there is no patience left. The end of what is given up then is not waited for: threads may be in it."""
        task = asyncio.create_task(self._mender.mend(attempts, self._listener.patience_s))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        try:
            await asyncio.wait((task,), timeout=self._listener.patience_s())
        finally:
            task.cancel()
        if task.done():
            task.result()


def _chunk_of(attempts: Attempts, know: KnowHeard) -> AudioChunk:
    if attempts.heard is not None:
        know(attempts.index, attempts.heard, attempts.number)
    return AudioChunk(segment_index=attempts.index, samples=attempts.samples, is_last=True)
