"""The figures that audiobook shops ask for (ACX, also Findaway and others), measured for each chapter."""

import msgspec
import numpy as np
from numpy.typing import NDArray

from app.audio.pcm import amplitude_to_dbfs

MIN_RMS_DBFS, MAX_RMS_DBFS = -23.0, -18.0
MAX_PEAK_DBFS = -3.0
MAX_NOISE_DBFS = -60.0
MAX_CHAPTER_S = 120 * 60.0
NOISE_WINDOW_S = 0.5


class ChapterLevels(msgspec.Struct, frozen=True, kw_only=True):
    """Levels of one chapter as it is written, its silence included. Minus infinity for silence."""

    title: str
    seconds: float
    rms_dbfs: float
    peak_dbfs: float
    noise_dbfs: float
    """RMS of the quietest half second"""


class LevelMeter:
    """Samples of one chapter in pieces of any length."""

    def __init__(self, title: str, sample_rate_hz: int) -> None:
        self._title = title
        self._rate_hz = sample_rate_hz
        self._num_samples = 0
        self._energy = self._peak = 0.0
        self._quietest = float("inf")
        self._window: NDArray[np.float32] = np.zeros(0, np.float32)

    def push(self, samples: NDArray[np.float32]) -> None:
        self._num_samples += len(samples)
        self._energy += float(np.square(samples, dtype=np.float64).sum())
        self._peak = max(self._peak, float(np.abs(samples).max(initial=0.0)))
        window = np.concatenate([self._window, samples])
        size = round(NOISE_WINDOW_S * self._rate_hz)
        whole = len(window) // size * size
        self._window = window[whole:]
        if whole:
            powers = np.square(window[:whole].reshape(-1, size), dtype=np.float64).mean(axis=1)
            self._quietest = min(self._quietest, float(powers.min()))

    def result(self) -> ChapterLevels:
        power = self._energy / max(1, self._num_samples)
        return ChapterLevels(
            title=self._title,
            seconds=self._num_samples / self._rate_hz,
            rms_dbfs=amplitude_to_dbfs(power**0.5),
            peak_dbfs=amplitude_to_dbfs(self._peak),
            noise_dbfs=amplitude_to_dbfs(min(self._quietest, power) ** 0.5),
        )


def find_faults(levels: ChapterLevels) -> list[str]:
    """Reasons for which a shop would refuse a chapter; empty when it passes."""
    faults: list[str] = []
    if not MIN_RMS_DBFS <= levels.rms_dbfs <= MAX_RMS_DBFS:
        faults.append(f"RMS {levels.rms_dbfs:.1f} dB is not between {MIN_RMS_DBFS:g} and {MAX_RMS_DBFS:g} dB")
    if levels.peak_dbfs > MAX_PEAK_DBFS:
        faults.append(f"peak {levels.peak_dbfs:.1f} dB is above {MAX_PEAK_DBFS:g} dB")
    if levels.noise_dbfs > MAX_NOISE_DBFS:
        faults.append(f"noise {levels.noise_dbfs:.1f} dB is above {MAX_NOISE_DBFS:g} dB")
    if levels.seconds > MAX_CHAPTER_S:
        faults.append(f"{levels.seconds / 60:.0f} minutes are more than {MAX_CHAPTER_S / 60:.0f}")
    return faults
