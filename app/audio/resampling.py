"""Samples at another rate, as they come."""

import numpy as np
import soxr  # pyright: ignore[reportMissingTypeStubs] - its types are in its source
from numpy.typing import NDArray


class Resampler:
    """Mono samples of one rate to another, by libsoxr. For one thread at a time.

    The samples do not depend on how they are cut into pieces. Frequencies above half of the lower rate are removed
    (below -120 dB). Up to a tenth of a second of them waits for the next piece, or for `finish`.
    """

    def __init__(self, from_hz: int, to_hz: int) -> None:
        self._stream = soxr.ResampleStream(from_hz, to_hz, 1, dtype="float32", quality="HQ")

    def convert(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """[samples] that are ready now; often none."""
        return self._resample(samples, is_last=False)

    def finish(self) -> NDArray[np.float32]:
        """The last samples. Call it once; nothing is converted afterwards."""
        return self._resample(np.zeros(0, np.float32), is_last=True)

    def _resample(self, samples: NDArray[np.float32], *, is_last: bool) -> NDArray[np.float32]:
        return self._stream.resample_chunk(np.ascontiguousarray(samples, np.float32), last=is_last)
