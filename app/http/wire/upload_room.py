"""Temporary files for uploads, bounded in number and bytes while they are received and decoded.

A file without a name can be read by a child process without a copy. Without a folder for temporary files (a read-only
container) Linux keeps it in memory, within the same bounds.
"""

import contextlib
import os
import sys
import tempfile
from types import TracebackType
from typing import BinaryIO, Self

from app.errors import QueueFull, StorageFailure
from app.pools import FILES

BLOCK_BYTES = 256 * 1024
"""Smaller pieces of a body are collected before they are written."""
RETRY_AFTER_S = 5


class UploadRoom:
    """Counts uploads from first byte to last use. Lives on the event loop."""

    def __init__(self, *, max_uploads: int, max_bytes: int) -> None:
        self.num_uploads = 0
        self.num_bytes = 0
        self._max_uploads = max_uploads
        self._max_bytes = max_bytes

    def enter(self) -> None:
        """Raises QueueFull."""
        if self.num_uploads >= self._max_uploads:
            raise QueueFull(
                f"{self.num_uploads} uploads are being received or decoded, which is the limit (CHORUS_MAX_QUEUE)",
                retry_after_s=RETRY_AFTER_S,
            )
        self.num_uploads += 1

    def claim(self, num_bytes: int) -> None:
        """Raises QueueFull."""
        if self.num_bytes + num_bytes > self._max_bytes:
            raise QueueFull(
                f"the uploads under way hold {self.num_bytes // 2**20} of {self._max_bytes // 2**20} MiB; "
                "send this one again when they are done",
                retry_after_s=RETRY_AFTER_S,
            )
        self.num_bytes += num_bytes

    def leave(self, num_bytes: int) -> None:
        """Give back a place and the `num_bytes` claimed for it."""
        self.num_uploads -= 1
        self.num_bytes -= num_bytes


class ScratchFile:
    """A temporary file without a name, gone when closed, complete after `flush`. Raises StorageFailure."""

    def __init__(self) -> None:
        self.file = _open()
        self._block = bytearray()

    async def append(self, data: bytes | bytearray) -> None:
        self._block += data
        if len(self._block) >= BLOCK_BYTES:
            await self.flush()

    async def flush(self) -> None:
        if self._block:
            block, self._block = self._block, bytearray()
            await FILES.run(self.write, block)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Blocking."""
        try:
            self.file.write(data)
            self.file.flush()
        except OSError as error:
            raise _failure(error) from error

    def close(self) -> None:
        with contextlib.suppress(OSError):  # `write` has reported a full disk
            self.file.close()


class Upload:
    """One request's files and its part of the room: `async with Upload(room) as upload`. Raises QueueFull."""

    def __init__(self, room: UploadRoom) -> None:
        self._room = room
        self._num_claimed = 0
        self._files: list[ScratchFile] = []

    async def __aenter__(self) -> Self:
        self._room.enter()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._room.leave(self._num_claimed)
        for file in self._files:
            file.close()

    async def open(self) -> ScratchFile:
        return self.adopt(await FILES.run(ScratchFile))

    def adopt(self, file: ScratchFile) -> ScratchFile:
        self._files.append(file)
        return file

    def claim(self, num_bytes: int) -> None:
        """Call it for each arriving piece of the body. Raises QueueFull."""
        self._room.claim(num_bytes)
        self._num_claimed += num_bytes


def _open() -> BinaryIO:
    try:
        return tempfile.TemporaryFile()
    except OSError as error:
        if sys.platform == "linux":
            return os.fdopen(os.memfd_create("upload"), "w+b")
        raise _failure(error) from error


def _failure(error: OSError) -> StorageFailure:
    return StorageFailure(
        f"the upload cannot be kept in a temporary file ({error.strerror}); look at the folder that TMPDIR names"
    )
