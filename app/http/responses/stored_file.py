"""Files of the data volume as an answer, whole or a range of them. They are read while they are sent."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import BinaryIO

import msgspec
from litestar import Response
from litestar.response import Stream

from app.http.method_semantics import IS_HEAD
from app.http.responses.ranges import parse_range
from app.http.wire.errors import AnyRequest, error_response
from app.http.wire.schemas import ErrorBody
from app.pools import BOOK_FILES

BLOCK_BYTES = 256 * 1024


class FilePart(msgspec.Struct, frozen=True):
    """The bytes of a file from `start` on."""

    path: Path
    start: int
    num_bytes: int


class StoredFile(msgspec.Struct, frozen=True):
    """Parts of files, behind one another, that are sent as one file. `etag`: another one for other bytes."""

    parts: tuple[FilePart, ...]
    media_type: str
    etag: str
    disposition: str

    @property
    def num_bytes(self) -> int:
        return sum(part.num_bytes for part in self.parts)


def stored_response(request: AnyRequest, file: StoredFile) -> Stream | Response[ErrorBody]:
    """A file that vanishes while it is sent breaks the connection."""
    length = file.num_bytes
    is_same = request.headers.get("if-range", file.etag) == file.etag
    wanted = parse_range(request.headers.get("range")) if is_same else None
    positions = range(length) if wanted is None else wanted.resolve(length)
    headers = {"Accept-Ranges": "bytes", "ETag": file.etag, "Content-Disposition": file.disposition}
    if positions is None:
        message = f"the file has {length} bytes, and the range holds none of them"
        headers = {"Accept-Ranges": "bytes", "Content-Range": f"bytes */{length}"}
        return error_response(416, "range_not_satisfiable", message, headers=headers)
    headers["Content-Length"] = str(len(positions))
    if wanted is not None:
        headers["Content-Range"] = f"bytes {positions.start}-{positions.stop - 1}/{length}"
    body = _nothing() if IS_HEAD in request.scope else _read(file.parts, positions)
    return Stream(body, media_type=file.media_type, headers=headers, status_code=200 if wanted is None else 206)


async def _read(parts: Sequence[FilePart], positions: range) -> AsyncIterator[bytes]:
    at = 0
    for part in parts:
        wanted = range(max(positions.start, at), min(positions.stop, at + part.num_bytes))
        if wanted:
            file = await BOOK_FILES.run(part.path.open, "rb")
            try:
                async for block in _blocks(file, part.start + wanted.start - at, len(wanted)):
                    yield block
            finally:
                await asyncio.shield(BOOK_FILES.run(file.close))
        at += part.num_bytes


async def _blocks(file: BinaryIO, start: int, num_bytes: int) -> AsyncIterator[bytes]:
    await BOOK_FILES.run(file.seek, start)
    while num_bytes:
        block = await BOOK_FILES.run(file.read, min(BLOCK_BYTES, num_bytes))
        if not block:
            raise EOFError(f"{file.name} is shorter than it was")
        num_bytes -= len(block)
        yield block


async def _nothing() -> AsyncIterator[bytes]:
    for _ in ():
        yield b""
