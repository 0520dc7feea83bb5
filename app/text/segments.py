"""Segments: the pieces of a text that an engine decodes one by one.

About a sentence each: shorter ones make speech models babble, longer ones do not fit. Knows characters; a limit in
tokens is the engine's own to check.
"""

import re
from collections.abc import Iterator
from enum import StrEnum

import msgspec

from app.text.cleaning import PARAGRAPH_BREAK, clean
from app.text.sentences import split_sentences

MIN_CHARS = 12
"""A sentence below this is joined with the next one of its paragraph where both fit."""


class Boundary(StrEnum):
    """What ends a segment; the stitcher turns it into a pause."""

    CLAUSE = "clause"
    SENTENCE = "sentence"
    PARAGRAPH = "paragraph"


class Segment(msgspec.Struct, frozen=True):
    """One piece of text, decoded as one sequence."""

    index: int
    text: str
    boundary: Boundary


# The best place to cut comes first. A comma within a number is no clause.
_CUTS = (
    re.compile(r"[;:；：؛](?=\s|[^\x00-\x7f])|[—–]"),
    re.compile(r"[,，、،](?!\d)"),
    re.compile(r"\s"),
)
# What belongs to the character before it: combining marks, joiners and what they join.
_TIED = re.compile(r"[\u0300-\u036f\u0900-\u0903\u093a-\u094f\u064b-\u065f\u200c\u200d\u20d0-\u20ff\u3099\u309a]")


def split_segments(text: str, *, language: str, max_chars: int) -> tuple[Segment, ...]:
    """Cut a text into segments of at most `max_chars` characters; empty when nothing is left to speak.

    No letter or digit is lost, repeated or moved: the segments joined are the cleaned text, white space aside.
    """
    segments: list[Segment] = []
    for paragraph in clean(text).split(PARAGRAPH_BREAK):
        pieces = list(_pieces(paragraph, language, max_chars))
        for number, (piece, boundary) in enumerate(pieces):
            is_last = number == len(pieces) - 1
            segments.append(Segment(len(segments), piece, Boundary.PARAGRAPH if is_last else boundary))
    return tuple(segments)


def _pieces(paragraph: str, language: str, max_chars: int) -> Iterator[tuple[str, Boundary]]:
    for sentence in _join_short(split_sentences(paragraph, language), max_chars):
        *clauses, last = _cut(sentence, max_chars)
        yield from ((clause, Boundary.CLAUSE) for clause in clauses)
        yield last, Boundary.SENTENCE


def _join_short(sentences: list[str], max_chars: int) -> list[str]:
    joined: list[str] = []
    for sentence in sentences:
        if joined and len(joined[-1]) < MIN_CHARS and len(joined[-1]) + 1 + len(sentence) <= max_chars:
            joined[-1] = f"{joined[-1]} {sentence}"
        else:
            joined.append(sentence)
    if len(joined) > 1 and len(joined[-1]) < MIN_CHARS and len(joined[-2]) + 1 + len(joined[-1]) <= max_chars:
        last = joined.pop()
        joined[-1] = f"{joined[-1]} {last}"
    return joined


def _cut(sentence: str, max_chars: int) -> list[str]:
    """Pieces of at most `max_chars`, about equally long, so that no tiny tail is left."""
    pieces: list[str] = []
    rest = sentence
    while len(rest) > max_chars:
        num_left = -(-len(rest) // max_chars)
        at = _best_cut(rest, wanted=len(rest) // num_left, limit=max_chars)
        pieces.append(rest[:at].rstrip())
        rest = rest[at:].lstrip()
    return [*pieces, rest]


def _best_cut(text: str, *, wanted: int, limit: int) -> int:
    """Where to cut: after the best mark in the window around `wanted`, else anywhere that parts no character."""
    window = text[: limit + 1]
    for pattern, reach in zip(_CUTS, (0.5, 0.5, 0.0), strict=True):
        ends = [match.end() for match in pattern.finditer(window) if match.end() <= limit]
        near = [end for end in ends if end >= max(1, round(wanted * reach))]
        if near:
            return min(near, key=lambda end: abs(end - wanted))
    at = min(wanted, limit)
    while at > 1 and (_TIED.match(text, at) or text[at - 1] == "\u200d"):
        at -= 1
    return at if at > 1 else limit
