"""Times of the segments of a book, and its captions."""

from collections.abc import Iterator, Sequence
from enum import StrEnum

import msgspec

from app.books.plan import Piece
from app.text.captions import Cue, to_srt, to_vtt


class CaptionFormat(StrEnum):
    SRT = "srt"
    VTT = "vtt"

    @property
    def suffix(self) -> str:
        return f".{self.value}"


class Timing(msgspec.Struct, frozen=True):
    """A segment's place in its chapter, in samples, and its loudness before the gain of the book."""

    start: int
    end: int
    lufs: float
    """minus infinity for silence, and for less than 0.4 s"""


def make_cues(
    pieces: Sequence[Piece], timings: Sequence[Timing], sample_rate_hz: int, *, start: int = 0
) -> Iterator[Cue]:
    """A cue for each segment. `start`: samples before the chapter."""
    for piece, timing in zip(pieces, timings, strict=True):
        yield Cue((start + timing.start) / sample_rate_hz, (start + timing.end) / sample_rate_hz, piece.text)


def write_cues(caption_format: CaptionFormat, cues: Iterator[Cue]) -> str:
    return to_srt(cues) if caption_format is CaptionFormat.SRT else to_vtt(cues)
