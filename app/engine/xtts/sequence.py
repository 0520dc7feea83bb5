"""One segment on its way from text tokens to samples: the state that the device loop keeps of it.

Knows counts and states. Knows nothing of threads and callers.
"""

import msgspec
import torch

from app.engine import scheduler
from app.engine.base import Samples
from app.engine.xtts.guards import Budget
from app.engine.xtts.vocode.frames import FrameGrid
from app.engine.xtts.voice.speakers import VoiceConditioning


class HeldSamples(msgspec.Struct, frozen=True):
    samples: Samples
    end_frame: int
    """frame of the segment that follows them"""


class XttsSequence(scheduler.Sequence, eq=False, kw_only=True):
    """A Sequence with its state in the batch and in the vocoder. It is in the batch while `slot` is a number."""

    grid: FrameGrid
    budget: Budget
    attempt: int = 0
    slot: int | None = None
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
    def voice(self) -> VoiceConditioning:
        return self.request.asked.voice.conditioning

    @property
    def is_decoded(self) -> bool:
        return self.latents is not None

    @property
    def may_be_heard(self) -> bool:
        """Whether its audio may leave before it is whole."""
        return self.request.asked.streaming and self.segment_index == self.request.front

    def is_trusted(self, end_frame: int) -> bool:
        """Whether the audio up to `end_frame` is speech: the segment has ended by itself, or is within its budget."""
        if self.is_decoded and not self.ran_away:
            return True
        return end_frame <= self.grid.num_frames(self.budget.expected_codes)

    def start_again(self) -> None:
        """Forget the attempt that failed; the next one draws other noise."""
        assert not self.num_windows
        self.attempt += 1
        self.slot = self.latents = None
        self.num_latents = 0
