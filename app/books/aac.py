"""Chapters of one AAC stream, encoded independently of each other.

An AAC frame of 1,024 samples overlaps half of each neighbour. A chapter begins and ends with more silence than that, so
the frames around its ends are silent whatever lies behind them, and frames of different encoders go together. All
frames stand on one grid from the begin of the file.
"""

from collections.abc import Sequence
from fractions import Fraction
from typing import Any, NamedTuple

import av
import numpy as np
from av.codec.context import Flags
from numpy.typing import NDArray

FRAME_SAMPLES = 1_024
MIN_SILENCE_SAMPLES = 2 * FRAME_SAMPLES
"""at both ends of a chapter, but for the begin of the first and the end of the last one"""


class AacPacket(NamedTuple):
    """A frame. PyAV's packets take 2 kB each, and those of a chapter wait in memory.

    at, duration   in samples of the file
    """

    at: int
    duration: int
    data: bytes


Packets = Sequence[AacPacket]


class AacChapter:
    """Blocking; for one thread.

    start     first sample of the chapter in the file
    end       sample behind its last one; None: it is the last chapter
    """

    def __init__(self, sample_rate_hz: int, bit_rate: int, start: int, end: int | None) -> None:
        self._rate_hz = sample_rate_hz
        context: Any = av.CodecContext.create("aac", "w")
        context.sample_rate = sample_rate_hz
        context.layout = "mono"
        context.format = "fltp"
        context.bit_rate = bit_rate
        context.time_base = Fraction(1, sample_rate_hz)
        context.flags |= Flags.bitexact | Flags.global_header
        self._context = context
        begin = start // FRAME_SAMPLES * FRAME_SAMPLES
        self._silence = start - begin
        """samples between the grid and the chapter"""
        self._end = None if end is None else end // FRAME_SAMPLES * FRAME_SAMPLES
        self._at = begin
        self._next_frame = begin - FRAME_SAMPLES  # the encoder's first frame is one of priming

    def encode(self, samples: NDArray[np.float32]) -> Packets:
        """The packets that are ready; times are samples of the file. [samples], in [-1, 1]."""
        samples = np.concatenate([np.zeros(self._silence, np.float32), samples])
        self._silence = 0
        if self._end is not None:
            samples = samples[: self._end - self._at]
        if not samples.size:
            return ()
        frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="fltp", layout="mono")
        frame.sample_rate = self._rate_hz
        frame.time_base = Fraction(1, self._rate_hz)
        frame.pts = self._at
        self._at += len(samples)
        return self._timed(self._context.encode(frame))

    def finish(self) -> Packets:
        """The packets that the encoder holds. The next chapter has its own first frame, so the last one is left out."""
        return self._timed(self._context.encode(None))

    def _timed(self, packets: Sequence[Any]) -> Packets:  # Any: PyAV's types are partial
        kept: list[AacPacket] = []
        for packet in packets:
            if self._end is None or self._next_frame < self._end - FRAME_SAMPLES:
                kept.append(AacPacket(self._next_frame, packet.duration or FRAME_SAMPLES, bytes(packet)))
            self._next_frame += FRAME_SAMPLES
        return kept
