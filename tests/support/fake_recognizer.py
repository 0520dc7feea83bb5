"""A FakeRecognizer that a test drives by hand: it recognises the segments that it was given."""

import asyncio
from collections import Counter, deque
from collections.abc import Mapping, Sequence

from app.asr.alignment import AlignedWord, Alignment, Edit, KnownSpeech
from app.asr.base import (
    SAMPLE_RATE_HZ,
    Finished,
    LanguageDetected,
    Progress,
    RecognitionEvent,
    RecognizedSegment,
    RecognizerInfo,
    RecognizerStats,
    TranscriptionRequest,
    WindowWork,
    Word,
)
from app.errors import QueueFull, UnsupportedLanguage


def segment(index: int, text: str, start_s: float, end_s: float) -> RecognizedSegment:
    """A segment whose words share its time equally."""
    words = text.split()
    step_s = (end_s - start_s) / max(1, len(words))
    return RecognizedSegment(
        index=index,
        start_s=start_s,
        end_s=end_s,
        text=text,
        tokens=tuple(range(len(words))),
        words=tuple(
            Word(start_s=start_s + i * step_s, end_s=start_s + (i + 1) * step_s, text=f" {word}", probability=0.9)
            for i, word in enumerate(words)
        ),
        avg_logprob=-0.25,
        compression_ratio=1.2,
        no_speech_prob=0.02,
        temperature=0.0,
    )


SPOKEN = (segment(0, " Good morning.", 0.0, 1.0), segment(1, " The river is wide.", 1.5, 3.0))


class FakeStream:
    """Yields `events`; an exception among them is raised, and an asyncio.Event is waited for."""

    def __init__(self, events: Sequence[RecognitionEvent | Exception | asyncio.Event]) -> None:
        self._events = deque(events)
        self.is_closed = False

    def __aiter__(self) -> "FakeStream":
        return self

    async def __anext__(self) -> RecognitionEvent:
        while self._events and not self.is_closed:
            event = self._events.popleft()
            if isinstance(event, asyncio.Event):
                await event.wait()
            elif isinstance(event, Exception):
                raise event
            else:
                return event
        raise StopAsyncIteration

    async def aclose(self) -> None:
        self.is_closed = True


class FakeRecognizer:
    """Every request gets `segments`, in English.

    fails         raised behind the segments
    waits         an event that streams wait for behind their first segment
    max_admitted  open streams at a time
    wait_s        until a place is free, as it says when there is none
    edits         what is heard of every known speech
    faulty        how often the first word of a known text is missing, before it is said
    unsure        probabilities of words of known texts, where they are not 0.95
    pace          seconds for a second of known speech, as it says; nothing takes that long
    """

    def __init__(
        self,
        segments: Sequence[RecognizedSegment] = SPOKEN,
        *,
        fails: Exception | None = None,
        waits: asyncio.Event | None = None,
        max_admitted: int = 4,
        wait_s: int = 3,
        edits: Sequence[Edit] = (),
        faulty: Mapping[str, int] | None = None,
        unsure: Mapping[str, float] | None = None,
        cuts_off: bool = False,
        pace: float = 0.0,
    ) -> None:
        self._cuts_off = cuts_off
        self.pace = pace
        self._unsure = unsure or {}
        self._faulty = Counter(faulty or {})
        self._edits = tuple(edits)
        self.known: list[KnownSpeech] = []
        self._segments = segments
        self._fails = fails
        self._waits = waits
        self._wait_s = wait_s
        self.requests: list[TranscriptionRequest] = []
        self.streams: list[FakeStream] = []
        self.is_closed = False
        self.info = RecognizerInfo(
            name="fake",
            model="fake-whisper",
            languages=("en", "de"),
            can_translate=True,
            device="none",
            precision="none",
            max_batch=2,
            max_admitted=max_admitted,
        )

    def hears_faults(self, faulty: Mapping[str, int]) -> None:
        self._faulty = Counter(faulty)

    def stats(self) -> RecognizerStats:
        num_open = sum(not stream.is_closed for stream in self.streams)
        return RecognizerStats(
            admitted_requests=num_open,
            waiting_requests=0,
            waiting_windows=0,
            busy_windows=0,
            num_batches=0,
            num_windows=0,
            speech_s=0.0,
            busy_s=0.0,
        )

    def check_room(self) -> None:
        if self.stats().admitted_requests >= self.info.max_admitted:
            raise QueueFull("recordings are being transcribed; try again in a moment", retry_after_s=self._wait_s)

    def seconds_until_place(self) -> int:
        return self._wait_s

    def submit(self, request: TranscriptionRequest) -> FakeStream:
        if request.language is not None and request.language not in self.info.languages:
            raise UnsupportedLanguage(f"language {request.language!r} is not one of en, de", param="language")
        self.check_room()
        self.requests.append(request)
        stream = FakeStream(self._events(request))
        self.streams.append(stream)
        return stream

    async def align(self, speech: Sequence[KnownSpeech]) -> list[Alignment | None]:
        """Words share the time of their speech equally; a text of more than 100 words cannot be aligned."""
        self.known += speech
        if self._waits is not None:
            await self._waits.wait()
        if self._fails is not None:
            raise self._fails
        return [self._alignment(each) for each in speech]

    def seconds_to_align(self, speech_s: float) -> float:
        return self.pace * speech_s

    def _alignment(self, speech: KnownSpeech) -> Alignment | None:
        texts = speech.written.split()
        if len(texts) > 100:
            return None
        edits = self._edits
        if self._faulty[speech.written] > 0:
            self._faulty[speech.written] -= 1
            edits = (*edits, Edit(kind="missing", first=0, last=0, gain=9.0))
        step_s = speech.duration_s / len(texts)
        words = (
            AlignedWord(
                text=text, start_s=at * step_s, end_s=(at + 0.9) * step_s, probability=self._unsure.get(text, 0.95)
            )
            for at, text in enumerate(texts)
        )
        return Alignment(
            words=tuple(words), sounds=(), edits=edits, letter_s=0.05, silence=None, is_cut_off=self._cuts_off
        )

    def _events(self, request: TranscriptionRequest) -> list[RecognitionEvent | Exception | asyncio.Event]:
        duration_s = len(request.samples) / SAMPLE_RATE_HZ
        events: list[RecognitionEvent | Exception | asyncio.Event] = []
        if self._segments:
            detected = (
                LanguageDetected("en", 0.98) if request.language is None else LanguageDetected(request.language, 1)
            )
            events = [detected, *self._segments]
        if self._waits is not None:
            events.insert(2, self._waits)
        if self._fails is not None:
            return [*events, self._fails]
        receipt = Finished(
            duration_s=duration_s,
            speech_s=sum(each.end_s - each.start_s for each in self._segments),
            language=request.language or ("en" if self._segments else None),
            num_segments=len(self._segments),
            num_windows=1,
            num_fallbacks=0,
            queue_s=0.01,
            total_s=0.1,
        )
        work = WindowWork(started_s=0.01, ended_s=0.09, num_turns=2, encode_s=0.03, decode_s=0.05)
        return [*events, Progress(duration_s, work), receipt]

    async def aclose(self) -> None:
        self.is_closed = True
