"""The decoding half of a turn: sequences join the batch, take steps, and leave it with their latents."""

import logging
from collections import deque
from collections.abc import Sequence

import msgspec
import torch

from app.engine.scheduler import Request
from app.engine.xtts.config import ModelConfig
from app.engine.xtts.device.copies import HostCopy
from app.engine.xtts.runaway import Guards
from app.engine.xtts.runner.batch import Batch
from app.engine.xtts.runner.state import NOT_FINITE
from app.engine.xtts.sequence import XttsSequence

logger = logging.getLogger(__name__)


class StepResult(msgspec.Struct, frozen=True):
    decoded: list[XttsSequence]
    """with all their latents"""
    failed: list[XttsSequence]
    """their logits held NaN or infinity"""


class _Pending(msgspec.Struct, frozen=True):
    codes: HostCopy
    attempts: list[tuple[XttsSequence, int]]
    """the sequence in each slot, and its attempt"""


class DecodeStage:
    """`running` holds the sequences in the batch, by slot; `waiting` those to be decoded again, before new ones.
    `num_retried` counts second attempts, `num_steps` steps of the batch. Both only grow; any thread may read them.

    lookahead_steps   steps that the device is ahead of the host. With one it never waits between steps, and a sequence
                      takes one step too many, because its end is read late
    """

    def __init__(self, batch: Batch, config: ModelConfig, guards: Guards, *, lookahead_steps: int) -> None:
        self._batch = batch
        self._config = config
        self._guards = guards
        self._lookahead_steps = lookahead_steps
        self._pending: deque[_Pending] = deque()
        self.running: list[XttsSequence] = []
        self.waiting: list[XttsSequence] = []
        self.num_retried = 0
        self.num_steps = 0

    @property
    def num_free_slots(self) -> int:
        return self._batch.slots - len(self.running)

    def join(self, sequences: Sequence[XttsSequence]) -> None:
        """Prefill `sequences` into the next free slots and sample the first code of each."""
        if not sequences:
            return
        for slot, sequence in enumerate(sequences, len(self.running)):
            sequence.slot = slot
        self.running += sequences
        self._launch(sequences, self._batch.join(sequences))

    def step(self) -> StepResult:
        """Launch a step for the running sequences, and read the steps that are due."""
        if self.running:
            self._launch(self.running, self._batch.step())
            self.num_steps += 1
        ended = StepResult([], [])
        while len(self._pending) > (self._lookahead_steps if self.running else 0):
            self._read(self._pending.popleft(), ended)
        return ended

    def latents(self, sequence: XttsSequence) -> torch.Tensor:
        """[num_latents, channels] so far."""
        if sequence.latents is not None:
            return sequence.latents
        assert sequence.slot is not None
        return self._batch.latents[sequence.slot, : sequence.num_latents]

    def background(self) -> list[Request]:
        """Background requests with sequences in the batch, or to be decoded again; the newest first."""
        found = {each.request: each.started_at_s for each in (*self.running, *self.waiting)}
        return sorted((each for each in found if each.is_background), key=lambda each: -found[each])

    def drop(self, request: Request) -> list[XttsSequence]:
        dropped = [sequence for sequence in (*self.running, *self.waiting) if sequence.request is request]
        for sequence in dropped:
            if sequence.slot is None:
                self.waiting.remove(sequence)
            else:
                self._leave(sequence)
        return dropped

    def reset(self) -> None:
        self.running.clear()
        self.waiting.clear()
        self._pending.clear()
        self._batch.reset()

    def _launch(self, sequences: Sequence[XttsSequence], codes: HostCopy) -> None:
        self._pending.append(_Pending(codes, [(sequence, sequence.attempt) for sequence in sequences]))

    def _read(self, pending: _Pending, ended: StepResult) -> None:
        """Count the sampled codes. The stop code has a latent too, as in the reference."""
        stop_code = self._config.model_args.gpt_stop_audio_token
        is_exact = self._guards.exact_codes is not None
        for (sequence, attempt), code in zip(pending.attempts, pending.codes.wait().tolist(), strict=True):
            if sequence.slot is None or sequence.attempt != attempt:
                continue  # stale: the sequence left or was restarted after this launch
            if code == NOT_FINITE:
                self._leave(sequence)
                ended.failed.append(sequence)
                continue
            sequence.num_latents += 1
            has_stopped = code == stop_code and not is_exact
            if has_stopped or sequence.num_latents >= sequence.budget.max_codes:
                self._end(sequence, ended, ran_away=not has_stopped and not is_exact)

    def _end(self, sequence: XttsSequence, ended: StepResult, *, ran_away: bool) -> None:
        latents = self.latents(sequence).clone()
        self._leave(sequence)
        if ran_away and sequence.attempt + 1 < self._guards.max_attempts and not sequence.num_chunks:
            logger.info("segment %d did not end and is tried again", sequence.index + 1)
            sequence.start_again()
            self.num_retried += 1
            self.waiting.append(sequence)
            return
        sequence.latents, sequence.ran_away = latents, ran_away
        ended.decoded.append(sequence)

    def _leave(self, sequence: XttsSequence) -> None:
        """Take `sequence` out of the batch; the last running one takes its slot, as in `Batch.leave`."""
        assert sequence.slot is not None
        slot, sequence.slot = sequence.slot, None
        self._batch.leave(slot)
        last = self.running.pop()
        if last is not sequence:
            self.running[slot] = last
            last.slot = slot
