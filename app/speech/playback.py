"""Underruns: the gaps that a listener of a streamed answer would have heard.

Knows moments and seconds of audio. Knows nothing of samples, and of how pieces travel.
"""

import time
from collections.abc import Callable


class Playback:
    """A player that begins with the first piece and plays each one as soon as it may.

    Seen from the listener, `delivered` is enough. Seen from the server, a listener that takes its time must not count
    as a gap: `taken` says when it has the piece, and only from there on does it wait.
    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._unplayed_s: float | None = None
        self._waits_since_s = 0.0
        self.num_underruns = 0

    def delivered(self, seconds: float) -> None:
        """A piece of `seconds` of audio is there, after a gap if all before it had been played by now."""
        now_s = self._clock()
        left_s = 0.0
        if self._unplayed_s is not None:
            left_s = self._unplayed_s - (now_s - self._waits_since_s)
            self.num_underruns += left_s < 0
        self._unplayed_s = max(0.0, left_s) + seconds
        self._waits_since_s = now_s

    def taken(self) -> None:
        """The listener has the piece that was delivered last; the time it took to take it is its own."""
        self._waits_since_s = self._clock()
