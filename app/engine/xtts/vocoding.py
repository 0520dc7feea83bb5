"""The vocoding half of a turn: latents become samples, which go out as far as they can be trusted."""

import logging
import math
from collections import deque
from collections.abc import Callable, Iterable

import msgspec
import numpy as np
import torch

from app.engine.scheduler import Request
from app.engine.values import AudioChunk, Samples
from app.engine.xtts.config import ModelArgs
from app.engine.xtts.device.copies import HostCopy
from app.engine.xtts.runaway import cut_at_silence, frame_levels
from app.engine.xtts.sequence import HeldSamples, XttsSequence
from app.engine.xtts.vocoder.chunks import plan_chunk
from app.engine.xtts.vocoder.vocoder import VocodedChunk, Vocoder, VocoderJob

logger = logging.getLogger(__name__)


class _PendingChunk(msgspec.Struct, frozen=True):
    sequence: XttsSequence
    end_frame: int
    samples: HostCopy
    is_last: bool


class VocodeStage:
    """`decoded` holds sequences that have left the batch and have chunks to go.

    `num_cut` counts segments that were cut. It only grows; any thread may read it.

    latents_of   the latents of a sequence so far
    on_made      called with the seconds of each piece of audio that goes out
    on_end       called when all audio of a sequence has gone out
    max_ahead_s  while sequences are decoded, a later segment of a stream waits until so long before it is heard: on one
                 device the vocoder delays the segment that is heard now
    lookahead_steps    turns with chunks that the device is ahead of the host
    """

    def __init__(
        self,
        vocoder: Vocoder,
        args: ModelArgs,
        *,
        chunks_per_turn: int,
        latents_of: Callable[[XttsSequence], torch.Tensor],
        on_made: Callable[[XttsSequence, float], None],
        on_end: Callable[[XttsSequence], None],
        lookahead_steps: int,
        max_ahead_s: float = math.inf,
    ) -> None:
        self._vocoder = vocoder
        self._lengths = vocoder.chunk_lengths
        self._args = args
        self._chunks_per_turn = chunks_per_turn
        self._latents_of = latents_of
        self._on_made = on_made
        self._on_end = on_end
        self._lookahead_steps = lookahead_steps
        self._max_ahead_s = max_ahead_s
        self._pending: deque[list[_PendingChunk]] = deque()
        self.decoded: list[XttsSequence] = []
        self.num_cut = 0

    def run(self, decoding: Iterable[XttsSequence], now_s: float, *, must_yield: bool = False) -> list[XttsSequence]:
        """Make the chunks that are ready, the most urgent first. Returns the finished sequences.

        must_yield   sequences of background requests wait while there are others, even if those have no chunk ready;
                     otherwise theirs are made behind the chunks of all others
        """
        decoding = tuple(decoding)
        decoded = [sequence for sequence in self.decoded if not decoding or self._is_due(sequence, now_s)]
        ready = [*decoded, *decoding]
        if must_yield:
            ready = [sequence for sequence in ready if not sequence.request.is_background] or ready
        by_urgency = sorted(ready, key=lambda each: (each.request.is_background, _urgency(each, now_s)))
        launched = self._launch(by_urgency)
        if launched:
            self._pending.append(launched)
        finished = [sequence for sequence in self.decoded if not sequence.upsampler.num_frames(sequence.num_latents)]
        for sequence in finished:  # too short and too fast to be heard
            self._finish(sequence)
        while len(self._pending) > (self._lookahead_steps if launched else 0):
            finished += [pending.sequence for pending in self._pending.popleft() if self._read(pending)]
        return finished

    def drop(self, request: Request) -> None:
        """Forget a request's sequences."""
        self.decoded = [sequence for sequence in self.decoded if sequence.request is not request]
        for chunks in self._pending:
            chunks[:] = [chunk for chunk in chunks if chunk.sequence.request is not request]

    def reset(self) -> None:
        self.decoded.clear()
        self._pending.clear()

    def _is_due(self, sequence: XttsSequence, now_s: float) -> bool:
        is_later = sequence.request.streaming and not sequence.may_be_heard
        return not is_later or _seconds_until_gap(sequence, now_s) < self._max_ahead_s

    def _launch(self, sequences: Iterable[XttsSequence]) -> list[_PendingChunk]:
        """Launch the next chunk of each sequence in turn, up to the limit of a turn."""
        jobs: list[tuple[XttsSequence, VocoderJob]] = []
        for sequence in sequences:
            if len(jobs) < self._chunks_per_turn and (job := self._next_chunk(sequence)):
                jobs.append((sequence, job))
        launched = self._vocoder.run([job for _, job in jobs])
        return [self._launched(sequence, job, made) for (sequence, job), made in zip(jobs, launched, strict=True)]

    def _launched(self, sequence: XttsSequence, job: VocoderJob, made: VocodedChunk) -> _PendingChunk:
        sequence.num_chunks += 1
        sequence.num_frames = job.chunk.stop
        sequence.num_samples += made.num_samples
        sequence.vocoder_state = made.state
        end_frame = math.ceil(sequence.num_samples / self._vocoder.frame_samples)
        return _PendingChunk(sequence, end_frame, made.samples, job.chunk.is_last)

    def _read(self, pending: _PendingChunk) -> bool:
        """True if the sequence is finished."""
        # Copied: a consumer may keep them for a minute, and memory that a GPU writes to is pinned.
        self._take_samples(pending.sequence, pending.samples.wait().numpy().copy(), pending.end_frame)
        if pending.is_last:
            self._finish(pending.sequence)
        return pending.is_last

    def _next_chunk(self, sequence: XttsSequence) -> VocoderJob | None:
        if not (sequence.is_decoded or sequence.may_be_heard):
            return None
        if not sequence.is_decoded and sequence.num_latents < self._num_needed(sequence):
            return None
        num_frames = sequence.upsampler.num_frames if sequence.is_decoded else sequence.upsampler.num_ready
        chunk = plan_chunk(
            sequence.num_chunks,
            sequence.num_frames,
            num_ready=num_frames(sequence.num_latents),
            context=self._vocoder.context,
            is_final=sequence.is_decoded,
            few_lengths=self._vocoder.few_shapes,
        )
        if chunk is None:
            return None
        return VocoderJob(
            latents=self._latents_of(sequence),
            speaker_embedding=sequence.voice.speaker_embedding,
            upsampler=sequence.upsampler,
            chunk=chunk,
            is_final=sequence.is_decoded,
            state=sequence.vocoder_state,
        )

    def _num_needed(self, sequence: XttsSequence) -> int:
        """Latents before the next chunk of a sequence that goes on."""
        length = self._lengths[min(sequence.num_chunks, len(self._lengths) - 1)]
        return sequence.upsampler.num_needed(sequence.num_frames + length + 1)

    def _take_samples(self, sequence: XttsSequence, samples: Samples, end_frame: int) -> None:
        """Deliver samples as far as they can be trusted and are wanted; hold the rest."""
        levels = frame_levels(samples, self._vocoder.frame_samples)
        sequence.loudest = max(sequence.loudest, float(levels.max(initial=0.0)))
        sequence.held.append(HeldSamples(samples, end_frame))
        while sequence.may_be_heard and sequence.held and sequence.is_trusted(sequence.held[0].end_frame):
            self._deliver(sequence, sequence.held.pop(0).samples)

    def _finish(self, sequence: XttsSequence) -> None:
        if sequence.ran_away:
            self._cut(sequence)
        for held in sequence.held:
            self._deliver(sequence, held.samples)
        silence = np.zeros(0, np.float32)
        end = AudioChunk(segment_index=sequence.index, samples=silence, is_last=True)
        sequence.request.sink.deliver(end)
        self._on_end(sequence)
        self.decoded.remove(sequence)
        sequence.drop_audio()

    def _cut(self, sequence: XttsSequence) -> None:
        """Cut at the first silence beyond the budget."""
        trusted = [held for held in sequence.held if sequence.is_trusted(held.end_frame)]
        doubtful = [held.samples for held in sequence.held if not sequence.is_trusted(held.end_frame)]
        if doubtful:
            rate_hz = self._args.output_sample_rate
            kept = cut_at_silence(np.concatenate(doubtful), loudest=sequence.loudest, sample_rate_hz=rate_hz)
            trusted.append(HeldSamples(kept, sequence.num_frames))
        sequence.held = trusted
        self.num_cut += 1
        warning = f"segment {sequence.index + 1} did not end by itself and was cut"
        logger.warning("%s", warning)
        sequence.request.sink.warn(warning)

    def _deliver(self, sequence: XttsSequence, samples: Samples) -> None:
        self._on_made(sequence, len(samples) / self._args.output_sample_rate)
        chunk = AudioChunk(segment_index=sequence.index, samples=samples, is_last=False)
        sequence.request.sink.deliver(chunk)


def _urgency(sequence: XttsSequence, now_s: float) -> tuple[bool, bool, float]:
    """Sort key: streams without audio first, then by the seconds until a gap before the segment's next samples;
    background requests last.
    """
    has_begun = sequence.request.made_s > 0 or not sequence.request.streaming
    return sequence.request.is_background, has_begun, _seconds_until_gap(sequence, now_s)


def _seconds_until_gap(sequence: XttsSequence, now_s: float) -> float:
    request = sequence.request
    earlier = (other for other in request.in_progress if other.index < sequence.index)
    return request.playback_slack_s(now_s) + sum(other.unmade_s for other in earlier)
