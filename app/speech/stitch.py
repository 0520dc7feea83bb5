"""Chunks of a request's segments to one continuous stream of samples.

Engines leave silence of any length around a segment. It is cut to a known length, edges are faded so that joins do not
click, and the boundary gives the pause between two segments.
"""

from collections.abc import Sequence

import msgspec
import numpy as np

from app.engine.values import AudioChunk, Samples
from app.errors import EngineFailure, NothingToSpeak
from app.speech.events import SegmentEnded, SegmentStarted, SpeechEvent
from app.text.segments import Boundary, Segment

SILENCE = 10.0 ** (-50 / 20)
"""-50 dBFS: samples below this are silence."""
KEPT_SILENCE_MS = 40
"""Silence left before and after a segment: soft consonants begin and end below the threshold."""
FADE_MS = 5


class Pauses(msgspec.Struct, frozen=True, kw_only=True):
    """Silence after a segment, by its boundary; KEPT_SILENCE_MS comes on top."""

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


DEFAULT_PAUSES = Pauses()


def pause_samples(boundary: Boundary, sample_rate_hz: int, pauses: Pauses = DEFAULT_PAUSES) -> int:
    return pauses.after(boundary) * sample_rate_hz // 1000


class Stitcher:
    """Turns chunks into events. The samples do not depend on how segments are cut into chunks. The last chunk of the
    last segment completes the stream.

    lead_s   seconds of silence before the first segment
    """

    def __init__(
        self,
        segments: Sequence[Segment],
        sample_rate_hz: int,
        *,
        pauses: Pauses = DEFAULT_PAUSES,
        lead_s: float = 0.0,
    ) -> None:
        self._segments = segments
        self.num_segments = len(segments)
        self._sample_rate_hz = sample_rate_hz
        self._pauses = pauses
        self._index = 0
        self.begins_with_pause = lead_s > 0
        self._lead: Samples = np.zeros(round(lead_s * sample_rate_hz), np.float32)
        self._num_given = len(self._lead)
        self._has_started = False
        self._trimmer = _SegmentTrimmer(sample_rate_hz)

    @property
    def ends_with_pause(self) -> bool:
        return self._segments[-1].pause_s is not None

    def push(self, chunk: AudioChunk) -> list[SpeechEvent]:
        """The events that are final now, often none. Their samples are never empty, and no views of the chunk's.

        Raises NothingToSpeak when a segment ends without sound, EngineFailure for NaN, infinity and wrong order.
        """
        if chunk.segment_index != self._index:
            raise EngineFailure(f"a chunk of segment {chunk.segment_index} came where segment {self._index} was due")
        segment = self._segments[self._index]
        if not np.isfinite(chunk.samples).all():
            raise EngineFailure(
                f"segment {segment.index} ({_shorten(segment.text)}) holds samples that are not numbers"
            )
        samples = self._trimmer.push(chunk.samples)
        start_s = self._num_given / self._sample_rate_hz
        events: list[SpeechEvent] = []
        if chunk.is_last:
            if not self._trimmer.has_sound:
                raise NothingToSpeak(f"no sound came for {_shorten(segment.text)}", param="text")
            samples = np.concatenate([samples, self._trimmer.finish()])
        if samples.size and not self._has_started:
            self._has_started = True
            events.append(SegmentStarted(segment.index, segment.text, start_s))
            samples = np.concatenate([self._lead, samples])
            self._lead = self._lead[:0]
        if not chunk.is_last:
            return [*events, samples] if samples.size else events
        end = self._num_given + self._trimmer.num_given
        ended = SegmentEnded(segment.index, segment.text, start_s, end / self._sample_rate_hz)
        pause = self._begin_next(segment)
        return [*events, np.concatenate([samples, pause]), ended]

    def _begin_next(self, ended: Segment) -> Samples:
        self._index += 1
        is_end = self._index == self.num_segments
        if ended.pause_s is not None:
            num_pause = round(ended.pause_s * self._sample_rate_hz)
        else:
            num_pause = 0 if is_end else pause_samples(ended.boundary, self._sample_rate_hz, self._pauses)
        self._num_given += self._trimmer.num_given + num_pause
        self._trimmer = _SegmentTrimmer(self._sample_rate_hz)
        self._has_started = False
        return np.zeros(num_pause, np.float32)


class _SegmentTrimmer:
    """Cuts the silence at both ends of one segment and fades both edges.

    held       samples not given yet: silence that may be the end, and at least one fade's length
    num_given  samples given
    """

    def __init__(self, sample_rate_hz: int) -> None:
        self._num_kept = KEPT_SILENCE_MS * sample_rate_hz // 1000
        num_fade = FADE_MS * sample_rate_hz // 1000
        # Raised cosine; the half step keeps its first value above zero.
        self._fade_in = (0.5 - 0.5 * np.cos(np.pi * (np.arange(num_fade) + 0.5) / num_fade)).astype(np.float32)
        self._held: Samples = np.zeros(0, np.float32)
        self.num_given = 0
        self.has_sound = False

    def push(self, samples: Samples) -> Samples:
        self._held = np.concatenate([self._held, samples])
        sounding = np.flatnonzero(np.abs(self._held) >= SILENCE)
        if not self.has_sound:
            first = int(sounding[0]) if sounding.size else len(self._held)
            self._held = self._held[max(0, first - self._num_kept) :]
            sounding = sounding - max(0, first - self._num_kept)
            self.has_sound = sounding.size > 0
        if not sounding.size:
            return self._held[:0]
        end_of_sound = int(sounding[-1]) + 1
        return self._give(max(0, min(end_of_sound, len(self._held) - len(self._fade_in))))

    def finish(self) -> Samples:
        sounding = np.flatnonzero(np.abs(self._held) >= SILENCE)
        end_of_sound = int(sounding[-1]) + 1 if sounding.size else 0
        rest = self._give(min(len(self._held), end_of_sound + self._num_kept))
        num_faded = min(len(rest), len(self._fade_in))
        if num_faded:
            rest[-num_faded:] *= self._fade_in[:num_faded][::-1]
        return rest

    def _give(self, num_samples: int) -> Samples:
        """Faded in at the segment's start."""
        given = self._held[:num_samples].copy()
        self._held = self._held[num_samples:]
        fade = self._fade_in[self.num_given : self.num_given + num_samples]
        given[: len(fade)] *= fade
        self.num_given += num_samples
        return given


def trimmed(samples: Samples, sample_rate_hz: int) -> Samples:
    """One whole segment as a Stitcher gives it; empty without sound."""
    trimmer = _SegmentTrimmer(sample_rate_hz)
    given = trimmer.push(samples)
    return np.concatenate([given, trimmer.finish()]) if trimmer.has_sound else given


def _shorten(text: str) -> str:
    return repr(text if len(text) <= 60 else f"{text[:59]}…")
