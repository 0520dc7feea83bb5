"""The pace of alignment, by the last seconds of it: how long speech that is given now would wait. On the event loop."""

import time
from collections.abc import Callable

FIRST_PACE = 0.1
"""Seconds for a second of speech, before anything is measured: Whisper base on two idle cores."""
FIRST_SPEECH_S = 5.0
"""Speech that FIRST_PACE weighs as much as: one segment that takes long, or none for a while, decides nothing."""
HALF_LIFE_S = 10.0
"""A moment counts half as much after this time, so that a recogniser that was busy is tried again."""


class Pace:
    """Counts the seconds in which any segment is under way, and the speech that was aligned in them."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._counted_at_s = clock()
        self._busy_s = self._speech_s = 0.0
        self._under_way_s = 0.0

    def begin(self, speech_s: float) -> None:
        self._count()
        self._under_way_s += speech_s

    def end(self, speech_s: float, *, is_aligned: bool) -> None:
        """`is_aligned` is false for speech that was given up: the time that it took counts all the same."""
        self._count()
        self._under_way_s -= speech_s
        self._speech_s += speech_s * is_aligned

    def seconds_for(self, speech_s: float) -> float:
        """Seconds until speech of this length, given now, should be aligned."""
        self._count()
        pace = (FIRST_SPEECH_S * FIRST_PACE + self._busy_s) / (FIRST_SPEECH_S + self._speech_s)
        return pace * (max(0.0, self._under_way_s) + speech_s)

    def _count(self) -> None:
        now_s = self._clock()
        elapsed_s = now_s - self._counted_at_s
        fading = 0.5 ** (elapsed_s / HALF_LIFE_S)
        is_busy = self._under_way_s > 1e-6
        self._busy_s = self._busy_s * fading + elapsed_s * is_busy
        self._speech_s *= fading
        self._counted_at_s = now_s
