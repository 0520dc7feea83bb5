"""float32 samples to 16-bit integers."""

import numpy as np
from numpy.typing import NDArray


def to_int16(samples: NDArray[np.float32]) -> NDArray[np.int16]:
    """[samples] in [-1, 1] -> [samples], rounded to nearest, clipped at full scale. NaN never gets here."""
    if not np.isfinite(samples).all():
        raise ValueError("samples are not finite")
    return np.clip(np.rint(samples * np.float32(32767)), -32768, 32767).astype("<i2")
