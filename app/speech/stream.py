"""Events of one answer at one gain."""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from contextlib import AsyncExitStack

import numpy as np

from app.audio.loudness import soft_limit
from app.audio.provenance import Provenance
from app.deadline import Deadline
from app.engine.base import EngineInfo
from app.engine.values import AudioChunk, Samples
from app.observability.tracing import INVALID_SPAN, Span, fail, start_span, wall_clock_offset_ns
from app.speech.checking.reports import SegmentReports
from app.speech.events import SegmentChecked, SegmentEnded, SegmentStarted, SpeechEvent, WordsSpoken
from app.speech.playback import Delivery, Listener
from app.speech.receipt import Chunks, Receipt, Signer
from app.speech.request import CheckMode
from app.speech.silence import SilentChunks
from app.speech.stitch import Stitcher


class SpeechStream:
    """An asynchronous iterator of events. The holder must close it; closing twice does no harm.

    gain        factor for all samples: streamed and whole answers have the same samples
    deadline    of the first samples, and of all samples of `collect`
    trace       span of the synthesis; this object ends it
    check       mode of the check, for the receipt
    reports     times of words and verdicts
    listener    is told of the audio that is given
    """

    def __init__(
        self,
        chunks: Chunks,
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
        check: CheckMode = "off",
        reports: SegmentReports | None = None,
        listener: Listener | None = None,
        provenance: Provenance | None = None,
        signer: Signer | None = None,
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
        self._check: CheckMode = check
        self._reports = reports
        self._listener = listener
        self._unreported: list[Samples] = []
        """of the segment that is being spoken, for its reports"""
        self._coming: asyncio.Task[AudioChunk] | None = None
        """the next chunk, while reports are waited for beside it"""
        self._provenance = provenance
        self.signer = signer
        self._admitted_at_s = clock()
        self._ready: deque[SpeechEvent] = deque()
        """made and not taken"""
        self._segments: list[SegmentEnded] = []
        self.num_samples = 0
        self.delivery = Delivery(info.sample_rate_hz, clock)
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
        return self._reports is not None and self._reports.times_words

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
            warnings=(*self._warnings, *self._chunks.warnings, *(self._reports.warnings if self._reports else ())),
            queue_s=self._chunks.queue_s,
            first_audio_s=self._since_asked(self._first_audio_at_s),
            total_s=self._since_asked(self._finished_at_s),
            audio_s=self.num_samples / self.sample_rate_hz,
            delivered_s=self.delivery.seconds,
            num_underruns=self.delivery.num_underruns,
            segments=tuple(self._segments),
            words=tuple(self._reports.words if self._reports else ()),
            check=self._check,
            checks=tuple(self._reports.checked if self._reports else ()),
            check_s=self._reports.listened_s if self._reports else 0.0,
            provenance=self._provenance,
        )

    def turn_of(self, segment_index: int) -> int:
        return 0

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
                self.delivery.take(len(event))
            return event
        except BaseException as error:
            if not isinstance(error, StopAsyncIteration):
                fail(self._trace, type(error).__name__)
            await self.aclose()
            raise

    async def aclose(self) -> None:
        async with AsyncExitStack() as closing:
            closing.callback(self._end_trace)
            closing.callback(self._on_close)
            if self._reports is not None:
                closing.push_async_callback(self._reports.aclose)
            closing.push_async_callback(self._chunks.aclose)
            closing.push_async_callback(self._stop_coming)

    async def _make_events(self) -> None:
        """Wait until there are events. Raises StopAsyncIteration at the end."""
        try:
            async with self._deadline.each_wait():
                while not self._ready:
                    if self._reports is None:
                        self._take(await anext(self._chunks))
                    else:
                        await self._take_chunk_or_reports(self._reports)
        except StopAsyncIteration:
            if self._finished_at_s is None:
                self._finished_at_s = self._clock()
            if self._reports is None or not (reports := await self._reports.following()):
                raise
            self._ready.extend(reports)

    async def _take_chunk_or_reports(self, reports: SegmentReports) -> None:
        """Wait for the next chunk, or for the report of an earlier segment while the engine makes no audio."""
        coming = self._coming = self._coming or asyncio.create_task(_next_of(self._chunks))
        await asyncio.wait((coming, *reports.next_task()), return_when=asyncio.FIRST_COMPLETED)
        if coming.cancelled():  # closed by another task
            raise StopAsyncIteration
        if coming.done():
            self._coming = None
            self._take(coming.result())
        self._ready.extend(reports.ready())

    async def _stop_coming(self) -> None:
        coming, self._coming = self._coming, None
        if coming is not None:
            coming.cancel()
            await asyncio.gather(coming, return_exceptions=True)

    def _take(self, chunk: AudioChunk) -> None:
        for event in self._stitcher.push(chunk):
            match event:
                case SegmentStarted():
                    self._ready.append(event)
                case SegmentEnded():
                    self._segments.append(event)
                    self._report(event)
                    self._trace.add_event("segment spoken", {"chorus.segment": chunk.segment_index})
                    self._ready.append(event)
                case WordsSpoken() | SegmentChecked():
                    raise AssertionError("reports are made here")
                case _:
                    self._unreported.append(event)
                    self._ready.append(soft_limit(event * self._gain))
                    self.num_samples += len(event)
                    if self._listener is not None:
                        self._listener.gave(len(event) / self.sample_rate_hz)
                    if self._first_audio_at_s is None:
                        self._first_audio_at_s = self._clock()
                        if self._trace.is_recording():
                            self._trace_first_audio(self._first_audio_at_s)

    def _report(self, ended: SegmentEnded) -> None:
        """Begin with the reports of a segment whose last samples have come, with silence before and behind them."""
        parts, self._unreported = self._unreported, []
        if self._reports is not None:
            first = self.num_samples - sum(map(len, parts))
            start, end = (round(moment_s * self.sample_rate_hz) - first for moment_s in (ended.start_s, ended.end_s))
            self._reports.begin(ended, np.concatenate(parts)[start:end])

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


async def _next_of(chunks: Chunks) -> AudioChunk:
    return await anext(chunks)
