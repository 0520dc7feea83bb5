"""The engine's state of one segment, from text tokens to samples."""

import msgspec
import torch

from app.engine import scheduler
from app.engine.values import Samples
from app.engine.xtts.config import ModelArgs
from app.engine.xtts.runaway import Budget
from app.engine.xtts.vocoder.pieces import State
from app.engine.xtts.vocoder.upsampling import LatentUpsampler
from app.engine.xtts.voice.speakers import VoiceConditioning


class HeldSamples(msgspec.Struct, frozen=True):
    """Samples that were vocoded and not delivered."""

    samples: Samples
    end_frame: int
    """frame of the segment that follows them"""


class XttsSequence(scheduler.Sequence, eq=False, kw_only=True):
    """A Sequence with its tokens, and its state in the batch and the vocoder.

    It is in the batch while `slot` is a number.
    """

    model_args: ModelArgs
    text_tokens: tuple[int, ...]
    """ids of the vocabulary, without start and stop"""
    budget: Budget
    upsampler_or_none: LatentUpsampler | None = None
    attempt: int = 0
    slot: int | None = None
    num_latents: int = 0
    latents: torch.Tensor | None = None
    """[num_latents, channels] once decoded; before that they are in the batch"""
    ran_away: bool = False
    num_chunks: int = 0
    """chunks launched; after the first one the sequence may have been heard and is not tried again"""
    num_frames: int = 0
    """frames that went into the vocoder"""
    num_samples: int = 0
    """samples that came out of it"""
    vocoder_state: State | None = None
    """from the last chunk"""
    held: list[HeldSamples] = msgspec.field(default_factory=list[HeldSamples])
    loudest: float = 0.0
    """RMS of the loudest frame so far"""

    @property
    def voice(self) -> VoiceConditioning:
        return self.request.voice.conditioning

    @property
    def upsampler(self) -> LatentUpsampler:
        """Made on first use: preparation does not know the request's speed."""
        if self.upsampler_or_none is None:
            self.upsampler_or_none = LatentUpsampler(self.model_args, speed=self.speed)
        return self.upsampler_or_none

    @property
    def is_decoded(self) -> bool:
        return self.latents is not None

    @property
    def may_be_heard(self) -> bool:
        """True if its audio may leave before it is whole."""
        return self.request.streaming and self.index == self.request.front

    def is_trusted(self, end_frame: int) -> bool:
        """True if the segment ended by itself, or `end_frame` is within its budget."""
        if self.is_decoded and not self.ran_away:
            return True
        return end_frame <= self.upsampler.num_frames(self.budget.expected_codes)

    def start_again(self) -> None:
        """The next attempt draws other noise."""
        assert not self.num_chunks
        self.attempt += 1
        self.slot = self.latents = None
        self.num_latents = 0

    def drop_audio(self) -> None:
        """Free latents, samples and state: the request keeps its sequences until its caller has taken all audio."""
        self.latents = self.vocoder_state = None
        self.held.clear()


def drop_audio(request: scheduler.Request) -> None:
    """`XttsSequence.drop_audio` for each sequence of a request."""
    for sequence in request.sequences:
        if isinstance(sequence, XttsSequence):
            sequence.drop_audio()
