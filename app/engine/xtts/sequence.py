"""One segment on its way from text tokens to samples: what the device loop keeps of it.

Knows counts and states. Knows nothing of threads and callers.
"""

from typing import Protocol

import msgspec
import torch

from app.engine.base import AudioChunk, Samples, SynthesisRequest
from app.engine.scheduler import Sequence as ScheduledSequence
from app.engine.scheduler import Work
from app.engine.xtts.guards import Budget
from app.engine.xtts.vocode.frames import FrameGrid
from app.engine.xtts.voice.speakers import VoiceConditioning


class Delivery(Protocol):
    """Where a request's audio goes; every method may be called from the device's thread."""

    def deliver(self, chunk: AudioChunk) -> None: ...

    def warn(self, warning: str) -> None: ...

    def fail(self, error: BaseException) -> None: ...


class EncodedSegment(msgspec.Struct, frozen=True):
    """A segment as the decoder reads it."""

    text_tokens: torch.Tensor
    """[text tokens] int64"""
    budget: Budget


class Job(msgspec.Struct, eq=False, kw_only=True):
    """One admitted request on the device."""

    work: Work
    request: SynthesisRequest
    voice: VoiceConditioning
    delivery: Delivery
    segments: tuple[EncodedSegment, ...] = ()
    front: int = 0
    """the first segment that is not finished: the one that a listener hears next"""
    finished: set[int] = msgspec.field(default_factory=set[int])

    @property
    def is_finished(self) -> bool:
        return self.front == len(self.segments)

    def finish(self, segment_index: int) -> None:
        self.finished.add(segment_index)
        while self.front in self.finished:
            self.front += 1


class HeldSamples(msgspec.Struct, frozen=True):
    samples: Samples
    end_frame: int
    """frame of the segment that follows them"""


class Sequence(msgspec.Struct, eq=False, kw_only=True):
    """One segment being decoded and vocoded. It is in the batch while `row` is a number."""

    scheduled: ScheduledSequence
    job: Job
    grid: FrameGrid
    attempt: int = 0
    row: int | None = None
    num_latents: int = 0
    latents: torch.Tensor | None = None
    """[num_latents, channels] once decoding has ended; before that they are in the batch"""
    ran_away: bool = False
    num_windows: int = 0
    """asked of the vocoder; from the first one on the sequence is not tried again, for it is or will be heard"""
    num_frames: int = 0
    """frames vocoded"""
    held: list[HeldSamples] = msgspec.field(default_factory=list[HeldSamples])
    """vocoded and not delivered"""
    loudest: float = 0.0
    """RMS of the loudest frame so far"""

    @property
    def segment_index(self) -> int:
        return self.scheduled.segment_index

    @property
    def segment(self) -> EncodedSegment:
        return self.job.segments[self.segment_index]

    @property
    def is_decoded(self) -> bool:
        return self.latents is not None

    @property
    def may_be_heard(self) -> bool:
        """Whether its audio may leave before it is whole."""
        return self.job.request.streaming and self.segment_index == self.job.front

    def is_trusted(self, end_frame: int) -> bool:
        """Whether the audio up to a frame is speech: the segment has ended by itself, or should not have yet."""
        if self.is_decoded and not self.ran_away:
            return True
        return end_frame <= self.grid.num_frames(self.segment.budget.expected_codes)

    def start_again(self) -> None:
        """Forget the attempt that failed; the next one draws other noise."""
        assert not self.num_windows
        self.attempt += 1
        self.row = self.latents = None
        self.num_latents = 0
