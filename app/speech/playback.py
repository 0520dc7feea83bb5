"""Playback at the listener: samples that it got, gaps that were heard, and audio in hand before the next one."""

import time
from collections.abc import Callable

MARGIN_S = 0.3
"""Seconds before a gap at which audio that was held back is given."""


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


class Listener:
    """The audio in hand of a listener who hears one answer, or several one after the other, as they are made.

    Equal to itself only.
    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._in_hand_s = 0.0
        self._since_s = 0.0

    def gave(self, seconds: float) -> None:
        self._in_hand_s = self.slack_s + seconds
        self._since_s = self._clock()

    @property
    def slack_s(self) -> float:
        """Seconds until a gap, if the listener plays audio as soon as it may; 0 before the first audio."""
        return max(0.0, self._in_hand_s - (self._clock() - self._since_s))

    def patience_s(self) -> float:
        """Seconds for which audio may still be held back without a gap; 0 before the first audio."""
        return max(0.0, self.slack_s - MARGIN_S)

    def stopped(self) -> None:
        """The listener has thrown away what it had."""
        self._in_hand_s = 0.0


class Delivery:
    """Counts samples on their way from a stream to its listener: taken by the stream's holder, then sent."""

    def __init__(self, sample_rate_hz: int, clock: Callable[[], float] = time.perf_counter) -> None:
        self._sample_rate_hz = sample_rate_hz
        self._playback = Playback(clock)
        self._num_taken = self._num_sent = 0

    @property
    def seconds(self) -> float:
        """Audio that the listener has."""
        return self._num_sent / self._sample_rate_hz

    @property
    def num_underruns(self) -> int:
        return self._playback.num_underruns

    def take(self, num_samples: int) -> None:
        self._num_taken += num_samples

    def ready(self) -> None:
        """All samples taken so far are about to be sent."""
        if num_new := self._num_taken - self._num_sent:
            self._playback.delivered(num_new / self._sample_rate_hz)

    def sent(self) -> None:
        """The listener has all samples taken so far."""
        self._playback.taken()
        self._num_sent = self._num_taken
