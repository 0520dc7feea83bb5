"""Samples as the recogniser takes them."""

import numpy as np
from numpy.typing import NDArray

SAMPLE_RATE_HZ = 16_000
Samples = NDArray[np.float32] | NDArray[np.int16]
"""[n] mono at SAMPLE_RATE_HZ: float32 in -1..1, or int16. May be a `numpy.memmap`: it is read in blocks."""


def as_float32(samples: Samples) -> NDArray[np.float32]:
    if samples.dtype == np.int16:
        return samples.astype(np.float32) / np.float32(32768)
    return samples.astype(np.float32, copy=False)
