"""A conversation: text comes in pieces, and each sentence is spoken once it is whole.

Each sentence is an answer of its own, admitted while the one before is heard, on one timeline. `begin_turn` changes the
voice; `cancel` takes back text that was not heard yet.

    write -> SentenceBuffer -> _written -> (admitted) -> _admitted -> events

Knows no sockets and messages. Lives on the event loop.
"""

import asyncio
import secrets
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AsyncExitStack, aclosing

import msgspec
import numpy as np

from app.audio.provenance import Provenance
from app.errors import NothingToSpeak
from app.speech.backlog import Backlog
from app.speech.events import Marker, SegmentChecked, SegmentEnded, SegmentStarted, SpeechEvent, Warned, WordsSpoken
from app.speech.playback import Listener
from app.speech.receipt import Receipt
from app.speech.request import SpeechRequest
from app.speech.service import SpeechService
from app.speech.stitch import pause_samples
from app.speech.stream import SpeechStream
from app.text.markup import Markup
from app.text.segments import Boundary
from app.text.sentence_buffer import Sentence, SentenceBuffer

MAX_ADMITTED = 2
"""Answers of one conversation in the engine at a time: the one that is heard, and the next."""
PIECE_S = 0.1
"""Longest piece of audio: a cancelled conversation falls silent within one."""
MIN_COST_CHARS = 20
"""Each queued sentence or marker counts as at least this many characters, so that tiny items are bounded."""


Event = SpeechEvent | Warned | Marker
"""Segments are numbered and timed through the whole conversation."""


class _Line(msgspec.Struct):
    """A sentence, and the voice that was chosen when it was written."""

    sentence: Sentence
    speaker_id: str | None


class _Answer(msgspec.Struct):
    sentence: Sentence
    speech: SpeechStream


class _Refused(msgspec.Struct):
    sentence: Sentence
    error: Exception


