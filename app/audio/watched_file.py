"""A file that keeps its own error, for libraries that raise another one in its place."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import BinaryIO


class WatchedFile:
    """Passes everything on to `file`, and keeps the first error of `write`: every later `write` raises it again.

    PyAV and c2pa-python raise errors of their own for a full disk, or none.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._error: OSError | None = None
        self.seek = file.seek
        self.tell = file.tell

    def read(self, size: int = -1) -> bytes:
        return self._file.read(size)

    def flush(self) -> None:
        self._file.flush()

    def write(self, data: bytes) -> int:
        if self._error is not None:
            raise self._error
        try:
            return self._file.write(data)
        except OSError as error:
            self._error = error
            raise

    def raise_error(self) -> None:
        """Raise the error that is kept; nothing without one."""
        if self._error is not None:
            raise self._error

    @contextmanager
    def raising(self, kind: type[Exception]) -> Generator[None]:
        """Raises the file's own error in place of one of `kind` that follows from it, and of none."""
        try:
            yield
        except kind as error:
            raise self._error or error from None
        self.raise_error()
