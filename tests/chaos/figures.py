"""The figures of the program: how they are computed from moments, and which goal each of them has.

Pure arithmetic: it knows no server, so every rule here has a unit test.
"""

from collections.abc import Sequence

import msgspec


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """One measured value beside its goal. `is_met` None: not measured."""

    name: str
    measured: str
    goal: str
    is_met: bool | None


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` of all values do not exceed (nearest rank)."""
    ordered = sorted(values)
    rank = max(1, -(-len(ordered) * share // 1))
    return ordered[int(rank) - 1]


class Gaps:
    """The gaps of a listener who begins to play with the first piece of audio and plays without a break.

    A gap begins when all audio that has arrived is played, and ends when the next piece arrives. Playback goes on from
    there, so a delay is counted once. `silences` are the times between two arrivals, audible or not.
    """

    def __init__(self) -> None:
        self.gaps: list[tuple[float, float]] = []
        """(moment at which the gap ended, its seconds)"""
        self.longest_silence_s = 0.0
        self._played_out_at_s: float | None = None
        self._last_at_s = 0.0

    def arrived(self, at_s: float, audio_s: float) -> None:
        if self._played_out_at_s is None:
            self._played_out_at_s = at_s
        else:
            self.longest_silence_s = max(self.longest_silence_s, at_s - self._last_at_s)
            self._count(at_s)
        self._played_out_at_s = max(self._played_out_at_s, at_s) + audio_s
        self._last_at_s = at_s

    def cut_off(self, at_s: float) -> None:
        """The listener stopped waiting for more."""
        if self._played_out_at_s is not None:
            self._count(at_s)

    def _count(self, at_s: float) -> None:
        assert self._played_out_at_s is not None
        if (late_s := at_s - self._played_out_at_s) > 0:
            self.gaps.append((at_s, late_s))
