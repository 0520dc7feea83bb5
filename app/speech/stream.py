"""Events of one answer at one gain, and its receipt."""

import time
from collections import deque
from collections.abc import Callable
from typing import Protocol

import msgspec
import numpy as np

from app.audio.loudness import soft_limit
from app.deadline import Deadline
from app.engine.base import EngineInfo
from app.engine.stream import ChunkStream
from app.engine.values import AudioChunk, Samples
from app.observability.tracing import INVALID_SPAN, Span, fail, start_span, wall_clock_offset_ns
from app.speech.events import SegmentEnded, SegmentStarted, SpeechEvent, WordsSpoken
from app.speech.playback import Playback
from app.speech.silence import SilentChunks
from app.speech.stitch import Stitcher
from app.speech.word_times import WordTimer


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """Figures of an answer so far. Times in seconds since the request; None before the moment has come."""

    engine: str
    seed: int
    warnings: tuple[str, ...]
    queue_s: float | None
    first_audio_s: float | None
    total_s: float | None
    audio_s: float
    delivered_s: float = 0.0
    """audio that the listener has got"""
    num_underruns: int = 0
    """gaps that a listener of the stream would have heard"""
    segments: tuple[SegmentEnded, ...] = ()
    """spoken to their end"""
    words: tuple[WordsSpoken, ...] = ()
    """of those segments, as far as they are timed; empty unless they were asked for"""
    precision: str | None = None
    """as in EngineInfo"""

    @property
    def num_segments(self) -> int:
        return len(self.segments)

    @property
    def num_characters(self) -> int:
        return sum(len(segment.text) for segment in self.segments)


class Speech(Protocol):
    """Speech of one answer: a SpeechStream, or a Dialogue of several. The holder must close it."""

    @property
    def sample_rate_hz(self) -> int: ...

    @property
    def times_words(self) -> bool:
        """True where its events have WordsSpoken."""
        ...

    def receipt(self) -> Receipt: ...

    async def collect(self) -> Samples:
        """All samples, [samples]. Raises DeadlineExceeded."""
        ...

    def __aiter__(self) -> "Speech": ...

    async def __anext__(self) -> SpeechEvent: ...

    def piece_ready(self) -> None:
        """All samples taken so far are about to be sent to the listener."""
        ...

    def piece_sent(self) -> None:
        """The listener has all samples taken so far."""
        ...

    async def aclose(self) -> None: ...


