"""A stream through a child: pieces of bytes in and out, in turns, on a socket of its own.

A frame is its length (32 bits) and as many bytes. The function in the child reads from a PieceFile. When it needs a
piece, the child sends an empty frame; the server answers with one, and an empty one is the end of the input. All other
frames of the child are output. The child closes the socket when the function returns.
"""

import asyncio
import contextlib
import os
import socket
import struct
from collections.abc import Awaitable, Callable
from typing import BinaryIO, TypeVar

from app.isolation.child import Child, IsolationFailure
from app.isolation.pool import Sandbox

MAX_FRAME_BYTES = 256 * 1024
"""Largest frame of output."""
STALL_S = 10.0
"""A child that gives nothing for so long, while it has input, is ended."""
_LENGTH = struct.Struct("<I")

T = TypeVar("T")
Take = Callable[[bytes], Awaitable[None]]


class PieceFile:
    """The child's side: a file whose bytes arrive while it is read. Use it as a context."""

    def __init__(self, file: BinaryIO) -> None:
        self._socket = socket.socket(fileno=os.dup(file.fileno()))
        self._piece = b""
        self._has_ended = False

    def __enter__(self) -> "PieceFile":
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def peek(self, num_bytes: int) -> bytes:
        """The next bytes, which stay unread; fewer at the end of the input."""
        while len(self._piece) < num_bytes and not self._has_ended:
            self._receive()
        return self._piece[:num_bytes]

    def read(self, num_bytes: int) -> bytes:
        """Between one and `num_bytes` bytes; none at the end of the input."""
        self.peek(1)
        read, self._piece = self._piece[:num_bytes], self._piece[num_bytes:]
        return read

    def write(self, data: bytes | memoryview) -> None:
        for at in range(0, len(data), MAX_FRAME_BYTES):
            frame = data[at : at + MAX_FRAME_BYTES]
            self._socket.sendall(_LENGTH.pack(len(frame)))
            self._socket.sendall(frame)

    def _receive(self) -> None:
        self._socket.sendall(_LENGTH.pack(0))
        [num_bytes] = _LENGTH.unpack(self._socket.recv(_LENGTH.size, socket.MSG_WAITALL))
        self._piece += self._socket.recv(num_bytes, socket.MSG_WAITALL)
        self._has_ended = num_bytes == 0


class ChildStream:
    """The server's side: one call of `function` in a child of `sandbox`. Lives on the event loop; its owner closes it.

    The function gets its end of the socket as its file, and `options`.
    """

    def __init__(self, sandbox: Sandbox, function: str, **options: object) -> None:
        self._sandbox = sandbox
        self._function = function
        self._options = options

    async def start(self) -> None:
        """Return when the function asks for its first piece. Raises what it raises before, and Unavailable."""
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        self._reader, self._writer = await asyncio.open_connection(sock=ours)

        def work(child: Child) -> None:
            child.converse(self._function, theirs, **self._options)

        self._working = asyncio.create_task(self._sandbox.run(work))
        self._working.add_done_callback(lambda _: theirs.close())  # also where no thread has taken it
        try:
            await self._take_turn(_nothing, None)
        except BaseException:
            await self.aclose()
            raise

    async def convert(self, piece: bytes, take: Take) -> None:
        """Give the function a piece, and `take` what it writes until it needs another one.

        Raises what the function raises, and IsolationFailure where the child crashes, stalls or ends early.
        """
        if piece:
            await self._send(piece)
            await self._take_turn(take, STALL_S)

    async def finish(self, take: Take) -> None:
        """End the input, and `take` the rest of the output. Raises as `convert` does."""
        await self._send(b"")
        await self._take_turn(take, STALL_S, is_last=True)

    async def aclose(self) -> None:
        """End the child if the function has not returned. May be called twice."""
        self._working.cancel()
        self._writer.close()
        await asyncio.wait((self._working,))
        if not self._working.cancelled():
            self._working.exception()  # raised where the stream was read, if it was

    async def _send(self, piece: bytes) -> None:
        self._writer.write(_LENGTH.pack(len(piece)) + piece)
        with contextlib.suppress(ConnectionError):  # reading tells why
            await _in_time(self._writer.drain(), STALL_S)

    async def _take_turn(self, take: Take, timeout_s: float | None, *, is_last: bool = False) -> None:
        try:
            while frame := await _in_time(self._read_frame(), timeout_s):
                await take(frame)
        except (asyncio.IncompleteReadError, ConnectionError):
            await self._working  # raises what the function raised
            if not is_last:
                raise IsolationFailure("ends before its input") from None

    async def _read_frame(self) -> bytes:
        [num_bytes] = _LENGTH.unpack(await self._reader.readexactly(_LENGTH.size))
        if num_bytes > MAX_FRAME_BYTES:
            raise IsolationFailure("crashed its decoder")
        return await self._reader.readexactly(num_bytes)


async def _in_time(work: Awaitable[T], timeout_s: float | None) -> T:
    """Raises IsolationFailure."""
    try:
        async with asyncio.timeout(timeout_s):
            return await work
    except TimeoutError:
        raise IsolationFailure(f"takes longer than {timeout_s} s to decode") from None


async def _nothing(_: bytes) -> None:
    """Takes the output before the first piece."""
