"""Utterances in live audio: where speech begins, pauses and ends.

Knows probabilities of speech, neither the model that gives them nor the recogniser. Positions count samples at
SAMPLE_RATE_HZ from the start of the stream.
"""

from collections import deque
from collections.abc import Iterator
from enum import Enum, auto
from typing import Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from app.asr.base import SAMPLE_RATE_HZ

FRAME = 512
"""Samples of one decision: 32 ms."""
SPEECH_BEGINS, SPEECH_GOES_ON = 0.5, 0.35
"""Least probability of a frame of speech, before and within an utterance: the values of Silero's authors."""
BEGIN_FRAMES = 2
"""Frames of speech in a row that begin an utterance; a click has one."""
LEAD_FRAMES = 10
"""Frames kept before the first one of speech: soft consonants have a low probability."""
PAUSE_FRAMES = 4
"""Silent frames after which an utterance counts as paused: longer than the closure of a plosive."""
MAX_UTTERANCE_S = 28.0
"""Longer speech is cut, because the recogniser reads 30 s at a time."""
LONG_UTTERANCE_S = 8.0
"""From this length on half the silence ends an utterance, because each partial text needs all of it."""
CUT_FRAMES = 250
"""Frames at the end of an utterance in which the quietest is looked for when it must be cut: 8 s."""


class VoiceDetector(Protocol):
    """Finds speech in one stream."""

    def __call__(self, frames: NDArray[np.float32]) -> NDArray[np.float32]:
        """[n] probabilities of speech in [n, FRAME] samples in -1..1, which follow those of the last call. Blocking."""
        ...


def open_voice_detector() -> VoiceDetector:
    """Silero's detector, on a server that has a recogniser. Blocking: the first call loads 2 MB."""
    from app.asr.whisper.silero import SileroDetector  # faster_whisper is installed where a recogniser is

    return SileroDetector()


class Utterance:
    """Speech without long pauses. It grows while it is spoken; samples once in it do not move."""

    def __init__(self, index: int, start: int) -> None:
        self.index = index
        """from 0"""
        self.start = start
        """of its first sample, which is before the speech"""
        self.speech_start = start
        self.speech_end = start
        """behind the last frame of speech so far"""
        self.num_silent = 0
        """frames since `speech_end`"""
        self._probabilities: list[float] = []
        self._samples = np.empty(round(MAX_UTTERANCE_S * SAMPLE_RATE_HZ) + FRAME, np.int16)
        self._num_samples = 0

    @property
    def samples(self) -> NDArray[np.int16]:
        """All so far, as a view."""
        return self._samples[: self._num_samples]

    @property
    def end(self) -> int:
        return self.start + self._num_samples

    @property
    def duration_s(self) -> float:
        return self._num_samples / SAMPLE_RATE_HZ

    @property
    def is_paused(self) -> bool:
        return self.num_silent >= PAUSE_FRAMES

    def append(self, frame: NDArray[np.int16], probability: float) -> None:
        self._samples[self._num_samples : self._num_samples + FRAME] = frame
        self._num_samples += FRAME
        self._probabilities.append(probability)
        if probability >= SPEECH_GOES_ON:
            self.speech_end, self.num_silent = self.end, 0
        else:
            self.num_silent += 1

    def cut(self) -> "Utterance":
        """Shorten it to before the quietest of its last CUT_FRAMES frames, and return the rest as the next one."""
        first = max(1, len(self._probabilities) - CUT_FRAMES)
        at = first + int(np.argmin(self._probabilities[first:]))
        rest = Utterance(self.index + 1, self.start + at * FRAME)
        for number in range(at, len(self._probabilities)):
            rest.append(self._samples[number * FRAME : (number + 1) * FRAME], self._probabilities[number])
        self._num_samples = at * FRAME
        self.speech_end = min(self.speech_end, self.end)
        return rest


class Edge(Enum):
    BEGAN = auto()
    ENDED = auto()


class UtteranceEdge(msgspec.Struct, frozen=True, eq=False):
    edge: Edge
    utterance: Utterance


class Endpointer:
    """Cuts a stream of frames into utterances. `silence_s` after speech ends one."""

    def __init__(self, *, silence_s: float) -> None:
        self._silence_frames = max(1, round(silence_s * SAMPLE_RATE_HZ / FRAME))
        self._lead: deque[tuple[NDArray[np.int16], float]] = deque(maxlen=LEAD_FRAMES + BEGIN_FRAMES)
        self._num_speech = 0
        self._num_begun = 0
        self.position = 0
        self.open: Utterance | None = None
        """the utterance that is being spoken"""

    def take(self, frame: NDArray[np.int16], probability: float) -> Iterator[UtteranceEdge]:
        """Add [FRAME] samples. Yields the edges that they cause, at most two."""
        self.position += FRAME
        utterance = self.open
        if utterance is None:
            self._lead.append((frame, probability))
            self._num_speech = self._num_speech + 1 if probability >= SPEECH_BEGINS else 0
            if self._num_speech == BEGIN_FRAMES:
                yield UtteranceEdge(Edge.BEGAN, self._begin())
            return
        utterance.append(frame, probability)
        is_long = utterance.duration_s >= LONG_UTTERANCE_S
        if utterance.num_silent >= (
            max(PAUSE_FRAMES + 1, self._silence_frames // 2) if is_long else self._silence_frames
        ):
            yield from self.flush()
        elif utterance.duration_s >= MAX_UTTERANCE_S:
            self.open = utterance.cut()
            self._num_begun += 1
            yield UtteranceEdge(Edge.ENDED, utterance)
            yield UtteranceEdge(Edge.BEGAN, self.open)

    def flush(self) -> Iterator[UtteranceEdge]:
        """End the open utterance, if there is one."""
        utterance, self.open = self.open, None
        self._num_speech = 0
        self._lead.clear()
        if utterance is not None:
            yield UtteranceEdge(Edge.ENDED, utterance)

    def _begin(self) -> Utterance:
        self.open = Utterance(self._num_begun, self.position - len(self._lead) * FRAME)
        self._num_begun += 1
        for frame, probability in self._lead:
            self.open.append(frame, probability)
        self.open.speech_start = self.position - BEGIN_FRAMES * FRAME
        self._lead.clear()
        return self.open
