"""One gain for the whole answer, whatever chunks it comes in; one end, however it comes."""

import asyncio
from collections.abc import Callable

import numpy as np
import pytest

from app.deadline import Deadline
from app.engine.stream import ChunkStream
from app.engine.values import AudioChunk, Samples
from app.errors import DeadlineExceeded, EngineFailure
from app.observability.tracing import INVALID_SPAN, Span, request_span, start_span
from app.speech.events import SegmentEnded, SegmentStarted
from app.speech.stitch import Stitcher
from app.speech.stream import SpeechStream
from tests.support.fake_engine import RATE_HZ, FakeEngine
from tests.support.requests import request_of
from tests.support.traces import KeptSpans


class Source:
    """A request's chunks, delivered by hand, and how often it was given back."""

    def __init__(
        self,
        num_segments: int,
        *,
        gain: float = 1.0,
        trace: Span = INVALID_SPAN,
        clock: Callable[[], float] = lambda: 5.0,
    ) -> None:
        self.num_closed = 0
        request = request_of(*[1.0] * num_segments)
        request.started_at_s = 0.2
        self.chunks = ChunkStream(request, on_take=lambda _: None, on_close=lambda: None)
        self.speech = SpeechStream(
            self.chunks,
            Stitcher([sequence.segment for sequence in request.sequences], RATE_HZ),
            info=FakeEngine().info,
            seed=1,
            warnings=(),
            gain=gain,
            deadline=Deadline(0.05),
            asked_at_s=0.0,
            on_close=self._close,
            clock=clock,
            trace=trace,
        )

    def _close(self) -> None:
        self.num_closed += 1

    def deliver(self, voice: Samples, segment_index: int, num_chunks: int = 1) -> None:
        for number, part in enumerate(np.array_split(voice, num_chunks)):
            is_last = number == num_chunks - 1
            self.chunks.deliver(AudioChunk(segment_index=segment_index, samples=part, is_last=is_last))


async def next_samples(speech: SpeechStream) -> Samples:
    """The samples that come next; events before them are passed over."""
    while True:
        event = await anext(speech)
        if isinstance(event, np.ndarray):
            return event


def tone(level: float, seconds: float) -> Samples:
    return (level * np.sin(0.1 * np.arange(round(seconds * RATE_HZ)))).astype(np.float32)


@pytest.mark.parametrize("num_chunks", [2, 7, 50])
def test_the_samples_do_not_depend_on_how_the_voice_is_cut(num_chunks: int) -> None:
    async def spoken(num_chunks: int) -> Samples:
        source = Source(2, gain=2.0)
        source.deliver(np.concatenate((tone(0.05, 0.5), tone(0.7, 0.5))), 0, num_chunks)
        source.deliver(tone(0.1, 1.0), 1, num_chunks)
        await source.speech.start()
        return await source.speech.collect()

    np.testing.assert_array_equal(asyncio.run(spoken(num_chunks)), asyncio.run(spoken(1)))


def test_the_first_chunk_with_sound_leaves_at_once_and_all_segments_have_one_gain() -> None:
    async def scenario() -> None:
        source = Source(2, gain=2.0)
        source.chunks.deliver(AudioChunk(segment_index=0, samples=tone(0.1, 0.25), is_last=False))
        assert await anext(source.speech) == SegmentStarted(0, "segment 0", 0.0)
        first = [await next_samples(source.speech)]
        assert len(first[0]) == pytest.approx(0.25 * RATE_HZ, rel=0.05)
        source.deliver(tone(0.1, 1.0), 0)
        source.deliver(tone(0.2, 1.0), 1)
        samples = np.concatenate([*first, await source.speech.collect()])
        assert np.abs(samples[:RATE_HZ]).max() == pytest.approx(0.2, rel=0.01)
        assert np.abs(samples[-RATE_HZ:]).max() == pytest.approx(0.4, rel=0.01)

    asyncio.run(scenario())


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
        assert len(await next_samples(source.speech)) > RATE_HZ
        assert isinstance(await anext(source.speech), SegmentEnded)
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
        assert (begun.first_audio_s, begun.total_s) == (5.0, None)
        samples = await source.speech.collect()
        ended = source.speech.receipt()
        assert ended.total_s is not None
        assert ended.audio_s == len(samples) / RATE_HZ
        assert ended.segments == (SegmentEnded(0, "segment 0", 0.0, ended.audio_s),)
        assert (ended.num_segments, ended.num_characters) == (1, len("segment 0"))

    asyncio.run(scenario())


