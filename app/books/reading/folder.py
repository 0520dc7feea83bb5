"""A folder of text files as one book: the files in the order of their names, each a chapter or several."""

import re
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import BinaryIO

from app.books.book import Book, Chapter, one_line
from app.errors import UnreadableBook, quoted

MAX_FILES = 5_000
MAX_TOTAL_BYTES = 256 * 1024 * 1024
"""Limit of all files together."""
MAX_NAMED = 5
SUFFIXES = (".txt", ".text", ".md", ".markdown", ".html", ".htm", ".xhtml", ".docx")

ReadFile = Callable[[BinaryIO, str], Awaitable[Book]]


def list_files(
    folder: Path, *, max_files: int = MAX_FILES, max_total_bytes: int = MAX_TOTAL_BYTES
) -> tuple[list[Path], list[str]]:
    """(files that are read, names of those that are not), ordered so that `2.txt` is before `10.txt`.

    Hidden files and folders inside it are not looked at. Raises UnreadableBook, also for too much to read.
    """
    try:
        paths = sorted((path for path in folder.iterdir() if not path.name.startswith(".")), key=_order)
        files = [path for path in paths if path.is_file() and path.suffix.lower() in SUFFIXES]
        total = sum(path.stat().st_size for path in files)
    except OSError as error:
        raise UnreadableBook(f"{folder} cannot be read: {error.strerror}") from error
    if not files:
        raise UnreadableBook(f"{folder} has no files to read; known are {', '.join(SUFFIXES)}")
    if len(files) > max_files:
        raise UnreadableBook(f"{folder} has {len(files)} files; the limit is {max_files}")
    if total > max_total_bytes:
        raise UnreadableBook(f"{folder} has more than {max_total_bytes // 2**20} MiB of files")
    return files, [path.name for path in paths if path not in set(files)]


async def read_folder(folder: Path, read_file: ReadFile) -> Book:
    """Raises UnreadableBook, naming the file; an empty file is left out with a warning."""
    files, others = list_files(folder)
    books: list[Book] = []
    warnings: list[str] = []
    if others:
        more = f" and {len(others) - MAX_NAMED} more" if len(others) > MAX_NAMED else ""
        warnings.append(f"not read: {', '.join(map(quoted, others[:MAX_NAMED]))}{more}")
    for path in files:
        try:
            if not path.stat().st_size:
                warnings.append(f"{quoted(path.name)} is empty")
                continue
            with path.open("rb") as file:
                book = await read_file(file, path.name)
        except OSError as error:
            raise UnreadableBook(f"{path} cannot be read: {error.strerror}") from error
        except UnreadableBook as error:
            raise UnreadableBook(f"{quoted(path.name)}: {error.message}") from error
        books.append(book)
        warnings += [f"{quoted(path.name)}: {warning}" for warning in book.warnings]
    chapters: list[Chapter] = [chapter for book in books for chapter in book.chapters]
    if not chapters:
        raise UnreadableBook(f"{folder} has no words to read")
    return Book(
        title=one_line(folder.resolve().name) or "Book",
        author=_common([book.author for book in books]),
        language=_common([book.language for book in books if book.language]),
        chapters=tuple(chapters),
        warnings=tuple(warnings),
    )


def _order(path: Path) -> list[tuple[int, str]]:
    parts = re.split(r"(\d+)", path.name.casefold())
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in parts]


def _common(values: Sequence[str]) -> str:
    return values[0] if len(set(values)) == 1 else ""
