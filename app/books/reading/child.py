"""Runs in a child process (app.isolation): a file of any format to a Book."""

import zipfile
from collections.abc import Callable
from typing import Any, BinaryIO

import msgspec

from app.books.book import Book
from app.books.reading.archive import Archive
from app.books.reading.docx import DOCUMENT, read_docx
from app.books.reading.epub import read_epub
from app.books.reading.text_files import read_html, read_markdown, read_text
from app.errors import UnreadableBook

MAX_CHAPTERS = 20_000
READERS: dict[str, Callable[[BinaryIO, str], Book]] = {
    ".epub": read_epub,
    ".docx": read_docx,
    ".txt": read_text,
    ".text": read_text,
    ".md": read_markdown,
    ".markdown": read_markdown,
    ".html": read_html,
    ".htm": read_html,
    ".xhtml": read_html,
}
"""File suffix -> reader."""


def read_in_child(file: BinaryIO, *, suffix: str, name: str) -> tuple[dict[str, Any], bytes]:
    """The book as MessagePack. `suffix` chooses the reader; a file without a known one is found by its content.

    Raises UnreadableBook.
    """
    if suffix not in READERS:
        suffix = _find_suffix(file)
        file.seek(0)
    book = READERS[suffix](file, name)
    if len(book.chapters) > MAX_CHAPTERS:
        raise UnreadableBook(f"the book has {len(book.chapters)} chapters; the limit is {MAX_CHAPTERS}")
    return {}, msgspec.msgpack.encode(book)


def _find_suffix(file: BinaryIO) -> str:
    if not zipfile.is_zipfile(file):
        return ".txt"
    return ".docx" if DOCUMENT in Archive(file, "ZIP file") else ".epub"
