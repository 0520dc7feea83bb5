"""Several turns in one answer: each in its own voice, language and speed.

Each turn is an answer of its own, so its samples are those of a request for it alone. Turns are admitted ahead of the
one that is heard, so that the engine decodes them in one batch, and leave in order. Lives on the event loop.
"""

import asyncio
import secrets
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack

import msgspec
import numpy as np

from app.audio.provenance import Provenance
from app.engine.values import Samples, Voice
from app.errors import ChorusError, NothingToSpeak
from app.speech.events import SegmentChecked, SegmentEnded, SegmentStarted, SpeechEvent, WordsSpoken
from app.speech.playback import Delivery, Listener
from app.speech.receipt import Receipt, Signer, Speech
from app.speech.request import SpeechRequest
from app.speech.service import SpeechService
from app.speech.stream import SpeechStream

MAX_TURNS = 1000
MAX_PAUSE_MS = 10_000
MAX_WARNINGS = 20
"""Warnings of a dialogue; more are counted. The same warning of several turns is given once."""


class Turn(msgspec.Struct, frozen=True):
    request: SpeechRequest
    pause_s: float = 0.0
    """silence behind it"""


async def speak_turns(service: SpeechService, turns: Sequence[Turn]) -> Speech:
    """The turns as one answer, with its first audio. The caller must close the result.

    Turns without a seed share one that is drawn. Raises what `SpeechService.speak` raises.
    """
    if len(turns) == 1 and not turns[0].pause_s:
        return await service.speak(turns[0].request)
    drawn = secrets.randbits(32)
    seeded = [
        turn if turn.request.seed is not None else Turn(msgspec.structs.replace(turn.request, seed=drawn), turn.pause_s)
        for turn in turns
    ]
    dialogue = Dialogue(service, seeded)
    await dialogue.start()
    return dialogue


