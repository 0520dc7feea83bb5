"""Files on the data volume: written whole or not at all."""

import os
import stat
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Protocol

from app.errors import UnusableDataDirectory


def write_atomically(path: Path, data: bytes) -> None:
    """Readers see the old bytes or the new ones, also after a crash: temporary file, fsync, rename."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


class Writer(Protocol):
    """One of several processes that may write the same file."""

    @property
    def name(self) -> str:
        """Part of the name of a file that is not complete."""
        ...

    def check(self) -> None:
        """Raise where another one writes the file now. Blocking."""
        ...


@contextmanager
def replaced(path: Path, writer: Writer | None = None) -> Generator[BinaryIO]:
    """A file that appears as `path`, with the mode of a file that is there, when the block has ended without an error.

    Raises OSError, and what `writer.check` raises, which is called before the file appears. One block of a writer at a
    time may write a path.
    """
    partial = path.with_name(f".{path.name}{'' if writer is None else f'.{writer.name}'}.partial")
    partial.unlink(missing_ok=True)
    try:
        with partial.open("x+b") as file:  # what signs a file reads it again
            yield file
            file.flush()
            os.fsync(file.fileno())  # some file systems find only here that there is no room
        if path.exists():
            partial.chmod(stat.S_IMODE(path.stat().st_mode))
        if writer is not None:
            writer.check()
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def sync_directory(path: Path) -> None:
    """Flush the folder's entries, so that a rename in it survives a crash."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def prepare_data_directory(path: Path) -> None:
    """Make the folder and write into it. Raises UnusableDataDirectory with the reason."""
    try:
        path.mkdir(parents=True, exist_ok=True)
        descriptor, probe = tempfile.mkstemp(dir=path, prefix=".probe.")
        os.close(descriptor)
        Path(probe).unlink()
    except OSError as error:
        raise UnusableDataDirectory(
            f"the data directory {str(path)!r} cannot be written ({error.strerror}{_whose(path)}); "
            "give CHORUS_DATA a folder that this user may write",
            param="CHORUS_DATA",
        ) from error


def _whose(path: Path) -> str:
    """The process's user and the folder's owner: in a container their difference is the usual reason."""
    try:
        return f"; this is user {os.getuid()}, it belongs to user {path.stat().st_uid}"
    except (OSError, AttributeError):  # not there, or no such ids
        return ""
