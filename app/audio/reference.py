"""Reference clips: an uploaded recording, decoded and judged fit for cloning."""

import msgspec
import numpy as np
from numpy.typing import NDArray


class ReferenceClip(msgspec.Struct, frozen=True, kw_only=True):
    """A recording of the voice to clone.

    samples  [samples] float32 mono, in [-1, 1], at `sample_rate_hz`
    """

    samples: NDArray[np.float32]
    sample_rate_hz: int
    sha256: str
