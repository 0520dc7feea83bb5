"""Files that a command writes: complete under their name, or not there."""

import stat
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import click

from app.voices.files import Writer, replaced


def is_seekable(output: str) -> bool:
    """True if the file of `open_output` can be sought in, so that a header can be corrected; False for pipes."""
    return output != "-" and _replaceable(Path(output)) is not None


def is_same(output: str, other: str) -> bool:
    """True if both names lead to one file."""
    try:
        return Path(output).resolve() == Path(other).resolve()
    except (OSError, RuntimeError):  # a link to itself; opening it gives the message
        return False


@contextmanager
def open_output(output: str) -> Generator[BinaryIO]:
    """As `replace_file`, for one that a user named. Raises click.ClickException where it cannot be written."""
    try:
        with replace_file(output) as file:
            yield file
    except OSError as error:
        raise unwritable(output, error) from error


def unwritable(output: str, error: OSError) -> click.ClickException:
    return click.ClickException(f"{output} cannot be written: {error.strerror}")


@contextmanager
def replace_file(output: str, writer: Writer | None = None) -> Generator[BinaryIO]:
    """Open `output` for writing; `-` is standard output. Raises OSError, and what `writer.check` raises.

    A regular file appears under its name when the block has ended without an error, and replaces the old one. A
    symbolic link stays and its target is written. A device or a named pipe is written into.
    """
    if output == "-":
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    target = _replaceable(Path(output))
    if target is None:
        with Path(output).open("wb") as file:
            yield file
        return
    with replaced(target, writer) as file:
        yield file


def _replaceable(path: Path) -> Path | None:
    """The file that a rename may replace, symbolic links followed; None where something else than a regular file is.

    None as well for a name that does not lead back to its file, such as /dev/fd/3 of a file that has been removed.
    """
    try:
        mode = path.stat().st_mode  # raises OSError for a link to itself
    except FileNotFoundError:
        return path.resolve()
    target = path.resolve()
    return target if stat.S_ISREG(mode) and target.exists() and target.samefile(path) else None
