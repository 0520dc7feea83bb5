"""Limits on how long a segment may take, and where to cut one that does not end.

XTTS sometimes babbles after the last word, for up to half a minute. Beyond `expected_codes` audio is held back. At
`max_codes` the segment is tried again with other noise or, when it may have been heard, cut at the first silence.
"""

import math

import msgspec
import numpy as np

from app.engine.values import Samples

SLOWEST_CHARS_PER_S = 9.0
"""Pace of slow speech in characters of cleaned text; ordinary speech has 12 to 16."""
STOPPED_LATE_S = 1.0
RAN_AWAY_S = 3.0
FRAME_S = 0.02
PAUSE_S = 0.2
SILENCE_DB = 35.0
"""A frame this far below the loudest one is a pause."""
FADE_S = 0.01


class Guards(msgspec.Struct, frozen=True, kw_only=True):
    """`exact_codes`, for benchmarks: the number of codes of every segment."""

    max_attempts: int = 2
    exact_codes: int | None = None


class Budget(msgspec.Struct, frozen=True):
    expected_codes: int
    """beyond these the audio is suspicious"""
    max_codes: int
    """at these the segment is ended"""


def budget_of(cleaned_text: str, *, code_s: float, limit: int, guards: Guards) -> Budget:
    """The budget of a spelt-out text. `limit` is the model's own."""
    if guards.exact_codes is not None:
        exact = min(guards.exact_codes, limit)
        return Budget(exact, exact)
    slow_s = len(cleaned_text) / SLOWEST_CHARS_PER_S
    expected = min(limit, math.ceil((slow_s + STOPPED_LATE_S) / code_s))
    return Budget(expected, min(limit, math.ceil((2 * slow_s + RAN_AWAY_S) / code_s)))


def cut_at_silence(samples: Samples, *, loudest: float, sample_rate_hz: int) -> Samples:
    """The samples before the first pause, or before the quietest moment where there is none, faded out.

    samples   [samples], the part of the segment that was held back
    loudest   RMS of the loudest frame before them
    """
    frame = round(FRAME_S * sample_rate_hz)
    num_frames = len(samples) // frame
    if num_frames == 0:
        return samples[:0]
    levels = frame_levels(samples, frame)
    quiet = levels <= max(loudest, float(levels.max())) * 10 ** (-SILENCE_DB / 20)
    needed = math.ceil(PAUSE_S / FRAME_S)
    runs = np.convolve(quiet, np.ones(needed), mode="valid") >= needed if num_frames >= needed else np.zeros(0, bool)
    cut = int(runs.argmax()) if runs.any() else int(levels.argmin())
    kept = samples[: (cut + 1) * frame].copy()
    fade = min(len(kept), round(FADE_S * sample_rate_hz))
    kept[len(kept) - fade :] *= np.linspace(1, 0, fade, dtype=np.float32)
    return kept


def frame_levels(samples: Samples, frame: int) -> Samples:
    """RMS of each whole frame of `frame` samples."""
    whole = samples[: len(samples) // frame * frame].reshape(-1, frame)
    return np.sqrt(np.mean(np.square(whole), axis=1))
