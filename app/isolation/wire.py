"""Frames between the server and a child, on one stream socket.

A frame is two lengths (32 bits each), a JSON text and bytes. A job also carries one file descriptor. Each side bounds
the lengths that it reads, because the parsed file may have taken the child over.
"""

import socket
import struct
from collections.abc import Callable
from typing import Any

import msgspec

_HEAD = struct.Struct("<II")
MAX_JSON_BYTES = 4 * 1024 * 1024


class Job(msgspec.Struct, kw_only=True):
    """A call. `cpu_s` and `wall_s` bound it inside the child."""

    function: str
    options: dict[str, Any]  # Any: keyword arguments as JSON
    cpu_s: int
    wall_s: float


class Refusal(msgspec.Struct, kw_only=True):
    """Class and message of a RequestError that the function raised."""

    error: str
    message: str
    param: str | None


class Reply(msgspec.Struct, kw_only=True):
    """`value` is what the function returned. At most one of the other two is set, and then there is no value."""

    value: Any = None  # Any: the caller converts it to the type it expects
    refusal: Refusal | None = None
    is_out_of_memory: bool = False
    trace: str | None = None
    """of an exception that is no RequestError"""


class ConnectionEnded(Exception):
    """The other side has closed its end, between two frames or inside one."""


class FrameTooLarge(Exception):
    """The other side announces more than is accepted."""


def send_job(connection: socket.socket, job: Job, descriptor: int) -> None:
    text = msgspec.json.encode(job)
    socket.send_fds(connection, [_HEAD.pack(len(text), 0)], [descriptor])
    connection.sendall(text)


def receive_job(connection: socket.socket) -> tuple[Job, int]:
    """The job and its file descriptor. Raises ConnectionEnded."""
    head, descriptors, _, _ = socket.recv_fds(connection, _HEAD.size, 1)
    if not head:
        raise ConnectionEnded
    num_text, _ = _HEAD.unpack(head + _receive(connection, _HEAD.size - len(head)))
    return msgspec.json.decode(_receive(connection, num_text), type=Job), descriptors[0]


def send_reply(connection: socket.socket, reply: Reply, data: bytes | memoryview = b"") -> None:
    text = msgspec.json.encode(reply)
    connection.sendall(_HEAD.pack(len(text), len(data)))
    connection.sendall(text)
    connection.sendall(data)


def receive_reply(
    connection: socket.socket, *, max_bytes: int, set_timeout: Callable[[], None]
) -> tuple[Reply, bytearray]:
    """The reply and its data. `set_timeout` is called before each read.

    Raises ConnectionEnded, FrameTooLarge, or msgspec.MsgspecError for a malformed reply.
    """
    num_text, num_data = _HEAD.unpack(_receive(connection, _HEAD.size, set_timeout))
    if num_text > MAX_JSON_BYTES or num_data > max_bytes:
        raise FrameTooLarge(f"{num_text} bytes of JSON and {num_data} of data were announced")
    reply = msgspec.json.decode(_receive(connection, num_text, set_timeout), type=Reply)
    return reply, _receive(connection, num_data, set_timeout)


def _receive(connection: socket.socket, num_bytes: int, set_timeout: Callable[[], None] = lambda: None) -> bytearray:
    data = bytearray(num_bytes)
    rest = memoryview(data)
    while rest:
        set_timeout()
        num_read = connection.recv_into(rest)
        if num_read == 0:
            raise ConnectionEnded
        rest = rest[num_read:]
    return data
