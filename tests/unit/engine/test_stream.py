import asyncio

import numpy as np
import pytest

from app.engine.stream import ChunkStream
from app.engine.values import AudioChunk
from app.errors import EngineFailure
from tests.support.requests import request_of


def chunk(segment_index: int, *, is_last: bool = True) -> AudioChunk:
    return AudioChunk(segment_index=segment_index, samples=np.zeros(3, np.float32), is_last=is_last)


class Harness:
    def __init__(self, num_segments: int) -> None:
        self.taken: list[AudioChunk] = []
        self.closed = 0
        self.stream = ChunkStream(request_of(*[1.0] * num_segments), on_take=self.taken.append, on_close=self._close)

    def _close(self) -> None:
        self.closed += 1


def test_chunks_leave_in_the_order_of_the_text_however_they_come() -> None:
    async def scenario() -> list[int]:
        harness = Harness(3)
        for index in (2, 0, 1):
            harness.stream.deliver(chunk(index))
        return [found.segment_index async for found in harness.stream]

    assert asyncio.run(scenario()) == [0, 1, 2]


def test_a_consumer_that_waits_gets_the_chunk_that_comes_later() -> None:
    async def scenario() -> int:
        harness = Harness(1)
        waiting = asyncio.create_task(anext(harness.stream))
        await asyncio.sleep(0)
        harness.stream.deliver(chunk(0))
        return (await waiting).segment_index

    assert asyncio.run(scenario()) == 0


def test_a_failure_reaches_the_caller_and_closes_once() -> None:
    async def scenario() -> int:
        harness = Harness(2)
        harness.stream.deliver(chunk(0))
        harness.stream.fail(EngineFailure("segment 1 could not be spoken"))
        with pytest.raises(EngineFailure, match="segment 1"):
            await anext(harness.stream)
        await harness.stream.aclose()
        return harness.closed

    assert asyncio.run(scenario()) == 1


def test_closing_wakes_a_waiting_consumer_and_later_chunks_are_let_go() -> None:
    async def scenario() -> int:
        harness = Harness(1)
        waiting = asyncio.create_task(anext(harness.stream, None))
        await asyncio.sleep(0)
        await harness.stream.aclose()
        harness.stream.deliver(chunk(0))
        assert await waiting is None
        return len(harness.taken)

    assert asyncio.run(scenario()) == 0


def test_the_end_of_the_last_segment_ends_the_stream_and_frees_it() -> None:
    async def scenario() -> int:
        harness = Harness(1)
        harness.stream.deliver(chunk(0, is_last=False))
        harness.stream.deliver(chunk(0))
        assert len([found async for found in harness.stream]) == 2
        return harness.closed

    assert asyncio.run(scenario()) == 1
