"""The thread that owns the device: requests in by one inbox, audio out by calls that any thread may make.

`step` is one turn of the engine and reads as the algorithm does. Nothing else touches the networks, the batch or the
scheduler, so there is no lock. Knows requests and their order; knows nothing of the event loop and of callers.
"""

import logging
import queue
import time
from collections.abc import Callable

import torch

from app.engine.scheduler import Scheduler, Work
from app.engine.xtts.config import ModelConfig
from app.engine.xtts.decode.batch import Batch
from app.engine.xtts.decode_stage import DecodeStage, Ended
from app.engine.xtts.guards import Guards, budget_of
from app.engine.xtts.messages import Cancel, Condition, Message, Stop, Submit, Taken
from app.engine.xtts.sequence import EncodedSegment, Job, Sequence
from app.engine.xtts.text.tokenizer import TextTokenizer
from app.engine.xtts.vocode.frames import FrameGrid
from app.engine.xtts.vocode.vocoder import Vocoder
from app.engine.xtts.vocode_stage import VocodeStage
from app.engine.xtts.voice.conditioning import Conditioner
from app.errors import ChorusError, Draining, EngineFailure

logger = logging.getLogger(__name__)

MAX_PREFILL_TOKENS = 512
"""Text tokens that may join in one turn, unless one segment has more: running streams wait for them."""


