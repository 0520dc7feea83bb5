"""One loudness for the whole answer, whatever chunks it comes in; one end, however it comes."""

import asyncio
from collections import deque

import numpy as np
import pytest

from app.audio.loudness import speech_level_dbfs
from app.engine.base import AudioChunk, Samples
from app.engine.scheduler import Work
from app.engine.stream import OrderedChunks
from app.errors import DeadlineExceeded, EngineFailure
from app.speech.speech import Loudness, Speech
from app.speech.stitch import Stitcher
from app.text.segments import Boundary, Segment
from tests.support.fake_engine import RATE_HZ, FakeEngine


class Source:
    """A request's chunks, delivered by hand, and how often it was given back."""

    def __init__(self, num_segments: int) -> None:
        self.num_closed = 0
        self.chunks = OrderedChunks(
            Work(admitted_at_s=0.0, waiting=deque()), num_segments, on_take=lambda _: None, on_close=lambda: None
        )
        segments = [Segment(index, f"segment {index}", Boundary.SENTENCE) for index in range(num_segments)]
        self.speech = Speech(
            self.chunks,
            Stitcher(segments, RATE_HZ),
            info=FakeEngine().info,
            seed=1,
            warnings=(),
            loudness=Loudness(target_dbfs=-20.0),
            timeout_s=0.05,
            num_segments=num_segments,
            asked_at_s=0.0,
            on_close=self._close,
        )

    def _close(self) -> None:
        self.num_closed += 1

    def deliver(self, voice: Samples, segment_index: int, num_chunks: int = 1) -> None:
        for number, part in enumerate(np.array_split(voice, num_chunks)):
            is_last = number == num_chunks - 1
            self.chunks.deliver(AudioChunk(segment_index=segment_index, samples=part, is_last=is_last))


def tone(level: float, seconds: float) -> Samples:
    return (level * np.sin(0.1 * np.arange(round(seconds * RATE_HZ)))).astype(np.float32)


@pytest.mark.parametrize("first_s", [0.3, 1.0, 3.0])
@pytest.mark.parametrize("num_chunks", [2, 7, 50])
def test_the_gain_does_not_depend_on_how_the_voice_is_cut(first_s: float, num_chunks: int) -> None:
    async def spoken(num_chunks: int) -> Samples:
        source = Source(2)
        # Louder in the middle: a gain measured on a shorter or longer piece would differ.
        first = np.concatenate((tone(0.05, first_s / 2), tone(0.2, first_s / 2)))
        source.deliver(first, 0, num_chunks)
        source.deliver(tone(0.1, 1.0), 1, num_chunks)
        await source.speech.start()
        return await source.speech.collect()

    np.testing.assert_array_equal(asyncio.run(spoken(num_chunks)), asyncio.run(spoken(1)))


def test_speech_is_brought_to_the_level_and_the_second_segment_keeps_the_gain() -> None:
    async def scenario() -> Samples:
        source = Source(2)
        source.deliver(tone(0.05, 2.0), 0)
        source.deliver(tone(0.1, 2.0), 1)
        return await source.speech.collect()

    samples = asyncio.run(scenario())
    assert speech_level_dbfs(samples[: 2 * RATE_HZ], RATE_HZ) == pytest.approx(-20.0, abs=0.2)
    assert speech_level_dbfs(samples[-RATE_HZ:], RATE_HZ) == pytest.approx(-14.0, abs=0.2)


def test_audio_that_does_not_come_gives_everything_back_once_it_is_late() -> None:
    async def scenario() -> int:
        source = Source(1)
        with pytest.raises(DeadlineExceeded, match="CHORUS_REQUEST_TIMEOUT_S"):
            await source.speech.start()
        assert source.chunks.is_closed
        return source.num_closed

    assert asyncio.run(scenario()) >= 1


def test_a_failure_after_the_first_audio_is_heard_and_gives_everything_back() -> None:
    async def scenario() -> bool:
        source = Source(2)
        source.deliver(tone(0.1, 1.0), 0)
        await source.speech.start()
        source.chunks.fail(EngineFailure("segment 1 could not be spoken"))
        assert len(await anext(source.speech)) > RATE_HZ
        with pytest.raises(EngineFailure):
            await anext(source.speech)
        return source.chunks.is_closed

    assert asyncio.run(scenario())


def test_receipts_are_complete_at_the_end() -> None:
    async def scenario() -> None:
        source = Source(1)
        source.deliver(tone(0.1, 1.0), 0)
        await source.speech.start()
        begun = source.speech.receipt()
        assert (begun.first_audio_s is None, begun.total_s) == (False, None)
        samples = await source.speech.collect()
        ended = source.speech.receipt()
        assert ended.total_s is not None
        assert ended.audio_s == len(samples) / RATE_HZ

    asyncio.run(scenario())
