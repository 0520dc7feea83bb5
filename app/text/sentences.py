"""Sentences of one paragraph. The rules of each language are sentencex's; here are only repairs of its pieces."""

import re
from collections.abc import Callable, Iterator
from typing import cast

import sentencex  # pyright: ignore[reportMissingTypeStubs] - a Rust module

# sentencex is a Rust module without types: (language, text) -> sentences, their white space included.
segment = cast("Callable[[str, str], list[str]]", sentencex.segment)  # pyright: ignore[reportUnknownMemberType, reportAttributeAccessIssue]

# A piece that ends like this was cut too early: a title before a name. Initials are sentencex's own to know, and a
# rule for them here would glue "vitamin C. Then".
_CUT_TOO_EARLY = re.compile(r"(?:^|\s)(?:M|MM|Mme|Mlle|Mr|Mrs|Ms|[Dd]r|[Pp]rof|St|mevr|د|डॉ|श्री)\.$")
# sentencex is quadratic in characters that are not ASCII (7 s for 180,000 of Japanese), and no sentence is this long.
_MAX_CHARS = 10_000


def split_sentences(paragraph: str, language: str) -> list[str]:
    """The sentences in order, without the space between them; joined again they are the paragraph's words.

    Every sentence has at least one letter or digit, unless the paragraph has none.
    """
    sentences: list[str] = []
    can_end = False
    for piece in _raw_pieces(paragraph, language.partition("-")[0]):
        has_word = _has_word(piece)
        if sentences and not (can_end and has_word):
            sentences[-1] += piece
        else:
            sentences.append(piece)
        can_end = (can_end or has_word) and not _CUT_TOO_EARLY.search(piece.rstrip())
    return [sentence for raw in sentences if (sentence := raw.strip())]


def _raw_pieces(paragraph: str, language: str) -> Iterator[str]:
    while len(paragraph) > _MAX_CHARS:
        pieces = segment(language, paragraph[:_MAX_CHARS])
        if len(pieces) > 1:
            pieces.pop()  # its end may lie beyond what was looked at, so it is read again with what follows
        yield from pieces
        paragraph = paragraph[sum(map(len, pieces)) :]
    yield from segment(language, paragraph)


def _has_word(text: str) -> bool:
    return any(char.isalnum() for char in text)
