"""Recordings that a test uploads: noise as loud as a voice, in a WAV file."""

import io
from typing import Any

import numpy as np
import soundfile


def wav(samples: Any, rate_hz: int = 24_000) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, np.asarray(samples, np.float32), rate_hz, format="WAV", subtype="PCM_16")
    return file.getvalue()


def voice_like(seconds: float, level: float = 0.1) -> Any:
    return np.random.default_rng(0).normal(0, level, round(seconds * 24_000)).clip(-0.9, 0.9)
