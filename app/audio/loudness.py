"""Loudness of speech, one gain that brings it to a target, and a limiter.

A voice is measured once and its gain kept, because a gain per segment makes the volume jump.
"""

import math

import msgspec
import numpy as np
from numpy.typing import NDArray

from app.audio.pcm import amplitude_to_dbfs, dbfs_to_amplitude

MAX_GAIN_DB = 12.0
MAX_PEAK_DBFS = -1.0
FRAME_MS = 20
GATE_DB = 25.0
"""Frames this far below the loudest frame are pauses, not speech."""
SILENCE_DBFS = -70.0
"""Audio whose loudest frame is below this holds no speech."""

KNEE = dbfs_to_amplitude(-3.0)
CEILING = 32_767 / 32_768  # the largest sample that 16 bits hold without clipping


def speech_level_dbfs(samples: NDArray[np.float32], sample_rate_hz: int) -> float:
    """The RMS of the frames that hold speech, in dBFS; minus infinity for silence.

    As in ITU-T P.56 (active speech level) pauses do not count. P.56 follows an envelope; here frames of 20 ms are gated
    relative to the loudest.
    """
    if not samples.size:
        return -math.inf
    powers = frame_powers(samples, sample_rate_hz)
    loudest = float(powers.max())
    if loudest < dbfs_to_amplitude(SILENCE_DBFS) ** 2:
        return -math.inf
    active = powers[powers >= loudest * dbfs_to_amplitude(-GATE_DB) ** 2]
    return amplitude_to_dbfs(math.sqrt(float(active.mean())))


def frame_powers(samples: NDArray[np.float32], sample_rate_hz: int) -> NDArray[np.float64]:
    """The mean square of each whole frame of 20 ms, [frames], at least one. Needs at least one sample."""
    frame_length = min(len(samples), max(1, sample_rate_hz * FRAME_MS // 1000))
    num_frames = len(samples) // frame_length
    frames = samples[: num_frames * frame_length].reshape(num_frames, frame_length)
    return np.mean(np.square(frames, dtype=np.float64), axis=1)


class SpeechLevel(msgspec.Struct, frozen=True, kw_only=True):
    """Level of a voice on one utterance, in dBFS to a tenth, so that measuring again gives the same."""

    rms_dbfs: float
    """of the frames that hold speech; minus infinity for silence"""
    peak_dbfs: float


def measure_level(samples: NDArray[np.float32], sample_rate_hz: int) -> SpeechLevel:
    rms_dbfs = speech_level_dbfs(samples, sample_rate_hz)
    peak = float(np.abs(samples).max(initial=0.0))
    return SpeechLevel(
        rms_dbfs=round(rms_dbfs, 1) if math.isfinite(rms_dbfs) else rms_dbfs,
        peak_dbfs=math.ceil(amplitude_to_dbfs(peak) * 10) / 10 if peak else -math.inf,
    )


def gain_for(level: SpeechLevel | None, target_dbfs: float) -> float:
    """The factor that brings a voice to the target; 1 for silence and for an unknown level.

    At most 12 dB up or down, so that a whisper stays a whisper; and never so much that the measured peak would pass -1
    dBFS.
    """
    if level is None or level.rms_dbfs == -math.inf:
        return 1.0
    gain_db = min(max(target_dbfs - level.rms_dbfs, -MAX_GAIN_DB), MAX_GAIN_DB)
    return dbfs_to_amplitude(min(gain_db, MAX_PEAK_DBFS - level.peak_dbfs))


def soft_limit(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Bend what is above -3 dBFS so that nothing reaches full scale; below, samples pass unchanged.

    Each sample is treated alone, so limiting chunks equals limiting the whole. The curve x / sqrt(1 + x^2) continues
    the line with the same slope. Division and square root are exact in IEEE 754; a vectorised tanh may round
    differently at the end of an array.
    """
    magnitude = np.abs(samples)
    is_over = magnitude > KNEE
    if not is_over.any():
        return samples
    excess = (magnitude[is_over].astype(np.float64) - KNEE) / (CEILING - KNEE)
    bent = KNEE + (CEILING - KNEE) * excess / np.sqrt(1 + np.square(excess))
    limited = samples.copy()
    limited[is_over] = np.copysign(bent, samples[is_over])
    return limited
