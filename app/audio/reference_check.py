"""Is a recording fit for cloning? Measured on its samples; says what was found and what to do."""

import numpy as np
from numpy.typing import NDArray

from app.audio.loudness import speech_level_dbfs
from app.errors import UnreadableAudio, UnusableReference

MIN_SECONDS = 2.0
MIN_LEVEL_DBFS = -50.0
FULL_SCALE = 0.99
CLIPPED_RUN = 3
"""So many samples in a row at full scale are a clipped peak; one or two may be a peak that just fits."""
MAX_CLIPPED_SHARE = 0.01


def check_reference(samples: NDArray[np.float32], sample_rate_hz: int, filename: str) -> None:
    """Raises UnusableReference, or UnreadableAudio for samples that are no numbers."""
    if not np.isfinite(samples).all():
        raise UnreadableAudio(f"{filename}: the recording holds values that are no numbers", param="reference_audio")
    seconds = len(samples) / sample_rate_hz
    if seconds < MIN_SECONDS:
        _refuse(f"{filename}: the recording is {seconds:.1f} seconds long; at least {MIN_SECONDS:.0f} are needed")
    level = speech_level_dbfs(samples, sample_rate_hz)
    if level < MIN_LEVEL_DBFS:
        _refuse(f"{filename}: the recording is silent or nearly so ({level:.0f} dBFS); record it louder")
    share = clipped_share(samples)
    if share > MAX_CLIPPED_SHARE:
        _refuse(f"{filename}: {share:.0%} of the recording is clipped; record it again at a lower level")


def clipped_share(samples: NDArray[np.float32]) -> float:
    """Share of the samples that lie in runs at full scale."""
    at_full_scale = np.abs(samples) >= FULL_SCALE
    edges = np.flatnonzero(np.diff(np.concatenate(([False], at_full_scale, [False])).astype(np.int8)))
    lengths = edges[1::2] - edges[::2]
    return float(lengths[lengths >= CLIPPED_RUN].sum() / max(1, len(samples)))


def _refuse(message: str) -> None:
    raise UnusableReference(message, param="reference_audio")
