"""The sounding half of a turn: latents become samples, and samples go out as far as they can be trusted.

Knows windows, what is held back and why. Knows nothing of codes, threads and the scheduler.
"""

import logging
from collections import deque
from collections.abc import Callable, Iterable

import msgspec
import numpy as np
import torch

from app.engine.base import AudioChunk, Samples
from app.engine.scheduler import Work
from app.engine.xtts.config import ModelArgs
from app.engine.xtts.guards import cut_at_silence, frame_levels
from app.engine.xtts.hardware.transfer import Arrival
from app.engine.xtts.sequence import HeldSamples, Sequence
from app.engine.xtts.vocode.vocoder import WINDOW_FRAMES, Vocoder, VocoderJob, plan_window

logger = logging.getLogger(__name__)


class _Unread(msgspec.Struct, frozen=True):
    """A window that was asked of the device and not read yet."""

    sequence: Sequence
    end_frame: int
    samples: Arrival


class VocodeStage:
    """`decoded` holds sequences that have left the batch and have windows to go.

    `num_cut` counts the segments that were cut. It only grows, and other threads may read it: one thread writes it.

    latents_of   the latents of a sequence so far
    on_made      hears of each piece of audio that goes out
    read_late    how many turns with windows the device is ahead of what is read
    """

    def __init__(
        self,
        vocoder: Vocoder,
        args: ModelArgs,
        *,
        windows_per_turn: int,
        latents_of: Callable[[Sequence], torch.Tensor],
        on_made: Callable[[Work, float], None],
        read_late: int,
    ) -> None:
        self._vocoder = vocoder
        self._args = args
        self._windows_per_turn = windows_per_turn
        self._latents_of = latents_of
        self._on_made = on_made
        self._read_late = read_late
        self._unread: deque[list[_Unread]] = deque()
        self.decoded: list[Sequence] = []
        self.num_cut = 0

    def run(self, decoding: Iterable[Sequence], now_s: float) -> list[Sequence]:
        """Make the windows that are ready, those of the stream that would run dry first before the others.

        Returns the sequences that are finished.
        """
        by_urgency = sorted((*self.decoded, *decoding), key=lambda sequence: sequence.job.work.slack_s(now_s))
        asked = self._ask(by_urgency)
        if asked:
            self._unread.append(asked)
        finished = [sequence for sequence in self.decoded if not sequence.grid.num_frames(sequence.num_latents)]
        for sequence in finished:  # so short and spoken so fast that there is nothing to hear
            self._finish(sequence)
        while len(self._unread) > (self._read_late if asked else 0):
            finished += [unread.sequence for unread in self._unread.popleft() if self._read(unread)]
        return finished

    def drop(self, work: Work) -> None:
        """Forget a request's sequences."""
        self.decoded = [sequence for sequence in self.decoded if sequence.job.work is not work]
        for windows in self._unread:
            windows[:] = [window for window in windows if window.sequence.job.work is not work]

    def reset(self) -> None:
        """Forget everything after a turn that failed."""
        self.decoded.clear()
        self._unread.clear()

    def _ask(self, sequences: Iterable[Sequence]) -> list[_Unread]:
        """Of each sequence in turn the next window, until there are as many as go into one turn."""
        jobs: list[tuple[Sequence, VocoderJob]] = []
        for sequence in sequences:
            if len(jobs) < self._windows_per_turn and (job := self._next_window(sequence)):
                jobs.append((sequence, job))
        asked: list[_Unread] = []
        for (sequence, job), samples in zip(jobs, self._vocoder.run([job for _, job in jobs]), strict=True):
            sequence.num_windows += 1
            sequence.num_frames = job.window.stop
            asked.append(_Unread(sequence, job.window.stop, samples))
        return asked

    def _read(self, unread: _Unread) -> bool:
        """Take a window's samples. Returns whether the sequence is finished with it."""
        sequence = unread.sequence
        # Copied: a consumer may keep them for a minute, and memory that a GPU writes to is pinned.
        self._take_samples(sequence, unread.samples.read().numpy().copy(), unread.end_frame)
        is_finished = sequence.is_decoded and unread.end_frame == sequence.grid.num_frames(sequence.num_latents)
        if is_finished:
            self._finish(sequence)
        return is_finished

    def _next_window(self, sequence: Sequence) -> VocoderJob | None:
        if not (sequence.is_decoded or sequence.may_be_heard):
            return None
        if not sequence.is_decoded and sequence.num_latents < self._num_needed(sequence):
            return None
        num_frames = sequence.grid.num_frames if sequence.is_decoded else sequence.grid.num_ready
        window = plan_window(
            sequence.num_windows,
            sequence.num_frames,
            num_ready=num_frames(sequence.num_latents),
            context=self._vocoder.context,
            is_final=sequence.is_decoded,
            lengths=self._vocoder.lengths,
        )
        if window is None:
            return None
        return VocoderJob(
            latents=self._latents_of(sequence),
            speaker_embedding=sequence.job.voice.speaker_embedding,
            grid=sequence.grid,
            window=window,
            is_final=sequence.is_decoded,
        )

    def _num_needed(self, sequence: Sequence) -> int:
        """Latents before the sequence's next window can be made while it goes on."""
        size = WINDOW_FRAMES[min(sequence.num_windows, len(WINDOW_FRAMES) - 1)]
        return sequence.grid.num_needed(sequence.num_frames + size + self._vocoder.context)

    def _take_samples(self, sequence: Sequence, samples: Samples, end_frame: int) -> None:
        """On to the listener as far as they can be trusted and are wanted yet; the rest is held."""
        sequence.loudest = max(sequence.loudest, float(frame_levels(samples, self._vocoder.frame_samples).max()))
        sequence.held.append(HeldSamples(samples, end_frame))
        while sequence.may_be_heard and sequence.held and sequence.is_trusted(sequence.held[0].end_frame):
            self._deliver(sequence, sequence.held.pop(0).samples)

    def _finish(self, sequence: Sequence) -> None:
        """All windows are made: what is held goes out, and the segment is over."""
        if sequence.ran_away:
            self._cut(sequence)
        for held in sequence.held:
            self._deliver(sequence, held.samples)
        job, index = sequence.job, sequence.segment_index
        job.delivery.deliver(AudioChunk(segment_index=index, samples=np.zeros(0, np.float32), is_last=True))
        job.finish(index)
        self.decoded.remove(sequence)

    def _cut(self, sequence: Sequence) -> None:
        """Of a segment that did not end by itself: leave out what comes after the first silence beyond its budget."""
        trusted = [held for held in sequence.held if sequence.is_trusted(held.end_frame)]
        doubtful = [held.samples for held in sequence.held if not sequence.is_trusted(held.end_frame)]
        if doubtful:
            rate_hz = self._args.output_sample_rate
            kept = cut_at_silence(np.concatenate(doubtful), loudest=sequence.loudest, sample_rate_hz=rate_hz)
            trusted.append(HeldSamples(kept, sequence.num_frames))
        sequence.held = trusted
        self.num_cut += 1
        warning = f"segment {sequence.segment_index + 1} did not end by itself and was cut"
        logger.warning("%s", warning)
        sequence.job.delivery.warn(warning)

    def _deliver(self, sequence: Sequence, samples: Samples) -> None:
        job = sequence.job
        self._on_made(job.work, len(samples) / self._args.output_sample_rate)
        job.delivery.deliver(AudioChunk(segment_index=sequence.segment_index, samples=samples, is_last=False))
