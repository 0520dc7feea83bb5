"""Records of files that are read again and again, such as the state of a job that callers watch."""

import os
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
        # Opened, not only looked at: a client of NFS asks its server when a file is opened, and answers `stat` from
        # memory for up to a minute after another machine has replaced the file.
        with path.open("rb", buffering=0) as file:
            found = os.fstat(file.fileno())
            signature = (found.st_ino, found.st_mtime_ns, found.st_size)
            with self._turn:
                known = self._known.get((path, kind))
            if known is not None and known[0] == signature:
                return known[1]
            record = msgspec.json.decode(file.readall(), type=kind)
        if found.st_size <= MAX_BYTES:
            with self._turn:
                self._known[path, kind] = signature, record
                while len(self._known) > MAX_RECORDS:
                    self._known.popitem(last=False)
        return record