class SpeechStream:
    """An asynchronous iterator of events. The holder must close it; closing twice does no harm.

    gain        factor for all samples: streamed and whole answers have the same samples
    deadline    of the first samples, and of all samples of `collect`
    trace       span of the synthesis; this object ends it
    timer       times the words
    """

    def __init__(
        self,
        chunks: ChunkStream | SilentChunks,
        stitcher: Stitcher | SilentChunks,
        *,
        info: EngineInfo,
        seed: int,
        warnings: tuple[str, ...],
        gain: float,
        deadline: Deadline,
        asked_at_s: float,
        on_close: Callable[[], None],
        clock: Callable[[], float] = time.perf_counter,
        trace: Span = INVALID_SPAN,
        timer: WordTimer | None = None,
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
        self._timer = timer
        self._untimed: list[Samples] = []
        """of the segment that is being spoken, for the timer"""
        self._admitted_at_s = clock()
        self._ready: deque[SpeechEvent] = deque()
        """made and not taken"""
        self._segments: list[SegmentEnded] = []
        self.num_samples = 0
        self._num_taken = 0
        """by the holder"""
        self._num_delivered = 0
        self._playback = Playback(clock)
        self._first_audio_at_s: float | None = None
        self._finished_at_s: float | None = None

    @property
    def sample_rate_hz(self) -> int:
        return self._info.sample_rate_hz

    @property
    def num_segments(self) -> int:
        return self._stitcher.num_segments

    @property
    def times_words(self) -> bool:
        return self._timer is not None

    @property
    def begins_with_pause(self) -> bool:
        return self._stitcher.begins_with_pause

    @property
    def ends_with_pause(self) -> bool:
        return self._stitcher.ends_with_pause

    def receipt(self) -> Receipt:
        return Receipt(
            engine=self._info.name,
            precision=self._info.precision,
            seed=self._seed,
            warnings=(*self._warnings, *self._chunks.warnings, *(self._timer.warnings if self._timer else ())),
            queue_s=self._chunks.queue_s,
            first_audio_s=self._since_asked(self._first_audio_at_s),
            total_s=self._since_asked(self._finished_at_s),
            audio_s=self.num_samples / self.sample_rate_hz,
            delivered_s=self._num_delivered / self.sample_rate_hz,
            num_underruns=self._playback.num_underruns,
            segments=tuple(self._segments),
            words=tuple(self._timer.timed if self._timer else ()),
        )

    async def start(self) -> None:
        """Wait for the first audio: an error before it can still be a status. Raises DeadlineExceeded."""
        try:
            async with self._deadline.overall():
                await self._make_events()
        except BaseException as error:
            fail(self._trace, type(error).__name__)
            await self.aclose()
            raise

    async def collect(self) -> Samples:
        """All samples, [samples]. Raises DeadlineExceeded."""
        try:
            async with self._deadline.overall():
                parts = [event async for event in self if isinstance(event, np.ndarray)]
        finally:
            await self.aclose()
        return np.concatenate(parts)

    def __aiter__(self) -> "SpeechStream":
        return self

    async def __anext__(self) -> SpeechEvent:
        try:
            if not self._ready:
                await self._make_events()
            event = self._ready.popleft()
            if isinstance(event, np.ndarray):
                self._num_taken += len(event)
            return event
        except BaseException as error:
            if not isinstance(error, StopAsyncIteration):
                fail(self._trace, type(error).__name__)
            await self.aclose()
            raise

    def piece_ready(self) -> None:
        if num_new := self._num_taken - self._num_delivered:
            self._playback.delivered(num_new / self.sample_rate_hz)

    def piece_sent(self) -> None:
        self._playback.taken()
        self._num_delivered = self._num_taken

    async def aclose(self) -> None:
        try:
            await self._chunks.aclose()
            if self._timer is not None:
                await self._timer.aclose()
        finally:
            self._on_close()
            self._end_trace()

    async def _make_events(self) -> None:
        """Wait until there are events. Raises StopAsyncIteration at the end."""
        try:
            async with self._deadline.each_wait():
                while not self._ready:
                    self._take(await anext(self._chunks))
        except StopAsyncIteration:
            if self._finished_at_s is None:
                self._finished_at_s = self._clock()
            if self._timer is None or (words := await self._timer.following()) is None:
                raise
            self._ready.append(words)
        else:
            self._ready.extend(self._timer.ready() if self._timer else ())

    def _take(self, chunk: AudioChunk) -> None:
        for event in self._stitcher.push(chunk):
            match event:
                case SegmentStarted():
                    self._ready.append(event)
                case SegmentEnded():
                    self._segments.append(event)
                    self._time_words(event)
                    self._trace.add_event("segment spoken", {"chorus.segment": chunk.segment_index})
                    self._ready.append(event)
                case WordsSpoken():
                    raise AssertionError("words are timed here")
                case _:
                    self._untimed.append(event)
                    self._ready.append(soft_limit(event * self._gain))
                    self.num_samples += len(event)
                    if self._first_audio_at_s is None:
                        self._first_audio_at_s = self._clock()
                        if self._trace.is_recording():
                            self._trace_first_audio(self._first_audio_at_s)

    def _time_words(self, ended: SegmentEnded) -> None:
        """Begin with the words of a segment whose last samples have come, with silence before and behind them."""
        parts, self._untimed = self._untimed, []
        if self._timer is not None:
            first = self.num_samples - sum(map(len, parts))
            start, end = (round(moment_s * self.sample_rate_hz) - first for moment_s in (ended.start_s, ended.end_s))
            self._timer.begin(ended, np.concatenate(parts)[start:end])

    def _trace_first_audio(self, now_s: float) -> None:
        """Two spans that are known only afterwards: the wait for a slot, and the work on the first audio."""
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
