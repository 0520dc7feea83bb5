"""Loudness: the gain that brings speech to one level, and the limiter that keeps it below full scale."""

import numpy as np
from numpy.typing import NDArray

FRAME_S = 0.02
GATE_DB = 25.0
MAX_GAIN_DB = 12.0
CEILING = 10 ** (-1 / 20)
"""The peak that a gain may bring its own samples to: -1 dBFS."""
KNEE = 0.9
"""Below this magnitude the limiter is the identity."""


def speech_level_dbfs(samples: NDArray[np.float32], sample_rate_hz: int) -> float:
    """Level of the active speech in [samples], in dB below a full-scale square wave; -inf for silence.

    RMS over the 20 ms frames that are within 25 dB of the loudest: pauses do not count. In the spirit of ITU-T
    P.56, whose envelope follower it leaves out.
    """
    frame = max(1, round(FRAME_S * sample_rate_hz))
    num_frames = max(1, len(samples) // frame)
    padded = np.zeros(num_frames * frame, np.float64)
    used = samples[: num_frames * frame]
    padded[: len(used)] = used
    power = np.square(padded).reshape(num_frames, frame).mean(axis=1)
    loudest = float(power.max())
    if loudest <= 1e-12:
        return -np.inf
    active = power[power >= loudest * 10 ** (-GATE_DB / 10)]
    return float(10 * np.log10(active.mean()))


def gain_for(samples: NDArray[np.float32], target_dbfs: float, sample_rate_hz: int) -> float:
    """The factor that brings speech to `target_dbfs`: at most 12 dB either way, peaks of `samples` below -1 dBFS."""
    level = speech_level_dbfs(samples, sample_rate_hz)
    if not np.isfinite(level):
        return 1.0
    gain_db = min(MAX_GAIN_DB, max(-MAX_GAIN_DB, target_dbfs - level))
    peak = float(np.abs(samples).max())
    return min(10 ** (gain_db / 20), CEILING / peak)


def soft_limit(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """[samples] -> [samples] in (-1, 1): untouched below the knee, bent smoothly above it.

    Works sample by sample, so chunks come out as the whole would.
    """
    magnitude = np.abs(samples)
    above = magnitude > KNEE
    if not above.any():
        return samples
    limited = samples.copy()
    room = 1.0 - KNEE
    bent = KNEE + room * np.tanh((magnitude[above] - KNEE) / room)
    limited[above] = np.copysign(np.minimum(bent, 32767 / 32768), samples[above])
    return limited