def test_a_whole_answer_has_one_deadline_for_its_first_audio_and_the_rest() -> None:
    """Each piece comes in time for itself; all of them together do not."""

    async def scenario() -> None:
        source = Source(1)

        async def speak_slowly() -> None:
            while not source.chunks.is_closed:
                source.chunks.deliver(AudioChunk(segment_index=0, samples=tone(0.1, 0.1), is_last=False))
                await asyncio.sleep(0)

        speaking = asyncio.create_task(speak_slowly())
        await source.speech.start()
        with pytest.raises(DeadlineExceeded):
            await source.speech.collect()
        await speaking

    asyncio.run(scenario())


def test_a_stream_that_plays_for_longer_than_the_limit_goes_on() -> None:
    async def scenario() -> None:
        source = Source(1)
        source.chunks.deliver(AudioChunk(segment_index=0, samples=tone(0.1, 0.1), is_last=False))
        await source.speech.start()
        limit_at_s = asyncio.get_running_loop().time() + 0.05
        while asyncio.get_running_loop().time() < limit_at_s + 0.05:
            source.chunks.deliver(AudioChunk(segment_index=0, samples=tone(0.1, 0.1), is_last=False))
            await next_samples(source.speech)
            await asyncio.sleep(0)
        source.chunks.deliver(AudioChunk(segment_index=0, samples=tone(0.1, 0.1), is_last=True))
        assert [event async for event in source.speech if isinstance(event, np.ndarray)]
        assert source.num_closed >= 1

    asyncio.run(scenario())


def test_the_trace_of_an_answer_has_its_queue_its_first_audio_its_figures_and_its_end() -> None:
    kept = KeptSpans()

    async def scenario() -> int:
        source = Source(2, trace=start_span("synthesize"))
        for index in range(2):
            source.deliver(tone(0.1, 1.0), index)
        await source.speech.start()
        assert [each.name for each in kept.spans] == ["queue", "first audio"]
        return len(await source.speech.collect())

    with request_span(kept.tracer, []):
        num_samples = asyncio.run(scenario())
    queue, first_audio, synthesis = kept.spans[:3]
    assert queue.start_time is not None and queue.end_time is not None
    assert queue.end_time - queue.start_time == 200_000_000
    assert first_audio.start_time == queue.end_time
    assert first_audio.end_time == queue.start_time
    for step in (queue, first_audio):
        assert step.parent is not None and synthesis.context is not None
        assert step.parent.span_id == synthesis.context.span_id
    assert [event.name for event in synthesis.events] == ["segment spoken"] * 2
    assert synthesis.attributes == {
        "chorus.engine": "fake",
        "chorus.seed": 1,
        "chorus.segments": 2,
        "chorus.audio_seconds": num_samples / RATE_HZ,
    }


def test_audio_is_delivered_once_its_piece_was_sent_and_not_when_it_was_taken() -> None:
    async def scenario() -> None:
        source = Source(1)
        source.deliver(tone(0.5, 1.0), 0)
        samples = await next_samples(source.speech)
        source.speech.delivery.ready()
        assert source.speech.receipt().delivered_s == 0.0
        source.speech.delivery.sent()
        assert source.speech.receipt().delivered_s == len(samples) / RATE_HZ
        await source.speech.aclose()

    asyncio.run(scenario())


def test_a_piece_that_comes_after_all_before_it_was_played_is_an_underrun() -> None:
    async def scenario() -> None:
        now_s = 0.0
        source = Source(2, clock=lambda: now_s)
        for index, ready_at_s in enumerate((0.0, 10.0)):
            source.deliver(tone(0.5, 1.0), index)
            await next_samples(source.speech)
            now_s = ready_at_s
            source.speech.delivery.ready()
            source.speech.delivery.sent()
            assert source.speech.receipt().num_underruns == index
        await source.speech.aclose()

    asyncio.run(scenario())
