"""One answer in the making: samples in order, at one gain, with its receipts.

Knows chunks and samples. Knows nothing of formats and HTTP, nor how the request was checked.
"""

import time
from collections.abc import Callable

import msgspec
import numpy as np

from app.audio.loudness import soft_limit
from app.deadline import Deadline
from app.engine.base import EngineInfo
from app.engine.stream import ChunkStream
from app.engine.values import Samples
from app.observability.tracing import INVALID_SPAN, Span, fail, start_span, wall_clock_offset_ns
from app.speech.captions import StartedSegment, TimedSegment
from app.speech.stitch import Stitcher


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """What a caller is told about its answer. Times in seconds; None where the answer is not there yet."""

    engine: str
    seed: int
    warnings: tuple[str, ...]
    queue_s: float | None
    first_audio_s: float | None
    total_s: float | None
    audio_s: float
    num_segments: int = 0
    """spoken to their end"""
    num_characters: int = 0
    """of those segments"""


class SpeechStream:
    """An asynchronous iterator of samples, shape [samples]. Its holder must close it; closing twice does no harm.

    gain           applied to all samples, so that a streamed answer has exactly the samples of a whole one
    deadline       when the first samples, and all of a collected answer, must have come
    trace          the span of its making, which it ends
    """

    def __init__(
        self,
        chunks: ChunkStream,
        stitcher: Stitcher,
        *,
        info: EngineInfo,
        seed: int,
        warnings: tuple[str, ...],
        gain: float,
        deadline: Deadline,
        num_segments: int,
        asked_at_s: float,
        on_close: Callable[[], None],
        clock: Callable[[], float] = time.perf_counter,
        trace: Span = INVALID_SPAN,
    ) -> None:
        self._chunks = chunks
        self._stitcher = stitcher
        self._info = info
        self._seed = seed
        self._warnings = warnings
        self._gain = np.float32(gain)
        self._deadline = deadline
        self._asked_at_s = asked_at_s
        self._on_close = on_close
        self._clock = clock
        self._trace = trace
        self._admitted_at_s = clock()
        self._first: Samples | None = None
        self.num_segments = num_segments
        self.num_spoken = 0
        self.num_samples = 0
        self._first_audio_at_s: float | None = None
        self._finished_at_s: float | None = None

    @property
    def sample_rate_hz(self) -> int:
        return self._info.sample_rate_hz

    @property
    def begins_with_pause(self) -> bool:
        """Whether the text asks for a pause at its start."""
        return self._stitcher.begins_with_pause

    @property
    def ends_with_pause(self) -> bool:
        return self._stitcher.ends_with_pause

    @property
    def started_segments(self) -> tuple[StartedSegment, ...]:
        """The segments of which samples have come, with their places in the answer."""
        return tuple(self._stitcher.started)

    @property
    def timed_segments(self) -> tuple[TimedSegment, ...]:
        """The segments that have been spoken to their end, with their places in the answer."""
        return tuple(self._stitcher.timed)

    def receipt(self) -> Receipt:
        return Receipt(
            engine=self._info.name,
            seed=self._seed,
            warnings=(*self._warnings, *self._chunks.warnings),
            queue_s=self._chunks.queue_s,
            first_audio_s=self._since_asked(self._first_audio_at_s),
            total_s=self._since_asked(self._finished_at_s),
            audio_s=self.num_samples / self.sample_rate_hz,
            num_segments=self.num_spoken,
            num_characters=sum(len(segment.text) for segment in self.timed_segments),
        )

    async def start(self) -> None:
        """Wait for the first audio, so that an error before it can still be a status. Raises DeadlineExceeded."""
        try:
            async with self._deadline.overall():
                self._first = await self._next()
        except BaseException as error:
            fail(self._trace, type(error).__name__)
            await self.aclose()
            raise

    async def collect(self) -> Samples:
        """All samples, [samples]. Raises DeadlineExceeded when they have not come by the deadline."""
        try:
            async with self._deadline.overall():
                parts = [samples async for samples in self]
        finally:
            await self.aclose()
        return np.concatenate(parts)

    def __aiter__(self) -> "SpeechStream":
        return self

    async def __anext__(self) -> Samples:
        if self._first is not None:
            samples, self._first = self._first, None
            return samples
        try:
            return await self._next()
        except BaseException as error:
            if not isinstance(error, StopAsyncIteration):
                fail(self._trace, type(error).__name__)
            await self.aclose()
            raise

    async def aclose(self) -> None:
        try:
            await self._chunks.aclose()
        finally:
            self._on_close()
            self._end_trace()

    async def _next(self) -> Samples:
        try:
            async with self._deadline.each_wait():
                samples = await self._next_samples()
        except StopAsyncIteration:
            self._finished_at_s = self._clock()
            raise
        self.num_samples += len(samples)
        if self._first_audio_at_s is None:
            self._first_audio_at_s = self._clock()
            if self._trace.is_recording():
                self._trace_first_audio(self._first_audio_at_s)
        return samples

    async def _next_samples(self) -> Samples:
        while True:
            chunk = await anext(self._chunks)
            samples = self._stitcher.push(chunk)
            self.num_spoken += chunk.is_last
            if chunk.is_last:
                self._trace.add_event("segment spoken", {"chorus.segment": chunk.segment_index})
            if samples.size:
                return soft_limit(samples * self._gain)

    def _trace_first_audio(self, now_s: float) -> None:
        """Two steps that can be told apart only afterwards: the wait for a slot, and the work on the first audio."""
        offset_ns = wall_clock_offset_ns()
        admitted_ns, now_ns = (offset_ns + round(moment_s * 1e9) for moment_s in (self._admitted_at_s, now_s))
        started_ns = admitted_ns + round((self._chunks.queue_s or 0.0) * 1e9)
        start_span("queue", parent=self._trace, start_ns=admitted_ns).end(started_ns)
        start_span("first audio", parent=self._trace, start_ns=started_ns).end(now_ns)

    def _end_trace(self) -> None:
        if self._trace.is_recording():
            self._trace.set_attribute("chorus.engine", self._info.name)
            self._trace.set_attribute("chorus.seed", self._seed)
            self._trace.set_attribute("chorus.segments", self.num_segments)
            self._trace.set_attribute("chorus.audio_seconds", self.num_samples / self.sample_rate_hz)
            self._trace.end()

    def _since_asked(self, moment_s: float | None) -> float | None:
        return None if moment_s is None else moment_s - self._asked_at_s
