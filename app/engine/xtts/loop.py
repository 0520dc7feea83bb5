"""The thread that owns the device: messages come in by one inbox, audio goes out to the sinks of requests.

`step` is one turn. Nothing else touches the networks, the batch or the scheduler, so there is no lock.
"""

import logging
import queue
import threading
import time
from collections.abc import Callable, Iterator

import msgspec
import torch

from app.engine.live import LiveStreams
from app.engine.pace import Pace
from app.engine.scheduler import Request, Scheduler
from app.engine.xtts.cloning import CloneStage, CloneVoice
from app.engine.xtts.config import ModelConfig
from app.engine.xtts.decoding import DecodeStage, StepResult
from app.engine.xtts.messages import AudioConsumed, Cancel, Message, Speak, Stop
from app.engine.xtts.model.prompt import num_prompt_positions
from app.engine.xtts.runaway import Guards
from app.engine.xtts.runner.batch import Batch
from app.engine.xtts.sequence import XttsSequence, drop_audio
from app.engine.xtts.vocoder.vocoder import Vocoder
from app.engine.xtts.vocoding import VocodeStage
from app.engine.xtts.voice.conditioning import Conditioner
from app.errors import ChorusError, Draining, EngineFailure, SteppedAside

logger = logging.getLogger(__name__)

