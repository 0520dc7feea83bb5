"""Events of one transcription within its deadline, and its receipt."""

import time
from collections.abc import Callable

from app.asr.base import (
    Finished,
    LanguageDetected,
    Progress,
    RecognitionEvent,
    RecognitionStream,
    RecognizedSegment,
    WindowWork,
)
from app.deadline import Deadline
from app.errors import EngineFailure
from app.observability.tracing import INVALID_SPAN, Span, fail, start_span
from app.transcription.transcript import Transcript

LATE_TEXT = "the transcription did not come"


class TranscriptionStream:
    """An asynchronous iterator of events. The holder must close it; closing twice does no harm.

    duration_s of the recording
    deadline   of the first event; each later event may take as long as `deadline.timeout_s`, also in `collect`
    trace      span of the recognition; this object ends it
    """

    def __init__(
        self,
        events: RecognitionStream,
        *,
        duration_s: float,
        deadline: Deadline,
        warnings: tuple[str, ...],
        on_close: Callable[[], None],
        trace: Span = INVALID_SPAN,
    ) -> None:
        self._events = events
        self._deadline = deadline
        self._on_close = on_close
        self._trace = trace
        self._submitted_at_ns = time.time_ns()
        self._is_queued = True
        self._first: RecognitionEvent | None = None
        self._segments: list[RecognizedSegment] = []
        self._is_closed = False
        self.duration_s = duration_s
        self.warnings = warnings
        self.language: str | None = None
        self.receipt: Finished | None = None
        """None until the end"""

    async def start(self) -> None:
        """Wait for the first event: an error before it can still be a status. Raises DeadlineExceeded."""
        try:
            async with self._deadline.overall(LATE_TEXT):
                self._first = await self._next()
        except BaseException:
            await self.aclose()
            raise

    async def collect(self) -> Transcript:
        """Every event, as one Transcript. Raises DeadlineExceeded and EngineFailure. Closes the stream.

        A long recording may take longer than the deadline in all, because each event gives the next one its own time.
        """
        try:
            await self.start()
            async for _ in self:
                pass
        finally:
            await self.aclose()
        return self.transcript()

    def transcript(self) -> Transcript:
        """The facts of a stream that has come to its end."""
        assert self.receipt is not None
        return Transcript(segments=tuple(self._segments), receipt=self.receipt, warnings=self.warnings)

    @property
    def num_segments(self) -> int:
        """So far."""
        return len(self._segments)

    def __aiter__(self) -> "TranscriptionStream":
        return self

    async def __anext__(self) -> RecognitionEvent:
        if self._first is not None:
            event, self._first = self._first, None
            return event
        try:
            async with self._deadline.each_wait(LATE_TEXT):
                return await self._next()
        except BaseException:
            await self.aclose()
            raise

    async def _next(self) -> RecognitionEvent:
        """Raises StopAsyncIteration after the receipt."""
        try:
            event = await anext(self._events)
        except StopAsyncIteration:
            if self.receipt is None:
                raise EngineFailure("the recogniser ended before the recording did") from None
            raise
        except BaseException as error:
            fail(self._trace, type(error).__name__)
            raise
        match event:
            case LanguageDetected(language=language):
                self.language = language
            case RecognizedSegment():
                self._segments.append(event)
            case Progress(work=WindowWork() as work):
                if self._trace.is_recording():
                    self._trace_window(work)
            case Finished():
                self.receipt = event
                self.language = event.language
            case _:
                pass
        return event

    async def aclose(self) -> None:
        if self._is_closed:
            return
        self._is_closed = True
        try:
            await self._events.aclose()
        finally:
            self._on_close()
            self._end_trace()

    def _trace_window(self, work: WindowWork) -> None:
        """Spans that are known only afterwards: a window in the model, and before the first one the wait for it."""

        def moment_ns(seconds: float) -> int:
            return self._submitted_at_ns + round(seconds * 1e9)

        if self._is_queued:
            self._is_queued = False
            queue = start_span("queue", parent=self._trace, start_ns=self._submitted_at_ns)
            queue.end(moment_ns(work.started_s))
        window = start_span("window", parent=self._trace, start_ns=moment_ns(work.started_s))
        window.set_attribute("chorus.turns", work.num_turns)
        window.set_attribute("chorus.encode_seconds", work.encode_s)
        window.set_attribute("chorus.decode_seconds", work.decode_s)
        window.end(moment_ns(work.ended_s))

    def _end_trace(self) -> None:
        if self._trace.is_recording():
            self._trace.set_attribute("chorus.audio_seconds", self.duration_s)
            self._trace.set_attribute("chorus.segments", self.num_segments)
            if self.receipt is not None:
                self._trace.set_attribute("chorus.speech_seconds", self.receipt.speech_s)
        self._trace.end()
