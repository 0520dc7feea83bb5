"""Files of books to a Book: EPUB, Word, plain text, Markdown, HTML. A child process parses them (app.isolation)."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from app.books.book import Book, one_line
from app.books.reading.folder import ReadFile, read_folder
from app.errors import UnreadableBook
from app.isolation.child import Child, IsolationFailure, Limits
from app.isolation.pool import Sandbox
from app.pools import RECORDINGS
from app.settings import child_environment

READ = "app.books.reading.child:read_in_child"
LIMITS = Limits(wall_s=180.0, cpu_s=120, memory_bytes=2 * 1024 * 1024 * 1024)
MAX_BOOK_BYTES = 256 * 1024 * 1024


async def read_book(file: BinaryIO, name: str) -> Book:
    """Decode a book in a child process.

    file   of the operating system: it has a descriptor
    name   its file name, whose ending gives the format

    Raises UnreadableBook, with the reason.
    """
    async with _reader() as read_file:
        return await read_file(file, name)


async def read_book_folder(folder: Path) -> Book:
    """The text files of a folder as one book, decoded in a child process. Raises UnreadableBook, naming the file."""
    async with _reader() as read_file:
        return await read_folder(folder, read_file)


@asynccontextmanager
async def _reader() -> AsyncGenerator[ReadFile]:
    sandbox = Sandbox(LIMITS, (READ,), environ=child_environment(), pool=RECORDINGS)

    async def read_file(file: BinaryIO, name: str) -> Book:
        return await sandbox.run(partial(_read, file, name))

    try:
        yield read_file
    finally:
        await sandbox.aclose()


def _read(file: BinaryIO, name: str, child: Child) -> Book:
    path = Path(name)
    try:
        _, data = child.call(
            READ,
            file,
            dict[str, Any],
            max_bytes=MAX_BOOK_BYTES,
            suffix=path.suffix.lower(),
            name=one_line(path.stem) or "Book",
        )
        return msgspec.msgpack.decode(data, type=Book)
    except IsolationFailure as failure:
        raise UnreadableBook(f"{name} cannot be read: it {failure.says}") from failure
    except msgspec.MsgspecError as error:
        raise UnreadableBook(f"{name} cannot be read: its reader gave nonsense") from error
