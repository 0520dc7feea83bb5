"""Recordings for cloning, made from a seed: the same bytes at every run."""

import io
from typing import Any

import numpy as np
import soundfile


def voice(seconds: float = 4.0, *, seed: int = 0, rate_hz: int = 24_000) -> Any:
    """A buzz with a moving pitch and syllables, [samples] float64; loud and clean enough to clone from."""
    time_s = np.arange(round(seconds * rate_hz)) / rate_hz
    noise = np.random.default_rng(seed).normal(0, 0.002, len(time_s))
    pitch = np.cumsum(120 + 30 * seed + 25 * np.sin(2 * np.pi * 0.7 * time_s)) / rate_hz
    buzz = sum(np.sin(2 * np.pi * harmonic * pitch) / harmonic for harmonic in range(1, 12))
    syllables = np.clip(np.sin(2 * np.pi * 3 * time_s), 0, 1) ** 0.5
    return 0.2 * buzz * syllables + noise


def encoded(samples: Any, format: str = "WAV", *, rate_hz: int = 24_000) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, samples, rate_hz, format=format)
    return file.getvalue()
