"""A recording cut into windows of speech: what the model gets in one piece.

Reads the recording in blocks, so that a long one needs the memory of one block and its first text comes early. Knows
neither the voice activity detector nor the model.
"""

from collections.abc import Callable, Iterator

import msgspec
import numpy as np
from numpy.typing import NDArray

from app.asr.base import SAMPLE_RATE_HZ, Samples
from app.asr.samples import as_float32

WINDOW_S = 30
MAX_WINDOW = WINDOW_S * SAMPLE_RATE_HZ
BLOCK = 60 * SAMPLE_RATE_HZ
"""Samples in which speech is looked for at a time: half a second's work. At least two windows, so that speech at the
end of a block can wait for the next one."""
OVERLAP = SAMPLE_RATE_HZ
"""Samples of silence at the end of a block that the next one looks at again: a word may begin there."""
MIN_SPEECH = SAMPLE_RATE_HZ // 10
"""Samples of the shortest speech: less has no word in it, and the model invents some."""
MAX_PAUSE = 5 * SAMPLE_RATE_HZ
"""Samples of the longest silence inside a window: a phrase may go on behind it, and its time includes the silence."""

NEAR = 3 * SAMPLE_RATE_HZ // 10
QUIET_FRAME = 3 * SAMPLE_RATE_HZ // 100

Span = tuple[int, int]
"""[start, end) in samples"""
FindSpeech = Callable[[NDArray[np.float32]], list[Span]]
"""Spans of speech in samples, in order, without overlaps, each at most WINDOW_S long."""


class Window(msgspec.Struct, frozen=True, eq=False):
    """Spans of speech without the silence between them, at most WINDOW_S together."""

    spans: tuple[Span, ...]
    """positions in the recording"""
    samples: NDArray[np.float32]

    @property
    def duration_s(self) -> float:
        return len(self.samples) / SAMPLE_RATE_HZ

    @property
    def start_s(self) -> float:
        """In the recording."""
        return self.spans[0][0] / SAMPLE_RATE_HZ

    @property
    def end_s(self) -> float:
        """In the recording."""
        return self.spans[-1][1] / SAMPLE_RATE_HZ

    def rest(self, start_s: float) -> "Window":
        """Everything after `start_s`, counted in the window's own samples, from the quietest moment near it on."""
        start = _quietest_near(self.samples, round(start_s * SAMPLE_RATE_HZ))
        spans: list[Span] = []
        position = 0
        for first, stop in self.spans:
            skipped = min(max(0, start - position), stop - first)
            if first + skipped < stop:
                spans.append((first + skipped, stop))
            position += stop - first
        return Window(tuple(spans), self.samples[start:])


def _quietest_near(samples: NDArray[np.float32], position: int) -> int:
    """The middle of the quietest 30 ms at most NEAR away. The model's times may be that wrong, inside a word."""
    first = max(0, position - NEAR)
    near = np.square(samples[first : position + NEAR])
    num_frames = len(near) // QUIET_FRAME
    if not num_frames:
        return position
    energies = near[: num_frames * QUIET_FRAME].reshape(num_frames, QUIET_FRAME).sum(axis=1)
    quietest = np.flatnonzero(energies == energies.min())
    frame = quietest[np.argmin(np.abs(quietest * QUIET_FRAME - (position - first)))]
    return first + int(frame) * QUIET_FRAME + QUIET_FRAME // 2


class Searched(msgspec.Struct, frozen=True):
    """All speech before `until_s` is in the windows before this."""

    until_s: float


def cut_windows(samples: Samples, find_speech: FindSpeech) -> Iterator[Window | Searched]:
    """Pack the speech of a recording into as few windows as its order and its long silences allow.

    Speech of less than MIN_SPEECH by itself is left out. Each `next` searches one block at most. Searched comes after
    each block but the last.
    """
    spans: list[Span] = []
    parts: list[NDArray[np.float32]] = []

    def close() -> Iterator[Window]:
        if sum(map(len, parts)) >= MIN_SPEECH:
            yield Window(tuple(spans), np.concatenate(parts))
        spans.clear()
        parts.clear()

    for found, position in _blocks(samples, find_speech):
        for span, part in found:
            is_far = bool(spans) and span[0] - spans[-1][1] > MAX_PAUSE
            if is_far or sum(map(len, parts)) + len(part) > MAX_WINDOW:
                yield from close()
            spans.append(span)
            parts.append(part)
        if position == len(samples) or (spans and position - spans[-1][1] > MAX_PAUSE):
            yield from close()
        if position < len(samples):
            yield Searched((spans[0][0] if spans else position) / SAMPLE_RATE_HZ)


def _blocks(samples: Samples, find_speech: FindSpeech) -> Iterator[tuple[list[tuple[Span, NDArray[np.float32]]], int]]:
    """The speech of each block, and the position that the next block begins at."""
    position = 0
    while position < len(samples):
        end = min(position + BLOCK, len(samples))
        block = as_float32(samples[position:end])
        spans = find_speech(block)
        next_position = end
        if end < len(samples):
            if spans and spans[-1][1] > len(block) - OVERLAP:  # it may go on in the next block
                next_position = position + spans.pop()[0]
            else:
                next_position = max(end - OVERLAP, position + (spans[-1][1] if spans else 0))
        yield [((position + start, position + stop), block[start:stop]) for start, stop in spans], next_position
        position = next_position
