"""Records of files that are read again and again, such as the state of a job that callers watch."""

import threading
from collections import OrderedDict
from pathlib import Path
from typing import Any, TypeVar

import msgspec

S = TypeVar("S")
MAX_RECORDS = 256
MAX_BYTES = 64 * 1024
"""Longer files, such as those of books with thousands of chapters, are read each time."""


class RecordCache:
    """Keeps what was read for as long as the file is the same one. Files must be replaced, never written into.

    May be used on several threads.
    """

    def __init__(self) -> None:
        # Any: each record has the type that it was read as.
        self._known: OrderedDict[tuple[Path, type], tuple[tuple[int, int, int], Any]] = OrderedDict()
        self._turn = threading.Lock()

    def read(self, path: Path, kind: type[S]) -> S:
        """The JSON of a file. Blocking. Raises OSError and msgspec.MsgspecError."""
        found = path.stat()
        signature = (found.st_ino, found.st_mtime_ns, found.st_size)
        with self._turn:
            known = self._known.get((path, kind))
        if known is not None and known[0] == signature:
            return known[1]
        # Read after `stat`: where the file was replaced in between, the next call reads again.
        record = msgspec.json.decode(path.read_bytes(), type=kind)
        if found.st_size <= MAX_BYTES:
            with self._turn:
                self._known[path, kind] = signature, record
                while len(self._known) > MAX_RECORDS:
                    self._known.popitem(last=False)
        return record