BOOKS_TURN = 20
"""Steps for each chunk of a book beside whole answers: on a CPU a chunk takes as long as six steps."""
URGENT_SLACK_S = 1.0
"""A stream with less audio than this in hand is about to have a gap."""


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds of one turn.

    chunks_per_turn        chunks of the vocoder
    prefill_positions      positions that join, unless one segment has more: running streams wait for them
    lookahead_steps        steps that the device is ahead of the host
    max_vocoded_ahead_s    as max_ahead_s of VocodeStage
    num_kept_slots         slots for requests that have not started
    max_ahead_s            audio that a stream is decoded ahead of its listener
    """

    chunks_per_turn: int
    prefill_positions: int
    lookahead_steps: int
    max_vocoded_ahead_s: float
    num_kept_slots: int
    max_ahead_s: float


class EngineLoop:
    """`send` may be called on any thread, the rest on the one that calls `run`.

    pace, clone_pace   measured here, read by Admission
    live               its capacity is measured here too, read by Admission
    """

    def __init__(
        self,
        *,
        config: ModelConfig,
        batch: Batch,
        vocoder: Vocoder,
        conditioner: Conditioner,
        guards: Guards,
        limits: Limits,
        live: LiveStreams,
        on_lost: Callable[[ChorusError], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._inbox: queue.SimpleQueue[Message] = queue.SimpleQueue()
        self._ending = threading.Lock()
        self._has_ended = False
        self._limits = limits
        self._on_lost = on_lost
        self._clock = clock
        self._code_s = config.model_args.code_s
        self.pace, self.clone_pace = Pace(), Pace()
        self.live = live
        self._scheduler = Scheduler(
            max_slots=batch.slots,
            num_kept_slots=limits.num_kept_slots,
            max_ahead_s=limits.max_ahead_s,
            pace=self.pace,
            live=live,
        )
        self._decoding = DecodeStage(batch, config, guards, lookahead_steps=limits.lookahead_steps)
        self._vocoding = VocodeStage(
            vocoder,
            config.model_args,
            chunks_per_turn=limits.chunks_per_turn,
            latents_of=self._decoding.latents,
            on_made=self._scheduler.made,
            on_end=self._scheduler.end,
            lookahead_steps=limits.lookahead_steps,
            max_ahead_s=limits.max_vocoded_ahead_s,
        )
        self._cloning = CloneStage(conditioner, clock=clock, pace=self.clone_pace)
        self._max_decoded, self._num_held = batch.slots, 0
        self._is_stopping = False

    @property
    def busy_slots(self) -> int:
        return len(self._decoding.running)

    @property
    def num_retried(self) -> int:
        return self._decoding.num_retried

    @property
    def num_steps(self) -> int:
        return self._decoding.num_steps

    @property
    def num_cut(self) -> int:
        return self._vocoding.num_cut

    def send(self, message: Message) -> None:
        """After the loop's end, requests and clones are refused with Draining."""
        with self._ending:
            if not self._has_ended:
                self._inbox.put(message)
                return
        _refuse(message)

    def run(self) -> None:
        while not self._is_stopping:
            try:
                self.step()
            except Exception as error:  # noqa: BLE001 - the loop's boundary: every request fails by name, none in silence
                self._fail_everything(error)
        self._end()

    def step(self) -> None:
        self._take_inbox()
        is_decoding = self._is_decoding()
        self._cloning.run(is_decoding=is_decoding, is_urgent=self._is_urgent())
        began_at_s = self._clock()
        self._decoding.join(self._admit())
        must_yield = self._scheduler.must_yield(began_at_s)
        self._stop_background(None if must_yield else self._num_lacking_slots())
        num_running = len(self._decoding.running)
        has_background = any(each.request.is_background for each in (*self._decoding.running, *self._vocoding.decoded))
        self._take(self._decoding.step())
        holds_books = must_yield or (any(self._whole_answers()) and not self._is_turn_of_books())
        for sequence in self._vocoding.run(self._decoding.running, self._clock(), must_yield=holds_books):
            if sequence.request.is_finished:
                self._drop(sequence.request)
        if is_decoding:
            seconds = self._clock() - began_at_s
            self._cloning.decoded_for(seconds)
            if not has_background:  # the vocoder may work for more of its segments than are decoded
                self.live.capacity.measured(num_running, audio_s=self._code_s, seconds=seconds)

    def _is_decoding(self) -> bool:
        stages = (self._decoding.running, self._decoding.waiting, self._vocoding.decoded)
        return any(stages) or self._scheduler.can_start(self._clock())

    def _is_urgent(self) -> bool:
        now_s = self._clock()
        return any(
            request.streaming and request.in_progress and request.playback_slack_s(now_s) < URGENT_SLACK_S
            for request in self._scheduler.requests
        )

    def _take_inbox(self) -> None:
        """Handle all messages; when idle, block for one."""
        wait = not (self._is_decoding() or self._cloning.has_work)
        while not self._is_stopping:
            try:
                message = self._inbox.get(block=wait)
            except queue.Empty:
                return
            wait = False
            match message:
                case Speak(request):
                    self._scheduler.add(request)
                case Cancel(request):
                    self._drop(request)
                case AudioConsumed(request, seconds):
                    self._scheduler.take(request, seconds)
                case CloneVoice():
                    self._cloning.add(message)
                case Stop():
                    self._is_stopping = True

    def _admit(self) -> list[XttsSequence]:
        """Sequences for the free slots: second attempts first, then by playback slack."""
        joining: list[XttsSequence] = []
        num_positions = 0
        # The decoder must not run ahead of a slower vocoder without end.
        yields = self._scheduler.must_yield(self._clock()) or any(self._whole_answers())
        num_decoded = sum(not (yields and each.request.is_background) for each in self._vocoding.decoded)
        room = self._decoding.num_free_slots if num_decoded < self._max_decoded else 0
        while len(joining) < room and num_positions < self._limits.prefill_positions:
            if self._decoding.waiting:
                sequence = self._decoding.waiting.pop(0)
            else:
                sequence = self._scheduler.next_sequence(self._clock())
                if sequence is None:
                    break
            assert isinstance(sequence, XttsSequence), "a sequence of another engine"
            joining.append(sequence)
            num_positions += num_prompt_positions(len(sequence.text_tokens))
        return joining

    def _whole_answers(self) -> Iterator[Request]:
        """Requests of callers who wait for the end of the answer."""
        return (each for each in self._scheduler.requests if not (each.streaming or each.is_background))

    def _is_turn_of_books(self) -> bool:
        """True once in BOOKS_TURN calls: otherwise whole answers, one after the other, would stop all books."""
        self._num_held = (self._num_held + 1) % BOOKS_TURN
        return not self._num_held

    def _num_lacking_slots(self) -> int:
        """Segments of whole answers that have begun, for which no slot is free."""
        num_waiting = sum(len(each.sequences) - each.num_started for each in self._whole_answers())
        num_free = self._decoding.num_free_slots - self._limits.num_kept_slots
        return max(0, num_waiting - max(0, num_free))

    def _stop_background(self, count: int | None) -> None:
        """Take segments of books out of the batch, the newest first: all for None, because each of them makes every
        step longer.
        """
        for request in self._decoding.background()[:count]:
            request.sink.fail(SteppedAside("stopped for requests of callers"))
            self._drop(request)

    def _take(self, ended: StepResult) -> None:
        now_s = self._clock()
        for sequence in ended.decoded:
            self._scheduler.free_slot(sequence, now_s)
        self._vocoding.decoded += ended.decoded
        for sequence in ended.failed:
            self._scheduler.free_slot(sequence, now_s, is_whole=False)
            number = sequence.index + 1
            sequence.request.sink.fail(EngineFailure(f"segment {number} decoded to what is not a number"))
            self._drop(sequence.request)

    def _drop(self, request: Request) -> None:
        """May be called twice."""
        self._scheduler.release(request)
        for sequence in self._decoding.drop(request):
            self._scheduler.free_slot(sequence, self._clock(), is_whole=False)
        self._vocoding.drop(request)
        drop_audio(request)

    def _fail_everything(self, error: Exception) -> None:
        """Fail all requests. When the device is lost the loop ends, else the batch is emptied."""
        requests = self._scheduler.requests
        logger.error("the engine's turn failed with %d requests in it", len(requests), exc_info=error)
        is_lost = isinstance(error, torch.AcceleratorError) and not isinstance(error, torch.OutOfMemoryError)
        for request in requests:
            request.sink.fail(_failure("the engine failed while this request was being spoken", error))
            drop_audio(request)
        self._scheduler.clear()
        self._vocoding.reset()
        if not is_lost:
            try:
                self._decoding.reset()
            except Exception as again:  # noqa: BLE001 - a batch that cannot even be emptied is as good as no device
                is_lost, error = True, again
        if is_lost:
            self._is_stopping = True
            self._on_lost(_failure("the device has failed and this process cannot use it any more", error))

    def _end(self) -> None:
        with self._ending:
            self._has_ended = True
        self._cloning.fail(_stopped())
        while not self._inbox.empty():  # nothing is put any more
            _refuse(self._inbox.get())


def _refuse(message: Message) -> None:
    match message:
        case Speak(request):
            request.sink.fail(_stopped())
        case CloneVoice():
            message.done(_stopped())
        case _:
            pass


def _stopped() -> Draining:
    return Draining("the server is shutting down")


def _failure(what: str, error: Exception) -> EngineFailure:
    failure = EngineFailure(what)
    failure.__cause__ = error
    return failure