class DeviceLoop:
    """`inbox.put` from any thread; everything else happens on the one that calls `run`."""

    def __init__(
        self,
        *,
        config: ModelConfig,
        tokenizer: TextTokenizer,
        batch: Batch,
        vocoder: Vocoder,
        conditioner: Conditioner,
        guards: Guards,
        windows_per_turn: int,
        read_late: int,
        on_lost: Callable[[ChorusError], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.inbox: queue.SimpleQueue[Message] = queue.SimpleQueue()
        self._args = config.model_args
        self._tokenizer = tokenizer
        self._conditioner = conditioner
        self._guards = guards
        self._on_lost = on_lost
        self._clock = clock
        self._scheduler = Scheduler(max_slots=batch.slots)
        self._decoding = DecodeStage(batch, config, guards, read_late=read_late)
        self._vocoding = VocodeStage(
            vocoder,
            config.model_args,
            windows_per_turn=windows_per_turn,
            latents_of=self._decoding.latents,
            on_made=self._scheduler.made,
            read_late=read_late,
        )
        self._max_decoded = batch.slots
        self._jobs: dict[Work, Job] = {}
        self._is_stopping = False

    @property
    def busy_slots(self) -> int:
        return len(self._decoding.rows)

    @property
    def num_retried(self) -> int:
        return self._decoding.num_retried

    @property
    def num_steps(self) -> int:
        return self._decoding.num_steps

    @property
    def num_cut(self) -> int:
        return self._vocoding.num_cut

    def run(self) -> None:
        """Turn after turn, until a Stop or the loss of the device."""
        while not self._is_stopping:
            try:
                self.step()
            except Exception as error:  # noqa: BLE001 - the loop's boundary: every request fails by name, none in silence
                self._fail_everything(error)
        self._refuse_rest()

    def step(self) -> None:
        """One turn of the engine: everything that can move, moves once."""
        self._take_inbox()
        self._decoding.join(self._admit())
        self._take(self._decoding.step())
        for sequence in self._vocoding.run(self._decoding.rows, self._clock()):
            if sequence.job.is_finished:
                self._drop(sequence.job.work)

    def _take_inbox(self) -> None:
        """All messages; when there is nothing else to do, wait for one."""
        stages = (self._decoding.rows, self._decoding.waiting, self._vocoding.decoded)
        wait = not (any(stages) or self._scheduler.can_start())
        while not self._is_stopping:
            try:
                message = self.inbox.get(block=wait)
            except queue.Empty:
                return
            wait = False
            match message:
                case Submit(job):
                    self._take_job(job)
                case Cancel(work):
                    self._drop(work)
                case Taken(work, seconds):
                    self._scheduler.take(work, seconds)
                case Condition():
                    self._condition(message)
                case Stop():
                    self._is_stopping = True

    def _take_job(self, job: Job) -> None:
        """Every segment is read before the first is spoken: what does not fit must be told before any audio."""
        try:
            job.segments = tuple(self._encode(segment.text, job.request.language) for segment in job.request.segments)
        except ChorusError as error:
            job.delivery.fail(error)
        except Exception as error:  # noqa: BLE001 - text of strangers in a library: fails this request and no other
            job.delivery.fail(_failure("the text could not be read", error))
        else:
            self._jobs[job.work] = job
            self._scheduler.add(job.work)

    def _encode(self, text: str, language: str) -> EncodedSegment:
        cleaned = self._tokenizer.clean(text, language)
        tokens = self._tokenizer.encode_cleaned(cleaned, language)
        limit = self._args.max_audio_codes
        budget = budget_of(cleaned, code_s=self._args.code_s, limit=limit, guards=self._guards)
        return EncodedSegment(torch.tensor(tokens), budget)

    def _condition(self, message: Condition) -> None:
        try:
            message.done(self._conditioner.condition(message.clips))
        except ChorusError as error:
            message.done(error)
        except torch.AcceleratorError as error:
            message.done(_failure("the engine failed while it listened to the recordings", error))
            raise
        except Exception as error:  # noqa: BLE001 - recordings of strangers: fails this caller and no other
            message.done(_failure("the recordings could not be turned into a voice", error))

    def _admit(self) -> list[Sequence]:
        """Sequences for the free rows: second attempts first, then by playback slack."""
        joining: list[Sequence] = []
        num_tokens = 0
        # Where the vocoder is the slower of the two, the decoder must not run ahead of it without end.
        room = self._decoding.num_free_rows if len(self._vocoding.decoded) < self._max_decoded else 0
        while len(joining) < room and num_tokens < MAX_PREFILL_TOKENS:
            if self._decoding.waiting:
                sequence = self._decoding.waiting.pop(0)
            elif started := self._scheduler.next_sequence(self._clock()):
                job = self._jobs[started.work]
                grid = FrameGrid(self._args, speed=job.request.speed)
                sequence = Sequence(scheduled=started, job=job, grid=grid)
            else:
                break
            joining.append(sequence)
            num_tokens += len(sequence.segment.text_tokens)
        return joining

    def _take(self, ended: Ended) -> None:
        """Sequences that left the batch: on to the vocoder, or fail by name."""
        for sequence in (*ended.decoded, *ended.poisoned):
            self._scheduler.finish(sequence.scheduled)
        self._vocoding.decoded += ended.decoded
        for sequence in ended.poisoned:
            number = sequence.segment_index + 1
            sequence.job.delivery.fail(EngineFailure(f"segment {number} decoded to what is not a number"))
            self._drop(sequence.job.work)

    def _drop(self, work: Work) -> None:
        """Forget a request: finished, failed or cancelled. May be called twice."""
        self._jobs.pop(work, None)
        self._scheduler.release(work)
        for sequence in self._decoding.drop(work):
            self._scheduler.finish(sequence.scheduled)
        self._vocoding.drop(work)

    def _fail_everything(self, error: Exception) -> None:
        """A whole turn failed. When the device is gone the loop ends; otherwise it goes on with an empty batch."""
        logger.error("the engine's turn failed with %d requests in it", len(self._jobs), exc_info=error)
        is_lost = isinstance(error, torch.AcceleratorError) and not isinstance(error, torch.OutOfMemoryError)
        for job in self._jobs.values():
            job.delivery.fail(_failure("the engine failed while this request was being spoken", error))
        self._scheduler = Scheduler(max_slots=self._scheduler.max_slots)
        self._jobs.clear()
        self._vocoding.reset()
        if not is_lost:
            try:
                self._decoding.reset()
            except Exception as again:  # noqa: BLE001 - a batch that cannot even be emptied is as good as no device
                is_lost, error = True, again
        if is_lost:
            self._is_stopping = True
            self._on_lost(_failure("the device has failed and this process cannot use it any more", error))

    def _refuse_rest(self) -> None:
        """Who came after the end must not wait for ever."""
        while True:
            try:
                message = self.inbox.get(block=False)
            except queue.Empty:
                return
            match message:
                case Submit(job):
                    job.delivery.fail(Draining("the server is shutting down"))
                case Condition():
                    message.done(Draining("the server is shutting down"))
                case _:
                    pass


def _failure(what: str, error: Exception) -> EngineFailure:
    failure = EngineFailure(what)
    failure.__cause__ = error
    return failure
