"""The sounding half of a turn: latents become samples, and samples go out as far as they can be trusted.

Knows windows, what is held back and why. Knows nothing of codes, threads and the scheduler.
"""

import logging
from collections.abc import Callable, Iterable

import numpy as np
import torch

from app.engine.base import AudioChunk, Samples
from app.engine.scheduler import Work
from app.engine.xtts.config import ModelArgs
from app.engine.xtts.guards import cut_at_silence, frame_levels
from app.engine.xtts.sequence import HeldSamples, Sequence
from app.engine.xtts.vocode.vocoder import Vocoder, VocoderJob, plan_window

logger = logging.getLogger(__name__)


class VocodeStage:
    """`decoded` holds sequences that have left the batch and have windows to go.

    `num_cut` counts the segments that were cut. It only grows, and other threads may read it: one thread writes it.

    latents_of   the latents of a sequence so far
    on_made      hears of each piece of audio that goes out
    """

    def __init__(
        self,
        vocoder: Vocoder,
        args: ModelArgs,
        *,
        windows_per_turn: int,
        latents_of: Callable[[Sequence], torch.Tensor],
        on_made: Callable[[Work, float], None],
    ) -> None:
        self._vocoder = vocoder
        self._args = args
        self._windows_per_turn = windows_per_turn
        self._latents_of = latents_of
        self._on_made = on_made
        self.decoded: list[Sequence] = []
        self.num_cut = 0

    def run(self, decoding: Iterable[Sequence], now_s: float) -> list[Sequence]:
        """Make the windows that are ready, those of the stream that would run dry first before the others.

        Returns the sequences that are finished.
        """
        jobs: dict[int, VocoderJob] = {}
        by_urgency = sorted((*self.decoded, *decoding), key=lambda sequence: sequence.job.work.slack_s(now_s))
        for number, sequence in enumerate(by_urgency):
            if len(jobs) < self._windows_per_turn and (job := self._next_window(sequence)):
                jobs[number] = job
        for (number, job), samples in zip(jobs.items(), self._vocoder.run(list(jobs.values())), strict=True):
            sequence = by_urgency[number]
            sequence.num_windows += 1
            sequence.num_frames = job.window.stop
            self._take_samples(sequence, samples)
        finished = [
            sequence
            for sequence in self.decoded
            if sequence.num_frames == sequence.grid.num_frames(sequence.num_latents)
        ]
        for sequence in finished:
            self._finish(sequence)
        return finished

    def drop(self, work: Work) -> None:
        """Forget a request's sequences."""
        self.decoded = [sequence for sequence in self.decoded if sequence.job.work is not work]

    def _next_window(self, sequence: Sequence) -> VocoderJob | None:
        if not (sequence.is_decoded or sequence.may_be_heard):
            return None
        num_frames = sequence.grid.num_frames if sequence.is_decoded else sequence.grid.num_ready
        window = plan_window(
            sequence.num_windows,
            sequence.num_frames,
            num_ready=num_frames(sequence.num_latents),
            context=self._vocoder.context,
            is_final=sequence.is_decoded,
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

    def _take_samples(self, sequence: Sequence, samples: Samples) -> None:
        """On to the listener as far as they can be trusted and are wanted yet; the rest is held."""
        sequence.loudest = max(sequence.loudest, float(frame_levels(samples, self._vocoder.frame_samples).max()))
        sequence.held.append(HeldSamples(samples, sequence.num_frames))
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
        sequence.has_been_heard = True
        job = sequence.job
        self._on_made(job.work, len(samples) / self._args.output_sample_rate)
        job.delivery.deliver(AudioChunk(segment_index=sequence.segment_index, samples=samples, is_last=False))
