"""Values that cross the engine seam in both directions."""

from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from app.audio.loudness import SpeechLevel

Samples = NDArray[np.float32]
"""Mono audio in [-1, 1], float32, shape [samples]."""


class Voice(msgspec.Struct, eq=False):
    """A voice ready to decode with. `conditioning` is opaque to all but its engine."""

    id: str
    conditioning: Any = None  # Any: its type belongs to the engine that made it
    level: SpeechLevel | None = None
    """set once, when it has been measured"""
    content: str = ""
    """digest of a saved voice's tensors, set by VoiceCatalogue; "" for a voice whose id means one content"""


class SamplingParams(msgspec.Struct, frozen=True, kw_only=True):
    """Sampling options of one request. None leaves an option to the engine, a seed to the speech service."""

    seed: int | None = None
    temperature: float | None = None
    top_k: int | None = None
    top_p: float | None = None
    repetition_penalty: float | None = None

    def with_defaults(self, defaults: "SamplingParams") -> "SamplingParams":
        """`defaults` for each option that is None."""
        given = {name: value for name, value in msgspec.structs.asdict(self).items() if value is not None}
        return msgspec.structs.replace(defaults, **given)


class AudioChunk(msgspec.Struct, frozen=True):
    """Samples of one segment, in order. The last chunk of a segment may hold no samples."""

    segment_index: int
    samples: Samples
    is_last: bool
