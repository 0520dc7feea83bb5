"""Integrated loudness and true peak after EBU R128 (ITU-R BS.1770), by FFmpeg's filter `ebur128`."""

import math
from fractions import Fraction

import av
import msgspec
import numpy as np
from av.error import BlockingIOError, EOFError
from av.filter import Graph
from numpy.typing import NDArray

from app.audio.pcm import amplitude_to_dbfs

_RESOLUTION = 0.0005
"""The filter gives peaks with three decimals."""


class Loudness(msgspec.Struct, frozen=True, kw_only=True):
    """Minus infinity for silence."""

    integrated_lufs: float
    true_peak_dbtp: float


class LoudnessMeter:
    """Mono samples in pieces of any length. The memory does not grow. For one thread at a time.

    has_peak   False leaves out the true peak, which takes two thirds of the time
    """

    def __init__(self, sample_rate_hz: int, *, has_peak: bool = True) -> None:
        self._rate_hz = sample_rate_hz
        self._time_base = Fraction(1, sample_rate_hz)
        self._num_samples = 0
        self._integrated_lufs = -math.inf
        self._peak = 0.0
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
        peak = self._peak + _RESOLUTION if self._peak else 0.0
        return Loudness(integrated_lufs=self._integrated_lufs, true_peak_dbtp=amplitude_to_dbfs(peak))

    def _take(self) -> None:
        while True:
            try:
                metadata = self._graph.pull().metadata
            except (BlockingIOError, EOFError):
                return
            lufs = float(metadata["lavfi.r128.I"])
            # The filter says -70 where nothing passed its gate.
            self._integrated_lufs = lufs if lufs > -70.0 else -math.inf
            self._peak = max(self._peak, float(metadata.get("lavfi.r128.true_peak", 0.0)))
