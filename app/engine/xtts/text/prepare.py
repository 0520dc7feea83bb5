"""Segments to what the decoder reads: spelt out, tokenised, and cut again where that is more than the model can read.

A sentence that is full of numbers is several times as long once they are spelt out. It is cut where it was written,
not where it was spelt out, so that captions show the caller's own text.

Knows characters and tokens. Any thread may use it.
"""

from collections.abc import Iterator, Sequence

import msgspec

from app.engine.base import PreparedSegment
from app.engine.xtts.text.tokenizer import TextTokenizer
from app.text.lexicon import Lexicon
from app.text.reading import read
from app.text.segments import Boundary, Segment, best_cut

CHARS_PER_S = 14.0
"""Pace of ordinary speech, in characters of spelt-out text."""
FAST_CHARS_PER_S = 16.0
"""Text that is longer than the model's longest segment even at this pace is cut."""
SECONDS_BESIDE_TEXT = 0.3


class TextLimits(msgspec.Struct, frozen=True, kw_only=True):
    """`max_audio_s`: what the model says in one segment. `exact_s`: for benchmarks, the length of every segment."""

    max_audio_s: float
    exact_s: float | None = None


def prepare_segments(
    segments: Sequence[Segment],
    language: str,
    lexicons: Sequence[Lexicon] = (),
    *,
    tokenizer: TextTokenizer,
    max_chars: int,
    limits: TextLimits,
) -> tuple[PreparedSegment, ...]:
    """The segments in order, numbered anew where one was cut.

    max_chars   characters that a segment may be written with, which are always spoken in one piece when spelt out
    """
    max_spoken_chars = max(max_chars, int(FAST_CHARS_PER_S * limits.max_audio_s))

    def fitting(text: str, boundary: Boundary) -> Iterator[PreparedSegment]:
        said = read(text, language, lexicons).text
        spoken = tokenizer.spell(said, language)
        tokens = tokenizer.encode_cleaned(spoken, language)
        if len(text) > 1 and (len(tokens) >= tokenizer.max_text_tokens or len(spoken) > max_spoken_chars):
            at = best_cut(text, wanted=len(text) // 2, limit=len(text) - 1)
            yield from fitting(text[:at].rstrip(), Boundary.CLAUSE)
            yield from fitting(text[at:].lstrip(), boundary)
            return
        unspoken = tokenizer.unspoken(said, language)
        yield PreparedSegment(
            0,  # numbered below
            text,
            boundary,
            spoken_text=spoken,
            text_tokens=tuple(tokens),
            expected_s=limits.exact_s or min(limits.max_audio_s, SECONDS_BESIDE_TEXT + len(spoken) / CHARS_PER_S),
            unspoken=unspoken,
            has_sound=any(char.isalnum() and char not in unspoken for char in said),
        )

    prepared = [piece for segment in segments for piece in fitting(segment.text, segment.boundary)]
    return tuple(msgspec.structs.replace(piece, index=index) for index, piece in enumerate(prepared))
