"""Whether a decoded recording is fit for cloning a voice. Each refusal says what was measured and what to do."""

import math

import numpy as np
from numpy.typing import NDArray

from app.audio.loudness import SILENCE_DBFS, speech_level_dbfs
from app.errors import UnreadableAudio, UnusableReference

MIN_REFERENCE_S = 2.0
MIN_LEVEL_DBFS = -50.0
FULL_SCALE = 0.98
"""A sample this large is at full scale: 8-bit and mu-law recordings end below 1.0."""
MIN_CLIPPED_RUN = 3
"""One sample at full scale is a peak; three in a row are a peak that was cut off."""
MAX_CLIPPED_SHARE = 0.01


def check_reference(samples: NDArray[np.float32], sample_rate_hz: int, name: str) -> None:
    """Raises UnreadableAudio for NaN and infinity, UnusableReference for too short, silent or clipped."""
    if not np.isfinite(samples).all():
        raise UnreadableAudio(
            f"{name} holds samples that are not numbers (NaN or infinity); export it again", param="reference_audio"
        )
    seconds = len(samples) / sample_rate_hz
    if seconds < MIN_REFERENCE_S:
        # Rounded down, so that 1.99 s is not refused as 2.0 s.
        raise UnusableReference(
            f"{name} is {int(seconds * 10) / 10} s long; at least {MIN_REFERENCE_S:g} s of speech are needed, "
            "and 10 s sound better",
            param="reference_audio",
        )
    level_dbfs = speech_level_dbfs(samples, sample_rate_hz)
    if level_dbfs < MIN_LEVEL_DBFS:
        measured = f"below {SILENCE_DBFS:.0f} dBFS" if level_dbfs == -math.inf else f"{level_dbfs:.0f} dBFS"
        raise UnusableReference(
            f"{name} is silent: its level is {measured}, at least {MIN_LEVEL_DBFS:.0f} dBFS are needed; "
            "record it louder",
            param="reference_audio",
        )
    share = clipped_share(samples)
    if share > MAX_CLIPPED_SHARE:
        raise UnusableReference(
            f"{name} is clipped: {share:.0%} of its samples are cut off at full scale; record it more quietly",
            param="reference_audio",
        )


def clipped_share(samples: NDArray[np.float32]) -> float:
    """Share of samples in runs of at least three at full scale, 0 to 1."""
    is_full = np.concatenate(([False], np.abs(samples) >= FULL_SCALE, [False]))
    edges = np.flatnonzero(is_full[1:] != is_full[:-1])
    run_lengths = edges[1::2] - edges[::2]
    return int(run_lengths[run_lengths >= MIN_CLIPPED_RUN].sum()) / max(1, len(samples))
