"""Stitching: the chunks of a request's segments to one stream of samples, with pauses and without clicks.

Silence at a segment's edges is trimmed, the edges are faded, and a pause follows that depends on what ends the
segment. Works chunk by chunk: how a segment was cut into chunks does not change a sample.
"""

from collections.abc import Sequence

import msgspec
import numpy as np

from app.engine.base import AudioChunk, Samples
from app.errors import EngineFailure, NothingToSpeak
from app.text.segments import Boundary, Segment


class Pauses(msgspec.Struct, frozen=True, kw_only=True):
    """Milliseconds of silence."""

    clause_ms: int = 60
    sentence_ms: int = 260
    paragraph_ms: int = 600

    def after(self, boundary: Boundary) -> int:
        match boundary:
            case Boundary.CLAUSE:
                return self.clause_ms
            case Boundary.SENTENCE:
                return self.sentence_ms
            case Boundary.PARAGRAPH:
                return self.paragraph_ms


SILENCE = 10 ** (-50 / 20)
"""Magnitude below which a sample is silence: -50 dBFS."""
EDGE_MS = 40
"""Silence that is kept before and after a segment's sound: the breath of the voice."""
FADE_MS = 5


class Stitcher:
    """Takes the chunks of one request in order. The sound of a segment may come in any number of chunks."""

    def __init__(self, segments: Sequence[Segment], sample_rate_hz: int, pauses: Pauses | None = None) -> None:
        self._segments = segments
        self._pauses = pauses or Pauses()
        self._rate_hz = sample_rate_hz
        self._edge = self._num_samples(EDGE_MS)
        ramp = np.arange(1, self._num_samples(FADE_MS) + 1, dtype=np.float32) / (self._num_samples(FADE_MS) + 1)
        self._fade_in: Samples = (0.5 - 0.5 * np.cos(np.pi * ramp)).astype(np.float32)
        self._start_segment()

    def push(self, chunk: AudioChunk) -> Samples:
        """The samples that are settled by now, [samples]; the end of the sound is held back until it is known.

        Raises NothingToSpeak when a segment ends without sound, and EngineFailure for samples that are no numbers.
        """
        segment = self._segments[chunk.segment_index]
        if not np.isfinite(chunk.samples).all():
            raise EngineFailure(f"segment {segment.index} came out as noise that is no number: {segment.text[:60]!r}")
        self._held = np.concatenate((self._held, chunk.samples))
        loud = np.flatnonzero(np.abs(self._held) >= SILENCE)
        if loud.size:
            # Past the last sound goes nothing yet: whether it is a pause inside the segment or its end is not known.
            # The fade's length stays back too, since the end of the sound may be the end of the segment.
            self._start_sound(int(loud[0]))
            end = int(np.flatnonzero(np.abs(self._held) >= SILENCE)[-1]) + 1
            ready, self._held = self._split(max(0, end - len(self._fade_in)))
        else:
            ready = self._held[:0]
            if not self._has_sound:
                self._held = self._held[max(0, len(self._held) - self._edge) :]
        if not chunk.is_last:
            return ready
        return np.concatenate((ready, self._end_segment(segment)))

    def _start_sound(self, first: int) -> None:
        if not self._has_sound:
            self._has_sound = True
            self._held = self._held[max(0, first - self._edge) :]

    def _split(self, at: int) -> tuple[Samples, Samples]:
        """What leaves and what stays, faded in where the segment begins."""
        ready, rest = self._held[:at], self._held[at:]
        if ready.size and self._num_out < len(self._fade_in):
            ready = ready.copy()
            num_faded = min(len(ready), len(self._fade_in) - self._num_out)
            ready[:num_faded] *= self._fade_in[self._num_out : self._num_out + num_faded]
        self._num_out += len(ready)
        return ready, rest

    def _end_segment(self, segment: Segment) -> Samples:
        if not self._has_sound:
            raise NothingToSpeak(f"the voice made no sound for {segment.text[:60]!r}", param="text")
        loud = np.flatnonzero(np.abs(self._held) >= SILENCE)
        end = int(loud[-1]) + 1 if loud.size else 0
        tail, _ = self._split(min(len(self._held), end + self._edge))
        tail = tail.copy()
        num_faded = min(len(tail), len(self._fade_in))
        if num_faded:
            tail[-num_faded:] *= self._fade_in[num_faded - 1 :: -1]
        self._start_segment()
        is_last = segment.index == len(self._segments) - 1
        pause_ms = 0 if is_last else self._pauses.after(segment.boundary)
        return np.concatenate((tail, np.zeros(self._num_samples(pause_ms), np.float32)))

    def _start_segment(self) -> None:
        self._held: Samples = np.zeros(0, np.float32)
        self._has_sound = False
        self._num_out = 0

    def _num_samples(self, milliseconds: int) -> int:
        return round(milliseconds * self._rate_hz / 1000)
