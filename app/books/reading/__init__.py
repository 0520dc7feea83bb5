"""Files of books to a Book: EPUB, Word, plain text, Markdown, HTML. A child process parses them (app.isolation)."""

from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from app.books.book import Book, one_line
from app.books.reading.folder import read_folder
from app.errors import UnreadableBook
from app.isolation.child import Child, IsolationFailure, Limits
from app.isolation.pool import Sandbox
from app.pools import RECORDINGS
from app.settings import child_environment

READ = "app.books.reading.child:read_in_child"
LIMITS = Limits(wall_s=180.0, cpu_s=120, memory_bytes=2 * 1024 * 1024 * 1024)
MAX_BOOK_BYTES = 256 * 1024 * 1024


class BookReader:
    """Decodes books in child processes. Lives on the event loop; its owner calls `aclose`."""

    def __init__(self) -> None:
        self._sandbox = Sandbox(LIMITS, (READ,), environ=child_environment(), pool=RECORDINGS)

    async def read(self, file: BinaryIO, name: str) -> Book:
        """Decode a book.

        file   of the operating system: it has a descriptor
        name   its file name, whose ending gives the format

        Raises UnreadableBook, with the reason.
        """
        return await self._sandbox.run(partial(_read, file, name))

    async def read_folder(self, folder: Path) -> Book:
        """The text files of a folder as one book. Raises UnreadableBook, naming the file."""
        return await read_folder(folder, self.read)

    async def aclose(self) -> None:
        await self._sandbox.aclose()


async def read_book(file: BinaryIO, name: str) -> Book:
    """`BookReader.read`, for one book."""
    reader = BookReader()
    try:
        return await reader.read(file, name)
    finally:
        await reader.aclose()


async def read_book_folder(folder: Path) -> Book:
    """`BookReader.read_folder`, for one folder."""
    reader = BookReader()
    try:
        return await reader.read_folder(folder)
    finally:
        await reader.aclose()


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
