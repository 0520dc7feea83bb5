"""Look-ahead limiter: peaks above a ceiling are turned down, all else passes unchanged. FFmpeg's filter `alimiter`."""

from fractions import Fraction

import av
import numpy as np
from av.error import BlockingIOError, EOFError
from av.filter import Graph
from numpy.typing import NDArray

from app.audio.pcm import dbfs_to_amplitude

ATTACK_MS, RELEASE_MS = 5, 60


class Limiter:
    """Mono samples in pieces of any length; as many come out as went in, a few milliseconds later. For one thread."""

    def __init__(self, sample_rate_hz: int, ceiling_dbfs: float) -> None:
        self._rate_hz = sample_rate_hz
        self._time_base = Fraction(1, sample_rate_hz)
        self._num_samples = 0
        self._graph = Graph()
        source = self._graph.add_abuffer(
            sample_rate=sample_rate_hz, format="dbl", layout="mono", time_base=self._time_base
        )
        limiter = self._graph.add(
            "alimiter",
            f"limit={dbfs_to_amplitude(ceiling_dbfs)}:attack={ATTACK_MS}:release={RELEASE_MS}:level=0:latency=1",
        )
        source.link_to(limiter)
        limiter.link_to(self._graph.add("abuffersink"))
        self._graph.configure()

    def push(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """The samples that are ready."""
        if not samples.size:
            return samples
        frame = av.AudioFrame.from_ndarray(samples.astype(np.float64).reshape(1, -1), format="dbl", layout="mono")
        frame.sample_rate = self._rate_hz
        frame.time_base = self._time_base
        frame.pts = self._num_samples
        self._num_samples += len(samples)
        self._graph.push(frame)
        return self._take()

    def close(self) -> NDArray[np.float32]:
        """The rest."""
        self._graph.push(None)
        return self._take()

    def _take(self) -> NDArray[np.float32]:
        pieces: list[NDArray[np.float32]] = []
        while True:
            try:
                pieces.append(np.asarray(self._graph.pull().to_ndarray(), np.float32)[0])
            except (BlockingIOError, EOFError):
                return np.concatenate([np.zeros(0, np.float32), *pieces])
