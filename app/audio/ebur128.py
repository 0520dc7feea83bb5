"""Integrated loudness and true peak after EBU R128 (ITU-R BS.1770), by FFmpeg's filter `ebur128`."""

import math
from collections import Counter
from fractions import Fraction

import av
import msgspec
import numpy as np
from av.error import BlockingIOError, EOFError
from av.filter import Graph
from numpy.typing import NDArray

from app.audio.pcm import amplitude_to_dbfs

ABSOLUTE_GATE_LUFS = -70.0
RELATIVE_GATE_LU = 10.0
_RESOLUTION = 0.0005
"""The filter gives peaks with three decimals."""


class Loudness(msgspec.Struct, frozen=True, kw_only=True):
    """Minus infinity for silence."""

    integrated_lufs: float
    true_peak_dbtp: float


class LoudnessTally:
    """Loudness of the blocks of 0.4 s that begin every 0.1 s, and the true peak. Tallies of several parts can be added.

    BS.1770 takes the mean power of the blocks above -70 LUFS, and then of those that are not 10 LU below that mean.
    """

    def __init__(self) -> None:
        self._blocks: Counter[float] = Counter()
        """by their LUFS, of which the filter gives three decimals"""
        self._peak = 0.0

    def count(self, lufs: float, peak: float) -> None:
        """A block, and the peak of all samples so far."""
        if lufs > ABSOLUTE_GATE_LUFS:
            self._blocks[lufs] += 1
        self._peak = max(self._peak, peak)

    def add(self, other: "LoudnessTally") -> None:
        self._blocks.update(other._blocks)
        self._peak = max(self._peak, other._peak)

    def result(self) -> Loudness:
        peak = self._peak + _RESOLUTION if self._peak else 0.0
        gate = self._mean(-math.inf) - RELATIVE_GATE_LU
        return Loudness(integrated_lufs=self._mean(gate), true_peak_dbtp=amplitude_to_dbfs(peak))

    def _mean(self, gate_lufs: float) -> float:
        """LUFS of the blocks above the gate."""
        blocks = [(lufs, count) for lufs, count in self._blocks.items() if lufs > gate_lufs]
        if not blocks:
            return -math.inf
        power = math.fsum(count * 10 ** (lufs / 10) for lufs, count in blocks)
        return 10 * math.log10(power / sum(count for _, count in blocks))


class LoudnessMeter:
    """Mono samples in pieces of any length. The memory does not grow. For one thread at a time.

    has_peak   False leaves out the true peak, which takes two thirds of the time
    """

    def __init__(self, sample_rate_hz: int, *, has_peak: bool = True) -> None:
        self._rate_hz = sample_rate_hz
        self._time_base = Fraction(1, sample_rate_hz)
        self._num_samples = 0
        self.tally = LoudnessTally()
        """of all samples so far, but for the last 0.1 s"""
        self._graph = Graph()
        source = self._graph.add_abuffer(
            sample_rate=sample_rate_hz, format="flt", layout="mono", time_base=self._time_base
        )
        meter = self._graph.add("ebur128", f"peak={'true' if has_peak else 'none'}:metadata=1:framelog=quiet")
        source.link_to(meter)
        meter.link_to(self._graph.add("abuffersink"))
        self._graph.configure()

    def push(self, samples: NDArray[np.float32]) -> None:
        """[samples]"""
        if not samples.size:
            return
        frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="flt", layout="mono")
        frame.sample_rate = self._rate_hz
        frame.time_base = self._time_base
        frame.pts = self._num_samples
        self._num_samples += len(samples)
        self._graph.push(frame)
        self._take()

    def result(self) -> Loudness:
        """Loudness of all samples so far, but for the last 0.1 s."""
        return self.tally.result()

    def _take(self) -> None:
        while True:
            try:
                metadata = self._graph.pull().metadata
            except (BlockingIOError, EOFError):
                return
            peak = float(metadata.get("lavfi.r128.true_peak", 0.0))
            self.tally.count(float(metadata["lavfi.r128.M"]), peak)
