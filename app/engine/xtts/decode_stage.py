"""The decoding half of a turn: sequences join the batch, take a step, and leave it with their latents.

Knows the batch and which sequence is in which row. Knows nothing of audio, callers and threads.
"""

import logging
from collections import deque
from collections.abc import Sequence as Sequences

import msgspec
import torch

from app.engine.scheduler import Work
from app.engine.xtts.config import ModelConfig
from app.engine.xtts.decode.batch import Batch, NewRow
from app.engine.xtts.decode.rows import LOST, RowSampling
from app.engine.xtts.decode.sampler import sequence_seed
from app.engine.xtts.guards import Guards
from app.engine.xtts.hardware.transfer import Arrival
from app.engine.xtts.sequence import Sequence

logger = logging.getLogger(__name__)


class Ended(msgspec.Struct, frozen=True):
    """The sequences that left the batch in one step."""

    decoded: list[Sequence]
    """with all their latents"""
    poisoned: list[Sequence]
    """what they decoded to is not a number"""


class _Unread(msgspec.Struct, frozen=True):
    """What was asked of the device and not read yet."""

    codes: Arrival
    attempts: list[tuple[Sequence, int]]
    """row by row, who took part and at which attempt"""


class DecodeStage:
    """`waiting` holds sequences that are to be decoded once more and go before new ones.

    read_late   how many steps the device is ahead of what is read: with one, it never waits for the host between steps.
                The price is that a sequence takes one step more than it needs, because its end is read late.

    `num_retried` counts them, `num_steps` the calls of the decoder that give each row one more code. Both only grow;
    one thread writes them, and any thread may read them.
    """

    def __init__(self, batch: Batch, config: ModelConfig, guards: Guards, *, read_late: int) -> None:
        self._batch = batch
        self._config = config
        self._guards = guards
        self._read_late = read_late
        self._unread: deque[_Unread] = deque()
        self.rows: list[Sequence] = []
        self.waiting: list[Sequence] = []
        self.num_retried = 0
        self.num_steps = 0

    @property
    def num_free_rows(self) -> int:
        return self._batch.slots - len(self.rows)

    def join(self, sequences: Sequences[Sequence]) -> None:
        """Read the texts of `sequences` and draw the first code of each."""
        if not sequences:
            return
        for row, sequence in enumerate(sequences, len(self.rows)):
            sequence.row = row
        self.rows += sequences
        self._ask(sequences, self._batch.join([self._new_row(sequence) for sequence in sequences]))

    def step(self) -> Ended:
        """One more code for every row; what comes back is of the steps that are read now."""
        if self.rows:
            self._ask(self.rows, self._batch.step())
            self.num_steps += 1
        ended = Ended([], [])
        while len(self._unread) > (self._read_late if self.rows else 0):
            self._read(self._unread.popleft(), ended)
        return ended

    def latents(self, sequence: Sequence) -> torch.Tensor:
        """[num_latents, channels] so far."""
        if sequence.latents is not None:
            return sequence.latents
        assert sequence.row is not None
        return self._batch.latents[sequence.row, : sequence.num_latents]

    def drop(self, work: Work) -> list[Sequence]:
        """Take a request's sequences out, whatever they are at."""
        dropped = [sequence for sequence in (*self.rows, *self.waiting) if sequence.job.work is work]
        for sequence in dropped:
            if sequence.row is None:
                self.waiting.remove(sequence)
            else:
                self._leave(sequence)
        return dropped

    def reset(self) -> None:
        """Take everything out after a step that failed."""
        self.rows.clear()
        self.waiting.clear()
        self._unread.clear()
        self._batch.reset()

    def _new_row(self, sequence: Sequence) -> NewRow:
        asked, released = sequence.job.request.sampling, self._config
        return NewRow(
            sequence.job.voice.gpt_conditioning_latents,
            sequence.segment.text_tokens,
            RowSampling(
                seed=sequence_seed(asked.seed, sequence.segment_index, sequence.attempt),
                temperature=released.temperature if asked.temperature is None else asked.temperature,
                top_k=released.top_k if asked.top_k is None else asked.top_k,
                top_p=released.top_p if asked.top_p is None else asked.top_p,
                repetition_penalty=(
                    released.repetition_penalty if asked.repetition_penalty is None else asked.repetition_penalty
                ),
            ),
        )

    def _ask(self, sequences: Sequences[Sequence], codes: Arrival) -> None:
        self._unread.append(_Unread(codes, [(sequence, sequence.attempt) for sequence in sequences]))

    def _read(self, unread: _Unread, ended: Ended) -> None:
        """Count what was drawn. The code that stops a segment has a latent too, as in the reference."""
        stop_code = self._config.model_args.gpt_stop_audio_token
        is_exact = self._guards.exact_codes is not None
        for (sequence, attempt), code in zip(unread.attempts, unread.codes.read().tolist(), strict=True):
            if sequence.row is None or sequence.attempt != attempt:
                continue  # it has left since, and what it drew is nobody's
            if code == LOST:
                self._leave(sequence)
                ended.poisoned.append(sequence)
                continue
            sequence.num_latents += 1
            has_stopped = code == stop_code and not is_exact
            if has_stopped or sequence.num_latents >= sequence.segment.budget.max_codes:
                self._end(sequence, ended, ran_away=not has_stopped and not is_exact)

    def _end(self, sequence: Sequence, ended: Ended, *, ran_away: bool) -> None:
        latents = self.latents(sequence).clone()
        self._leave(sequence)
        if ran_away and sequence.attempt + 1 < self._guards.max_attempts and not sequence.num_windows:
            logger.info("segment %d did not end and is tried again", sequence.segment_index + 1)
            sequence.start_again()
            self.num_retried += 1
            self.waiting.append(sequence)
            return
        sequence.latents, sequence.ran_away = latents, ran_away
        ended.decoded.append(sequence)

    def _leave(self, sequence: Sequence) -> None:
        """Out of the batch, whose last row takes the place."""
        assert sequence.row is not None
        row, sequence.row = sequence.row, None
        self._batch.leave(row)
        last = self.rows.pop()
        if last is not sequence:
            self.rows[row] = last
            last.row = row
