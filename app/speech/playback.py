"""Underruns: gaps that a listener of a streamed answer would have heard."""

import time
from collections.abc import Callable


class Playback:
    """A player that begins with the first piece and plays each as soon as it may.

    A server also calls `taken`: the time that a slow listener needs to take a piece is no gap.
    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._unplayed_s: float | None = None
        self._waits_since_s = 0.0
        self.num_underruns = 0
        self.largest_underrun_s = 0.0

    def delivered(self, seconds: float) -> None:
        """A piece arrives: after a gap if all audio before it has been played."""
        now_s = self._clock()
        left_s = 0.0
        if self._unplayed_s is not None:
            left_s = self._unplayed_s - (now_s - self._waits_since_s)
            self.num_underruns += left_s < 0
            self.largest_underrun_s = max(self.largest_underrun_s, -left_s)
        self._unplayed_s = max(0.0, left_s) + seconds
        self._waits_since_s = now_s

    def taken(self) -> None:
        """The listener has the piece that was delivered last, and waits from now on."""
        self._waits_since_s = self._clock()
