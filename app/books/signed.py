"""Files of books with a signature."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

Sign = Callable[[BinaryIO, BinaryIO], None]
"""Copies a finished file into an empty one and signs it."""


def write_signed(file: BinaryIO, folder: Path, write: Callable[[BinaryIO], None], sign: Sign | None) -> None:
    """Write the empty `file`, and sign it. Blocking. Raises what `write` and `sign` raise.

    folder   place of the file before it is signed, which is removed
    sign     None: it is not signed

    After an OSError `file` stands behind as many bytes as were written in all, for callers that wait for room.
    """
    if sign is None:
        write(file)
        return
    with tempfile.TemporaryFile(dir=folder) as bare:
        try:
            write(bare)
            sign(bare, file)
        except OSError:
            file.seek(file.tell() + bare.tell())
            raise
