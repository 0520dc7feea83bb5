"""Functions for a child process that misbehave as a decoder does on a hostile file."""

import os
import signal
import time
from typing import Any, BinaryIO, Never

from app.errors import UnreadableAudio
from app.isolation.stream import PieceFile


def read(file: BinaryIO, *, suffix: str = "") -> tuple[int, bytes]:
    data = file.read()
    return len(data), data + suffix.encode()


def double(file: BinaryIO) -> tuple[None, bytes]:
    """Each piece of a stream twice; `crash`, `hang`, `refuse` and `end` do so."""
    with PieceFile(file) as pieces:
        while piece := pieces.read(1000):
            if piece == b"end":
                break
            if piece in (b"crash", b"hang", b"refuse"):
                globals()[piece.decode()](file)
            pieces.write(2 * piece)
        pieces.write(b"!")
    return None, b""


def crash(_: BinaryIO) -> Never:
    os.kill(os.getpid(), signal.SIGSEGV)
    raise AssertionError


_num_calls = 0


def crash_after_another_call(file: BinaryIO) -> tuple[int, bytes]:
    """As a decoder whose memory an earlier file has damaged."""
    global _num_calls
    _num_calls += 1
    if _num_calls > 1:
        os.kill(os.getpid(), signal.SIGSEGV)
    return len(file.read()), b""


_left_over: list[bytearray] = []


def overrun_memory_after_another_call(file: BinaryIO) -> tuple[int, bytes]:
    """As a decoder that does not give back what earlier files have taken."""
    _left_over.append(bytearray(300 * 2**20))
    return len(file.read()), b""


def hang(_: BinaryIO) -> Never:
    while True:
        time.sleep(1)


def spin(_: BinaryIO) -> Never:
    while True:
        pass


def overrun_memory(_: BinaryIO) -> tuple[int, bytes]:
    blocks = [bytearray(16 * 2**20) for _ in range(1000)]
    return len(blocks), b""


def fail(_: BinaryIO) -> Never:
    raise ZeroDivisionError


def refuse(_: BinaryIO) -> Never:
    raise UnreadableAudio("no audio", param="reference_audio")


def answer_too_much(_: BinaryIO, *, num_bytes: int) -> tuple[int, bytes]:
    return 0, bytes(num_bytes)


def answer_nonsense(_: BinaryIO) -> tuple[str, bytes]:
    os.write(3, b"\xff" * 1000)  # the connection itself
    return "", b""


def write_a_file(_: BinaryIO, *, path: str) -> tuple[str, bytes]:
    with open(path, "wb") as file:  # noqa: PTH123
        file.write(b"x")
    return "written", b""


def describe(_: BinaryIO) -> tuple[dict[str, Any], bytes]:
    """The environment, limits and descriptors of this process."""
    open_files = sorted(int(name) for name in os.listdir("/proc/self/fd"))  # noqa: PTH208
    return {"environ": dict(os.environ), "open": open_files, "pid": os.getpid(), "cwd": os.getcwd()}, b""  # noqa: PTH109
