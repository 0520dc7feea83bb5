"""A server under attack, and the smallest HTTP client that can misbehave."""

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Any

import msgspec

MIB = 1024 * 1024


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """Addresses and facts that attacks need. `is_short` asks for the small form of each attack."""

    port: int
    wyoming_port: int = 0
    pid: int
    engine: str = "embedded"
    client_timeout_s: float = 3.0
    log: str = ""
    """file with what the server has printed"""
    is_short: bool = False
    patience: float = 1.0
    """factor for every wait: a test must not fail because the machine is busy"""

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"http://{self.host}"

    def times(self, full: int, short: int) -> int:
        return short if self.is_short else full


class Answer(msgspec.Struct, frozen=True):
    """`status`: three digits, or "closed" (the connection ended without an answer), or "timeout"."""

    status: str
    headers: dict[str, str] = {}
    body: bytes = b""
    """its beginning; chunked bodies keep their frames"""
    num_bytes: int = 0
    """of the whole body"""


@contextlib.asynccontextmanager
async def connected(
    target: Target, port: int | None = None, *, receive_buffer: int = 0
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """An open connection, aborted at the end of the block."""
    raw = socket.socket()
    raw.setblocking(False)
    if receive_buffer:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    try:
        await asyncio.get_running_loop().sock_connect(raw, ("127.0.0.1", port or target.port))
        reader, writer = await asyncio.open_connection(sock=raw, limit=MIB)
    except BaseException:
        raw.close()
        raise
    try:
        yield reader, writer
    finally:
        writer.transport.abort()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


def head(
    target: Target,
    method: str,
    path: str,
    headers: Mapping[str, str] | None = None,
    *,
    version: str = "1.1",
    num_bytes: int | None = None,
) -> bytes:
    """A request's head. `headers` may replace Host and Connection."""
    sent = {"Host": target.host, "Connection": "close"} | dict(headers or {})
    if num_bytes is not None:
        sent["Content-Length"] = str(num_bytes)
    lines = [f"{method} {path} HTTP/{version}", *(f"{name}: {value}" for name, value in sent.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


async def exchange(
    target: Target, pieces: Iterable[bytes], *, limit_s: float = 10.0, keep_bytes: int = 65_536
) -> Answer:
    """Send `pieces`, read to the end of the connection.

    The answer is read while the pieces are still being sent, and also when they cannot be sent any more: a server that
    refuses a body closes the connection before it has read it.
    """
    loop = asyncio.get_running_loop()
    received = _Received(keep_bytes)
    with socket.socket() as raw:
        raw.setblocking(False)
        try:
            async with asyncio.timeout(limit_s * target.patience):
                await loop.sock_connect(raw, ("127.0.0.1", target.port))
                sending = asyncio.create_task(_send(raw, pieces))
                try:
                    while data := await loop.sock_recv(raw, 65_536):
                        received.take(data)
                finally:
                    sending.cancel()
                    await asyncio.gather(sending, return_exceptions=True)
        except TimeoutError:
            return received.answer("timeout")
        except OSError:
            pass
    return received.answer("closed")


async def _send(raw: socket.socket, pieces: Iterable[bytes]) -> None:
    with contextlib.suppress(OSError):
        for piece in pieces:
            await asyncio.get_running_loop().sock_sendall(raw, piece)


class _Received:
    """The bytes of one answer, of whose body the first `keep_bytes` are kept."""

    def __init__(self, keep_bytes: int) -> None:
        self._keep_bytes = keep_bytes
        self._head = b""
        self._body = b""
        self._num_bytes = 0
        self._has_head = False

    def take(self, data: bytes) -> None:
        if not self._has_head:
            self._head, found, data = (self._head + data).partition(b"\r\n\r\n")
            self._has_head = bool(found)
        self._num_bytes += len(data)
        self._body += data[: self._keep_bytes - len(self._body)]

    def answer(self, without_head: str) -> Answer:
        if not self._has_head:
            return Answer(without_head)
        status, headers = _parsed(self._head)
        return Answer(status, headers, self._body, self._num_bytes)


def _parsed(head: bytes) -> tuple[str, dict[str, str]]:
    lines = head.decode("latin-1").split("\r\n")
    return lines[0].split(" ")[1], dict(line.lower().split(": ", 1) for line in lines[1:] if ": " in line)


async def read_head(reader: asyncio.StreamReader) -> tuple[str, dict[str, str]]:
    """Status and headers, names in lower case. Raises EOFError where the connection ends first."""
    return _parsed(await reader.readuntil(b"\r\n\r\n"))


def post(target: Target, path: str, body: bytes, headers: Mapping[str, str] | None = None) -> list[bytes]:
    """Head and body of a POST, in pieces of 64 KiB."""
    sent = {"Content-Type": "application/json"} | dict(headers or {})
    view = memoryview(body)
    pieces = [bytes(view[begin : begin + 65_536]) for begin in range(0, len(body), 65_536)]
    return [head(target, "POST", path, sent, num_bytes=len(body)), *pieces]


def post_json(target: Target, path: str, headers: Mapping[str, str] | None = None, **fields: Any) -> list[bytes]:
    return post(target, path, json.dumps(fields).encode(), headers)


BOUNDARY = "chaos-boundary"


def post_files(
    target: Target, path: str, files: Iterable[tuple[str, bytes]], *, field: str = "reference_audio", **fields: str
) -> list[bytes]:
    """A multipart POST. `files`: (what stands in Content-Disposition after the name, content)."""
    parts: list[bytes] = []
    for name, value in fields.items():
        parts.append(f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode())
    for disposition, content in files:
        opening = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{field}"{disposition}\r\n\r\n'
        parts += [opening.encode("latin-1", "surrogateescape"), content, b"\r\n"]
    parts.append(f"--{BOUNDARY}--\r\n".encode())
    return post(target, path, b"".join(parts), {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"})
