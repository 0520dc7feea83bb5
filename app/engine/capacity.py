"""How many streams an engine makes at least as fast as they are played.

Knows numbers of streams and seconds, no requests, threads or tensors.
"""

import math
from collections.abc import Mapping

import numpy as np

FULL_LOAD = 0.9
"""Share of the time that may be planned: a prefill, or a chunk of the vocoder, delays all streams at once."""
MEMORY_S = 30.0
"""Seconds of work after which a measurement while serving counts a third of a new one."""
START_S = 3.0
"""Seconds of work that the measurement at the start counts as."""


class Capacity:
    """Capacity in streams, from loads that are measured at the start and scaled by the pace while serving.

    The load of n streams is the time that one second of audio of each of them takes together, in seconds: above 1 they
    have gaps. Between measured numbers of streams it is interpolated, beyond the last it is proportional.

    loads   streams -> load, measured at the start; not empty

    Written on one thread, read on any.
    """

    def __init__(self, loads: Mapping[int, float]) -> None:
        assert loads and all(streams > 0 and load > 0 for streams, load in loads.items())
        self._streams = [0.0, *(float(streams) for streams in sorted(loads))]
        # More streams are never less work; a measurement that says so was disturbed.
        self._loads = [0.0, *np.maximum.accumulate([loads[streams] for streams in sorted(loads)]).tolist()]
        self._measured_s = self._expected_s = START_S
        self._factor = 1.0
        self.has_carried_one = self.streams >= 1
        """True from the first measurement on that says that a stream is made as fast as it is played."""

    @property
    def streams(self) -> float:
        """The largest number of streams within FULL_LOAD, with a fraction; below 1 where not even one is."""
        load = FULL_LOAD / self._factor
        if load >= self._loads[-1]:
            return self._streams[-1] * load / self._loads[-1]
        return float(np.interp(load, self._loads, self._streams))

    @property
    def fewest_together(self) -> int | None:
        """The smallest number of segments of one text that are made, together, as fast as it is played.

        Several in a step are made faster in sum than one after the other. None where no measured number keeps up.
        """
        numbers = range(1, int(self._streams[-1]) + 1)
        return next((number for number in numbers if self.load(number) <= FULL_LOAD * number), None)

    def load(self, streams: float) -> float:
        return self._factor * self._load_at_start(streams)

    def measured(self, streams: float, *, audio_s: float, seconds: float) -> None:
        """`audio_s` seconds of audio of each of `streams` streams took `seconds`."""
        kept = math.exp(-seconds / MEMORY_S)
        self._measured_s = kept * self._measured_s + seconds
        self._expected_s = kept * self._expected_s + audio_s * self._load_at_start(streams)
        self._factor = self._measured_s / self._expected_s
        self.has_carried_one = self.has_carried_one or self.streams >= 1

    def _load_at_start(self, streams: float) -> float:
        if streams >= self._streams[-1]:
            return streams * self._loads[-1] / self._streams[-1]
        return float(np.interp(streams, self._streams, self._loads))
