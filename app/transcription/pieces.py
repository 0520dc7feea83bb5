"""A long recording and its long text, cut into pieces that belong together. Pure functions.

A rough transcript with times of words says where each sentence is. Cuts are made only between two sentences whose words
next to the cut were heard, at the quietest moment between them.
"""

from collections.abc import Sequence
from difflib import SequenceMatcher
from itertools import pairwise

import msgspec
import numpy as np

from app.asr.known_words import plain
from app.asr.samples import SAMPLE_RATE_HZ, Samples, as_float32

MAX_PIECE_S = 28.0
NEAR = 2
"""A cut's next heard words are among that many words before it, and behind it."""
MARGIN_S, WORD_S = 1.0, 0.6
"""Kept around the heard words of a piece that is too long, and for each word that was not heard."""
QUIET_S = 0.03
PAUSE_S, PAUSE_LEVEL, PAUSE_NEAR_S = 0.1, 0.1, 0.5
"""Length of a pause, longer than the closure of a plosive, and its level over that of the loudest moment near it."""


class HeardWord(msgspec.Struct, frozen=True):
    text: str
    start_s: float
    end_s: float


class Piece(msgspec.Struct, frozen=True):
    """Sentences first to last (indices, both included), and the part of the recording that should say them."""

    first: int
    last: int
    start_s: float
    end_s: float


class _Place(msgspec.Struct):
    """Words of one sentence that were heard: their numbers in it."""

    num_words: int
    heard: list[tuple[int, HeardWord]]

    @property
    def num_before(self) -> int:
        """Words before the first one that was heard."""
        return self.heard[0][0]

    @property
    def num_behind(self) -> int:
        return self.num_words - 1 - self.heard[-1][0]


def cut_pieces(sentences: Sequence[Sequence[str]], heard: Sequence[HeardWord], samples: Samples) -> list[Piece]:
    """Pieces in order, which together have all sentences; none overlaps another.

    sentences   the words of each, as they are said
    heard       a transcript of `samples`

    A piece may be longer than MAX_PIECE_S where little was heard.
    """
    places = _find(sentences, heard)
    duration_s = len(samples) / SAMPLE_RATE_HZ
    pieces: list[Piece] = []
    first, start_s = 0, 0.0
    for number, (before, behind) in enumerate(pairwise(places)):
        if (cut_s := _cut_between(before, behind, samples)) is not None:
            pieces.append(_trimmed(Piece(first, number, start_s, cut_s), places))
            first, start_s = number + 1, cut_s
    if places:
        pieces.append(_trimmed(Piece(first, len(places) - 1, start_s, duration_s), places))
    return pieces


def _find(sentences: Sequence[Sequence[str]], heard: Sequence[HeardWord]) -> list[_Place]:
    known = [(number, at, plain(word)) for number, words in enumerate(sentences) for at, word in enumerate(words)]
    # Words that are frequent in a long text place nothing, and would take quadratic time.
    matcher = SequenceMatcher(a=[word for *_, word in known], b=[plain(word.text) for word in heard], autojunk=True)
    places = [_Place(len(words), []) for words in sentences]
    for block in matcher.get_matching_blocks():
        for offset in range(block.size):
            number, at, _ = known[block.a + offset]
            places[number].heard.append((at, heard[block.b + offset]))
    return places


def _cut_between(before: _Place, behind: _Place, samples: Samples) -> float | None:
    """None where the words around the cut were not heard."""
    if not before.heard or not behind.heard or before.num_behind > NEAR or behind.num_before > NEAR:
        return None
    start_s, end_s = before.heard[-1][1].end_s, behind.heard[0][1].start_s
    if before.num_behind == behind.num_before == 0:
        # Both ends are known to 0.1 s or so.
        start_s, end_s = min(start_s, end_s) - 0.1, max(start_s, end_s) + 0.1
    return _quietest_s(samples, start_s, end_s) if start_s < end_s else None


def _quietest_s(samples: Samples, start_s: float, end_s: float) -> float:
    """The middle of the quietest QUIET_S between two moments."""
    first = max(0, round(start_s * SAMPLE_RATE_HZ))
    part = as_float32(samples[first : round(end_s * SAMPLE_RATE_HZ)])
    frame = round(QUIET_S * SAMPLE_RATE_HZ)
    frames = part[: len(part) // frame * frame].reshape(-1, frame)
    if not len(frames):
        return (start_s + end_s) / 2
    levels = np.mean(np.square(frames), axis=1)
    # The middle one of several quiet frames is taken, because speech has soft edges.
    quiet = np.flatnonzero(levels <= 2 * levels.min())
    return (first + (int(quiet[len(quiet) // 2]) + 0.5) * frame) / SAMPLE_RATE_HZ


def is_in_pause(samples: Samples, at_s: float) -> bool:
    """False for a moment within sound, where a cut may part a word. True for both ends of the samples."""
    at, half, near = (round(each_s * SAMPLE_RATE_HZ) for each_s in (at_s, PAUSE_S / 2, PAUSE_NEAR_S))
    if at <= half or at >= len(samples) - half:
        return True
    squares = np.square(as_float32(samples[max(0, at - near) : at + near]))
    around = squares[: len(squares) // half * half].reshape(-1, half)
    return bool(_power(samples[at - half : at + half]) <= PAUSE_LEVEL**2 * around.mean(axis=1).max())


def _power(samples: Samples) -> float:
    return float(np.mean(np.square(as_float32(samples))))


def _trimmed(piece: Piece, places: Sequence[_Place]) -> Piece:
    """A piece that is too long, without what is far from its heard words."""
    inside = places[piece.first : piece.last + 1]
    if piece.end_s - piece.start_s <= MAX_PIECE_S or not inside[0].heard or not inside[-1].heard:
        return piece
    start_s = inside[0].heard[0][1].start_s - MARGIN_S - WORD_S * inside[0].num_before
    end_s = inside[-1].heard[-1][1].end_s + MARGIN_S + WORD_S * inside[-1].num_behind
    return Piece(piece.first, piece.last, max(piece.start_s, start_s), min(piece.end_s, end_s))
