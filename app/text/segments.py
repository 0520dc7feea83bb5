"""Segments: the pieces of a text, about a sentence each, that an engine decodes one by one.

Shorter ones make speech models babble, longer ones do not fit. Limits are in characters; the engine checks tokens.
"""

import re
import unicodedata
from collections.abc import Iterator
from enum import StrEnum

import msgspec

from app.text.cleaning import PARAGRAPH_BREAK, clean
from app.text.sentences import split_sentences

MIN_CHARS = 12
MIN_WORDS = 3
"""A sentence below these is joined with the next one of its paragraph where both fit."""
FIRST_CHARS = 100
"""A short sentence that opens the text is joined with no more than this, because it decides the TTFA."""


class Boundary(StrEnum):
    """The end of a segment; the stitcher turns it into a pause."""

    CLAUSE = "clause"
    SENTENCE = "sentence"
    PARAGRAPH = "paragraph"


class Segment(msgspec.Struct, frozen=True):
    index: int
    text: str
    boundary: Boundary
    language: str | None = None
    """None: the language of the request"""
    rate: float = 1.0
    """multiplies the speed of the request"""
    pause_s: float | None = None
    """seconds of silence after it; None: as its boundary says"""


_CLOSERS = r"""["'”’»›」』）)\]]*"""
# The best place to cut comes first. ASCII marks need white space behind them: between digits or inside an address a
# mark ends no clause. Closing quotes stay with their mark.
_CUTS = (
    re.compile(rf"(?:[;:!?…؛؟](?={_CLOSERS}\s)|[；：。！？।॥]|[—–](?!\d)){_CLOSERS}"),
    re.compile(rf"(?:,(?={_CLOSERS}\s)|[，、،](?!\d)){_CLOSERS}"),
    re.compile(r"\s"),
    re.compile(r"[^\w\s](?!\d)"),
)
_JOINERS = "\u200c\u200d"
# Scripts without spaces: a word is about two characters, and no space follows a sentence.
_UNSPACED = re.compile(r"[\u3000-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uff00-\uff65]")


def split_segments(text: str, *, language: str, max_chars: int, opens: bool = True) -> tuple[Segment, ...]:
    """Cut a text into segments of at most `max_chars` characters; empty when nothing is left to speak.

    opens   whether the caller hears this first, so that a short first segment is better

    The segments joined are the cleaned text, white space aside.
    """
    segments: list[Segment] = []
    for paragraph in clean(text).split(PARAGRAPH_BREAK):
        pieces = list(_pieces(paragraph, language, max_chars, is_first=opens and not segments))
        for number, (piece, boundary) in enumerate(pieces):
            is_last = number == len(pieces) - 1
            segments.append(Segment(len(segments), piece, Boundary.PARAGRAPH if is_last else boundary))
    return tuple(segments)


def _pieces(paragraph: str, language: str, max_chars: int, *, is_first: bool) -> Iterator[tuple[str, Boundary]]:
    sentences = split_sentences(paragraph, language)
    joined = _join_short(sentences, max_chars)
    if is_first and joined and len(joined[0]) > FIRST_CHARS and joined[0] != sentences[0]:
        opening, rest = _take_opening(joined[0], len(sentences[0]))
        if opening:
            yield opening, Boundary.CLAUSE
            joined[0] = rest
    for sentence in joined:
        *clauses, last = _cut(sentence, max_chars)
        yield from ((clause, Boundary.CLAUSE) for clause in clauses)
        yield last, Boundary.SENTENCE


def _join_short(sentences: list[str], max_chars: int) -> list[str]:
    joined: list[str] = []
    for sentence in sentences:
        if joined and is_short(joined[-1]) and len(joined[-1]) + 1 + len(sentence) <= max_chars:
            joined[-1] = join(joined[-1], sentence)
        else:
            joined.append(sentence)
    if len(joined) > 1 and _weight(joined[-1]) < MIN_CHARS and len(joined[-2]) + 1 + len(joined[-1]) <= max_chars:
        last = joined.pop()
        joined[-1] = join(joined[-1], last)
    return joined


def is_short(sentence: str) -> bool:
    """True for a sentence on which a speech model babbles; it is spoken together with the next one."""
    return _weight(sentence) < MIN_CHARS or (not _UNSPACED.search(sentence) and len(sentence.split()) < MIN_WORDS)


def _weight(sentence: str) -> int:
    return len(sentence) + len(_UNSPACED.findall(sentence))


def join(left: str, right: str) -> str:
    """Two sentences as they stand in a text: no space where the script has none."""
    return left + right if _UNSPACED.match(left[-1]) else f"{left} {right}"


def _take_opening(sentence: str, start: int) -> tuple[str, str]:
    """The part up to the last clause end between `start` and FIRST_CHARS, and the rest; "" when there is none."""
    window = sentence[: FIRST_CHARS + 1]
    ends = [match.end() for pattern in _CUTS[:2] for match in pattern.finditer(window)]
    at = max((end for end in ends if start < end <= FIRST_CHARS), default=0)
    opening, rest = sentence[:at].rstrip(), sentence[at:].lstrip()
    # Neither half may be short itself.
    return ("", sentence) if not at or is_short(opening) or is_short(rest) else (opening, rest)


def split_at_clause(text: str) -> tuple[str, ...]:
    """Two parts of about the same length, cut at a mark between clauses; the text alone where neither may be short."""
    ends = {match.end() for pattern in _CUTS[:2] for match in pattern.finditer(text)}
    for at in sorted(ends, key=lambda end: abs(2 * end - len(text))):
        left, right = text[:at].rstrip(), text[at:].lstrip()
        if right and not is_short(left) and not is_short(right):
            return left, right
    return (text,)


def _cut(sentence: str, max_chars: int) -> list[str]:
    """Pieces of at most `max_chars`, about equally long, so that no tiny tail is left."""
    pieces: list[str] = []
    rest = sentence
    while len(rest) > max_chars:
        num_left = -(-len(rest) // max_chars)
        at = best_cut(rest, wanted=len(rest) // num_left, limit=max_chars)
        pieces.append(rest[:at].rstrip())
        rest = rest[at:].lstrip()
    return [*pieces, rest]


def best_cut(text: str, *, wanted: int, limit: int) -> int:
    """Index to cut at: after the best mark in the window around `wanted`, else anywhere that parts no character."""
    window = text[: limit + 1]
    for pattern, reach in zip(_CUTS, (0.5, 0.5, 0.0, 0.5), strict=True):
        ends = [match.end() for match in pattern.finditer(window) if match.end() <= limit]
        near = [end for end in ends if end >= max(1, round(wanted * reach))]
        if near:
            return min(near, key=lambda end: abs(end - wanted))
    at = min(wanted, limit)
    while at > 1 and (_is_tied(text[at]) or text[at - 1] in _JOINERS):
        at -= 1
    return at if at > 1 else limit


def _is_tied(char: str) -> bool:
    return char in _JOINERS or unicodedata.category(char)[0] == "M"