class Conversation:
    """`request` has everything but the text; `on_spoken` gets the receipt of each sentence when it ends; `provenance`
    is that of all audio.

    One task writes, another reads `events`; either may close.
    """

    def __init__(
        self,
        service: SpeechService,
        request: SpeechRequest,
        *,
        max_pending_chars: int,
        on_spoken: Callable[[Receipt], None],
        provenance: Provenance | None,
    ) -> None:
        self._service = service
        self.provenance = provenance
        self._listener = Listener()
        self._request = msgspec.structs.replace(request, allows_silence=True, listener=self._listener)
        self._backlog = Backlog(max_pending_chars)
        self._on_spoken = on_spoken
        self.seed = secrets.randbits(32) if request.seed is None else request.seed
        self.sample_rate_hz = service.engine.info.sample_rate_hz
        self.num_given = 0
        """samples that `events` has given"""
        self._language = service.check_language(request.language)
        self._buffer = self._new_buffer()
        self._speaker_id = request.speaker_id
        self._written: asyncio.Queue[_Line | Marker | None] = asyncio.Queue()
        self._admitted: asyncio.Queue[_Answer | _Refused | Marker | None] = asyncio.Queue()
        self._num_admitted = 0
        self._num_segments = 0
        self._num_piece = round(PIECE_S * self.sample_rate_hz)
        self._told: set[str] = set()
        self._current: SpeechStream | None = None
        self._last_boundary: Boundary | None = None
        self._num_open = 0
        self._admitting = asyncio.create_task(self._admit_in_order())

    @property
    def times_words(self) -> bool:
        return self._request.word_times

    @property
    def given_s(self) -> float:
        """Seconds of audio given by `events`, pauses included."""
        return round(self.num_given / self.sample_rate_hz, 6)

    @property
    def max_pending_chars(self) -> int:
        return self._backlog.max_chars

    async def full(self) -> None:
        """Wait until more than `max_pending_chars` wait to be given: the writer should pause."""
        await self._backlog.full()

    async def room(self) -> None:
        await self._backlog.room()

    def write(self, text: str) -> None:
        """Raises TextTooLong for more at once than a request may have, or for more than can be kept."""
        self._service.check_length(text)
        self._put(self._buffer.push(text))

    def begin_turn(self, speaker_id: str) -> None:
        """Speak the text so far, also an unfinished sentence, and what is written next in the voice `speaker_id`."""
        self._put(self._buffer.flush())
        self._speaker_id = speaker_id

    def flush(self) -> None:
        """Speak the text so far, also an unfinished sentence; Marker.FLUSHED follows it."""
        self._put([*self._buffer.flush(), Marker.FLUSHED])

    def finish(self) -> None:
        """Speak the rest; then `events` ends."""
        self._put(self._buffer.flush())
        self._written.put_nowait(None)

    async def cancel(self) -> None:
        """Take back all text that was not given yet; Marker.CANCELLED comes next."""
        await self._drop_everything()
        self._admitted.put_nowait(Marker.CANCELLED)
        self._backlog.add(_cost(Marker.CANCELLED))
        self._admitting = asyncio.create_task(self._admit_in_order())
        self._backlog.check()

    async def aclose(self) -> None:
        """`events` ends. May be called twice."""
        await self._drop_everything()
        self._admitted.put_nowait(None)

    async def events(self) -> AsyncGenerator[Event]:
        """All events in order. Ends after `finish`; raises what the service raises."""
        while (item := await self._admitted.get()) is not None:
            match item:
                case _Refused(sentence, error):
                    self._backlog.add(-_cost(sentence))
                    if not isinstance(error, NothingToSpeak):
                        raise error
                    if warned := self._warned_once(error.message):
                        yield warned
                case Marker():
                    self._backlog.add(-_cost(item))
                    yield item
                case _Answer():
                    async with aclosing(self._speak(item)) as spoken:
                        async for event in spoken:
                            yield event

    def _new_buffer(self) -> SentenceBuffer:
        max_chars = self._service.engine.info.max_segment_chars[self._language]
        return SentenceBuffer(self._language, max_chars=max_chars, has_items=self._request.markup is not Markup.PLAIN)

    def _put(self, items: Sequence[Sentence | Marker]) -> None:
        for item in items:
            self._written.put_nowait(_Line(item, self._speaker_id) if isinstance(item, Sentence) else item)
            self._backlog.add(_cost(item))
        self._backlog.check()

    def _warned_once(self, message: str) -> Warned | None:
        if message in self._told:
            return None
        self._told.add(message)
        return Warned(message)

    async def _admit_in_order(self) -> None:
        while True:
            item = await self._written.get()
            if not isinstance(item, _Line):
                self._admitted.put_nowait(item)
                continue
            # A sentence is prepared ahead only where it takes no place that other requests need.
            while self._num_open >= (MAX_ADMITTED if self._service.has_spare_places else 1):
                await self._service.answer_ended()
            try:
                speech = await self._admit(item)
            except Exception as error:  # noqa: BLE001 - raised where `events` is read
                self._admitted.put_nowait(_Refused(item.sentence, error))
            else:
                self._num_open += 1
                self._admitted.put_nowait(_Answer(item.sentence, speech))

    async def _admit(self, line: _Line) -> SpeechStream:
        text = line.sentence.text
        request = msgspec.structs.replace(
            self._request,
            text=text,
            speaker_id=line.speaker_id,
            markup=self._request.markup.of_piece(text),
            seed=(self.seed + self._num_admitted) % 2**32,
            streaming=True,
        )
        # The first sentence may be refused; a conversation that was heard waits for a place instead of stopping.
        admit = self._service.admit_in_turn if self._num_admitted else self._service.admit
        speech = await admit(request)
        self._num_admitted += 1
        return speech

    async def _speak(self, answer: _Answer) -> AsyncGenerator[Event]:
        speech = self._current = answer.speech
        num_before = self.num_given
        try:
            async with aclosing(self._heard(speech)) as heard:
                async for event in heard:
                    yield event
                    if self._current is not speech:
                        return  # cancelled meanwhile
            if self._current is speech:
                self._last_boundary = None if speech.ends_with_pause else answer.sentence.boundary
        except NothingToSpeak as error:
            if warned := self._warned_once(error.message):
                yield warned
        finally:
            self._num_open -= 1
            if self._current is speech:
                self._current = None
                self._backlog.add(-_cost(answer.sentence))
            await speech.aclose()
            given_s = (self.num_given - num_before) / self.sample_rate_hz
            self._on_spoken(msgspec.structs.replace(speech.receipt(), delivered_s=given_s))

    async def _heard(self, speech: SpeechStream) -> AsyncGenerator[Event]:
        """One answer on the conversation's timeline, with the pause before it and its warnings. Pieces have at most
        PIECE_S."""
        start_s, first_index, is_first = 0.0, self._num_segments, True
        async for event in speech:
            match event:
                case SegmentStarted(index, text, segment_start_s):
                    if is_first:
                        is_first = False
                        if self._last_boundary is not None and not speech.begins_with_pause:
                            pause = np.zeros(pause_samples(self._last_boundary, self.sample_rate_hz), np.float32)
                            self.num_given += len(pause)
                            yield pause
                        start_s = self.num_given / self.sample_rate_hz
                    self._num_segments = first_index + index + 1
                    yield SegmentStarted(first_index + index, text, round(start_s + segment_start_s, 6))
                case SegmentEnded(index, text, segment_start_s, end_s):
                    yield SegmentEnded(
                        first_index + index, text, round(start_s + segment_start_s, 6), round(start_s + end_s, 6)
                    )
                case WordsSpoken() | SegmentChecked():
                    yield event.moved(first_index, start_s)
                case _:
                    for at in range(0, len(event), self._num_piece):
                        piece = event[at : at + self._num_piece]
                        self.num_given += len(piece)
                        yield piece
        for warning in speech.receipt().warnings:
            if warned := self._warned_once(warning):
                yield warned

    async def _drop_everything(self) -> None:
        self._admitting.cancel()
        await asyncio.wait((self._admitting,))
        self._written = asyncio.Queue()
        self._buffer = self._new_buffer()
        self._last_boundary = None
        self._listener.stopped()
        self._backlog.clear()
        current, self._current = self._current, None
        async with AsyncExitStack() as closing:  # closes the others too where closing one fails
            if current is not None:
                closing.push_async_callback(current.aclose)  # the reader of `events` sees its end
            for _ in range(self._admitted.qsize()):
                item = self._admitted.get_nowait()
                if item is Marker.CANCELLED:
                    self._admitted.put_nowait(item)  # each `cancel` is answered
                    self._backlog.add(_cost(item))
                elif isinstance(item, _Answer):
                    self._num_open -= 1
                    closing.push_async_callback(item.speech.aclose)


def _cost(item: Sentence | Marker) -> int:
    return max(MIN_COST_CHARS, len(item.text)) if isinstance(item, Sentence) else MIN_COST_CHARS
