"""Samples as numbers: float32 in [-1, 1], 16-bit integers, decibels.

0 dBFS is an RMS (or a peak) of 1.0, so a full-scale sine has a level of -3.01 dBFS.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

INT16_SCALE = 32_768


def float_to_int16(samples: NDArray[np.float32]) -> NDArray[np.int16]:
    """Clip to [-1, 1) and round to the nearest step. Raises ValueError for NaN and infinity.

    The scale is 2^15, as in libsndfile and FFmpeg: int16 -> float -> int16 gives the same integers.
    """
    require_finite(samples)
    steps = samples * np.float32(INT16_SCALE)
    np.rint(steps, out=steps)
    steps.clip(-INT16_SCALE, INT16_SCALE - 1, out=steps)
    return steps.astype(np.int16)


def float_to_bytes(samples: NDArray[np.float32]) -> bytes:
    """16-bit little-endian PCM on every machine."""
    return float_to_int16(samples).astype("<i2", copy=False).tobytes()


def require_finite(samples: NDArray[np.floating[Any]]) -> None:
    """A cast to integers would turn NaN into a click."""
    if not np.isfinite(samples).all():
        raise ValueError("samples hold NaN or infinity")


def amplitude_to_dbfs(amplitude: float) -> float:
    """Minus infinity for zero."""
    return 20 * math.log10(amplitude) if amplitude > 0 else -math.inf


def dbfs_to_amplitude(level_dbfs: float) -> float:
    return 10.0 ** (level_dbfs / 20)
