"""Sentences of one paragraph. The rules of each language are sentencex's; here are only repairs of its pieces."""

import re
from collections.abc import Callable, Iterator
from typing import cast

import sentencex  # pyright: ignore[reportMissingTypeStubs] - a Rust module

# sentencex is a Rust module without types: (language, text) -> sentences, their white space included.
segment = cast("Callable[[str, str], list[str]]", sentencex.segment)  # pyright: ignore[reportUnknownMemberType, reportAttributeAccessIssue]

# A piece that ends like this was cut too early: a title or an initial before a name.
_CUT_TOO_EARLY = re.compile(r"(?:^|\s)(?:M|MM|Mme|Mlle|Mr|Mrs|Ms|Dr|Prof|St|[A-Z])\.$")
# sentencex is quadratic in characters that are not ASCII (7 s for 180,000 of Japanese), and no sentence is this long.
_MAX_CHARS = 10_000


def split_sentences(paragraph: str, language: str) -> list[str]:
    """The sentences in order, without the space between them; joined again they are the paragraph's words.

    Every sentence has at least one letter or digit, unless the paragraph has none.
    """
    sentences: list[str] = []
    for part in _parts(paragraph):
        for raw in segment(language.partition("-")[0], part):
            _append(sentences, raw)
    return sentences


def _parts(paragraph: str) -> Iterator[str]:
    while len(paragraph) > _MAX_CHARS:
        at = paragraph.rfind(" ", 0, _MAX_CHARS) + 1 or _MAX_CHARS
        yield paragraph[:at]
        paragraph = paragraph[at:]
    yield paragraph


def _append(sentences: list[str], raw: str) -> None:
    piece = raw.strip()
    if not piece:
        return
    if sentences and (not _has_word(piece) or not _has_word(sentences[-1]) or _CUT_TOO_EARLY.search(sentences[-1])):
        sentences[-1] = f"{sentences[-1]} {piece}"
    else:
        sentences.append(piece)


def _has_word(text: str) -> bool:
    return any(char.isalnum() for char in text)
