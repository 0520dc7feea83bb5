"""Chapters of a book by their numbers."""

import sys
from collections.abc import Sequence

from app.books.book import Book, Chapter
from app.errors import InvalidField, quoted

Numbered = tuple[int, Chapter]
PREVIEW_CHARS = 900
"""About a minute."""


def choose_chapters(book: Book, wanted: str | None, *, field: str) -> list[Numbered]:
    """The chapters that `wanted` names, such as "3-7,9-"; all for None. Raises InvalidField, which names `field`."""
    numbered = list(enumerate(book.chapters, 1))
    if wanted is None:
        return numbered
    chosen: set[int] = set()
    for part in wanted.split(","):
        first, dash, last = part.strip().partition("-")
        if not (_is_number(first) and (not last or (dash and _is_number(last)))):
            raise InvalidField(
                f"{field} {quoted(wanted)} cannot be read: write numbers such as 3-7 or 1,4,9-", param=field
            )
        end = int(last) if last else len(numbered) if dash else int(first)
        if not 1 <= int(first) <= end or int(first) > len(numbered):
            raise InvalidField(f"{field} {part.strip()}: the book has chapters 1 to {len(numbered)}", param=field)
        chosen.update(range(int(first), min(end, len(numbered)) + 1))
    return [(number, chapter) for number, chapter in numbered if number in chosen]


def count_chars(chapters: Sequence[Numbered], *, is_preview: bool) -> int:
    """Characters that are spoken, for the percentage; about a minute of each chapter of a preview."""
    return sum(min(len(chapter.text), PREVIEW_CHARS if is_preview else sys.maxsize) for _, chapter in chapters)


def _is_number(text: str) -> bool:
    return text.isdecimal() and len(text) < 10
