"""A book as it was read: chapters of plain text, title, author, cover."""

from typing import Annotated

import msgspec
from msgspec import Meta

MAX_TITLE_CHARS = 300


class Chapter(msgspec.Struct, frozen=True):
    """`text`: paragraphs with an empty line between them; `[pause 1s]` is a pause."""

    title: str
    text: str

    @property
    def num_words(self) -> int:
        return len(self.text.split())


class Cover(msgspec.Struct, frozen=True, kw_only=True):
    """A JPEG or PNG file. Size in pixels."""

    mime_type: Annotated[str, Meta(pattern=r"^image/(jpeg|png)$")]
    width: Annotated[int, Meta(ge=1, le=65_535)]
    height: Annotated[int, Meta(ge=1, le=65_535)]
    data: bytes


class Book(msgspec.Struct, frozen=True, kw_only=True):
    title: str
    chapters: tuple[Chapter, ...]
    """those with words; never empty"""
    author: str = ""
    language: str = ""
    """code as the book gives it; empty where it gives none"""
    cover: Cover | None = None
    warnings: tuple[str, ...] = ()
    """sentences about what could not be read"""


def one_line(text: str, max_chars: int = MAX_TITLE_CHARS) -> str:
    """`text` without control characters and runs of white space, cut at `max_chars`."""
    line = " ".join("".join(char if char.isprintable() else " " for char in text[: 4 * max_chars]).split())
    return line if len(line) <= max_chars else f"{line[: max_chars - 1].rstrip()}…"
