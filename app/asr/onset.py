"""The start of a word's sound. Whisper's alignment counts a pause to the word behind it."""

import numpy as np
from numpy.typing import NDArray

from app.asr.samples import SAMPLE_RATE_HZ

FRAME = SAMPLE_RATE_HZ // 100
QUIET = 0.1
"""Share of the level of the word's loudest frame: -20 dB."""
LEAD_S = 0.02
"""Kept in front of the first loud frame."""


def onset_s(samples: NDArray[np.float32], start_s: float, end_s: float) -> float:
    """The start of a word's sound, from `start_s` on: a quiet stretch in front of it is left out.

    Unchanged where noise fills the pause.
    """
    part = samples[round(start_s * SAMPLE_RATE_HZ) : round(end_s * SAMPLE_RATE_HZ)]
    frames = part[: len(part) // FRAME * FRAME].reshape(-1, FRAME)
    if not len(frames):
        return start_s
    levels = np.sqrt(np.mean(np.square(frames), axis=1))
    first = int(np.argmax(levels >= QUIET * levels.max()))
    return max(start_s, start_s + first * FRAME / SAMPLE_RATE_HZ - LEAD_S)