class Dialogue:
    """The turns of one answer as one stream of events; see Speech. The holder must close it.

    Segments are numbered and timed through all turns. A turn without sound is left out with a warning; NothingToSpeak
    is raised where no turn has any.
    """

    def __init__(
        self, service: SpeechService, turns: Sequence[Turn], *, clock: Callable[[], float] = time.perf_counter
    ) -> None:
        listener = Listener()
        self._service = service
        self._clock = clock
        self._turns = [Turn(msgspec.structs.replace(turn.request, listener=listener), turn.pause_s) for turn in turns]
        self._max_ahead = service.engine.info.max_slots
        self._admitted: asyncio.Queue[tuple[int, SpeechStream | Exception] | None] = asyncio.Queue()
        """turns by their number"""
        self._num_open = 0
        self._asked_at_s = self._clock()
        self._admitting: asyncio.Task[None] | None = None
        self._current: SpeechStream | None = None
        self._number = 0
        """of the current turn"""
        self._turns_of_segments: list[int] = []
        self._ready: deque[SpeechEvent] = deque()
        self._segments: list[SegmentEnded] = []
        self._words: list[WordsSpoken] = []
        self._checks: list[SegmentChecked] = []
        self._check_s = 0.0
        self._provenance: Provenance | None = None
        self._warnings: list[str] = []
        self._first: Receipt | None = None
        """of the first turn that was heard"""
        self._start_s, self._first_index = 0.0, 0
        self._num_samples = 0
        self.delivery = Delivery(self.sample_rate_hz, clock)
        self._finished_at_s: float | None = None

    @property
    def signer(self) -> Signer | None:
        return self._service.signer

    @property
    def sample_rate_hz(self) -> int:
        return self._service.engine.info.sample_rate_hz

    @property
    def times_words(self) -> bool:
        return self._turns[0].request.word_times

    def receipt(self) -> Receipt:
        info = self._service.engine.info
        warnings = self._warnings[:MAX_WARNINGS]
        if len(self._warnings) > MAX_WARNINGS:
            warnings.append(f"{len(self._warnings) - MAX_WARNINGS} more warnings")
        first = self._first
        return Receipt(
            engine=info.name,
            precision=info.precision,
            seed=self._turns[0].request.seed or 0,
            warnings=tuple(warnings),
            queue_s=None if first is None else first.queue_s,
            first_audio_s=None if first is None else first.first_audio_s,
            total_s=None if self._finished_at_s is None else self._finished_at_s - self._asked_at_s,
            audio_s=self._num_samples / self.sample_rate_hz,
            delivered_s=self.delivery.seconds,
            num_underruns=self.delivery.num_underruns,
            segments=tuple(self._segments),
            words=tuple(self._words),
            check=self._service.check_mode(self._turns[0].request),
            checks=tuple(self._checks),
            check_s=self._check_s,
            provenance=self._provenance,
        )

    def turn_of(self, segment_index: int) -> int:
        return self._turns_of_segments[segment_index]

    async def start(self) -> None:
        """Check every turn and wait for the first audio. Raises what a request for one turn raises."""
        try:
            self._service.check_length("".join(turn.request.text for turn in self._turns))
            voices: dict[tuple[str | None, str], Voice] = {}
            for turn in self._turns:
                key = turn.request.speaker_id, turn.request.language
                if key not in voices:
                    voices[key] = await self._service.check(turn.request)
            self._provenance = self._service.provenance(*voices.values())
            self._admitting = asyncio.create_task(self._admit_in_order())
            await self._make_events()
        except StopAsyncIteration:
            await self.aclose()
            raise NothingToSpeak("no turn has anything that can be spoken", param="turns") from None
        except BaseException:
            await self.aclose()
            raise

    async def collect(self) -> Samples:
        """All samples, [samples]. Raises DeadlineExceeded for a turn that takes too long."""
        try:
            parts = [event async for event in self if isinstance(event, np.ndarray)]
        finally:
            await self.aclose()
        return np.concatenate(parts)

    def __aiter__(self) -> "Dialogue":
        return self

    async def __anext__(self) -> SpeechEvent:
        try:
            if not self._ready:
                await self._make_events()
        except BaseException:
            await self.aclose()
            raise
        event = self._ready.popleft()
        if isinstance(event, np.ndarray):
            self.delivery.take(len(event))
        return event

    async def aclose(self) -> None:
        """Close every turn, also where closing one of them fails."""
        async with AsyncExitStack() as closing:
            closing.push_async_callback(self._close_admitted)
            current, self._current = self._current, None
            if current is not None:
                closing.push_async_callback(current.aclose)
            if self._admitting is not None:
                self._admitting.cancel()
                await asyncio.wait((self._admitting,))

    async def _close_admitted(self) -> None:
        async with AsyncExitStack() as closing:
            while not self._admitted.empty():
                item = self._admitted.get_nowait()
                if item is not None and isinstance(item[1], SpeechStream):
                    closing.push_async_callback(item[1].aclose)

    async def _admit_in_order(self) -> None:
        has_begun = False
        for number, turn in enumerate(self._turns):
            # A turn is decoded ahead only where it takes no place that other requests need.
            while self._num_open >= (self._max_ahead if self._service.has_spare_places else 1):
                await self._service.answer_ended()
            admit = self._service.admit_in_turn if has_begun else self._service.admit
            try:
                speech = await admit(turn.request)
            except Exception as error:  # noqa: BLE001 - raised where events are read
                self._admitted.put_nowait((number, error))
                if not isinstance(error, NothingToSpeak):
                    return
            else:
                has_begun = True
                self._num_open += 1
                self._admitted.put_nowait((number, speech))
        self._admitted.put_nowait(None)

    async def _make_events(self) -> None:
        """Wait until there are events. Raises StopAsyncIteration at the end."""
        while not self._ready:
            if self._current is None:
                await self._begin_turn()
            speech = self._current
            assert speech is not None
            try:
                self._take(await anext(speech))
            except StopAsyncIteration:
                await self._end_turn(speech)
            except NothingToSpeak as error:
                self._warn(error)
                await self._end_turn(speech)

    async def _begin_turn(self) -> None:
        """Raises StopAsyncIteration after the last turn."""
        while (item := await self._admitted.get()) is not None:
            number, speech = item
            if isinstance(speech, SpeechStream):
                self._current, self._number = speech, number
                return
            if not isinstance(speech, NothingToSpeak):
                raise speech
            self._warn(speech)
        self._admitted.put_nowait(None)
        self._finished_at_s = self._clock()
        raise StopAsyncIteration

    async def _end_turn(self, speech: SpeechStream) -> None:
        receipt = speech.receipt()
        self._check_s += receipt.check_s
        await speech.aclose()
        self._num_open -= 1
        self._current = None
        for warning in receipt.warnings:
            self._add_warning(warning)
        pause_s = self._turns[self._number].pause_s
        if receipt.audio_s and pause_s:
            self._give(np.zeros(round(pause_s * self.sample_rate_hz), np.float32))
        self._start_s, self._first_index = self._num_samples / self.sample_rate_hz, len(self._segments)

    def _take(self, event: SpeechEvent) -> None:
        match event:
            case SegmentStarted(index, text, start_s):
                self._ready.append(SegmentStarted(self._first_index + index, text, self._start_s + start_s))
            case SegmentEnded(index, text, start_s, end_s):
                ended = SegmentEnded(self._first_index + index, text, self._start_s + start_s, self._start_s + end_s)
                self._segments.append(ended)
                self._turns_of_segments.append(self._number)
                self._ready.append(ended)
            case WordsSpoken():
                words = event.moved(self._first_index, self._start_s)
                self._words.append(words)
                self._ready.append(words)
            case SegmentChecked():
                checked = event.moved(self._first_index, self._start_s)
                self._checks.append(checked)
                self._ready.append(checked)
            case _:
                self._give(event)

    def _give(self, samples: Samples) -> None:
        self._num_samples += len(samples)
        self._ready.append(samples)
        if self._first is None and self._current is not None:
            self._first = self._current.receipt()

    def _warn(self, error: ChorusError) -> None:
        self._add_warning(f"a turn is left out: {error.message}")

    def _add_warning(self, warning: str) -> None:
        if warning not in self._warnings:
            self._warnings.append(warning)
