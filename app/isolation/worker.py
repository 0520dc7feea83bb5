"""The child process: `python -m app.isolation.worker <bytes of memory>`, with its connection as standard input.

First it limits its memory, CPU time, wall time, core dumps and written files. It answers one job after the other and
ends with the server.
"""

import contextlib
import ctypes
import importlib
import os
import resource
import signal
import socket
import sys
import traceback
from collections.abc import Callable
from typing import Any, BinaryIO

from app.errors import RequestError
from app.isolation.wire import ConnectionEnded, Job, Refusal, Reply, receive_job, send_reply

NICENESS = 5
"""Decoding gives way to streams that are being listened to."""
MAX_OPEN_FILES = 64
_PR_SET_PDEATHSIG = 1

Function = Callable[..., tuple[Any, bytes | memoryview]]  # Any: see Reply.value


def main() -> None:
    connection = socket.socket(fileno=os.dup(0))
    _silence(0)
    _die_with_parent()
    _limit(memory_bytes=int(sys.argv[1]))
    _warm_up(sys.argv[2:])
    send_reply(connection, Reply(value="ready"))
    # Reasons of a failed start go to the server's log; what a decoder prints about a stranger's file does not.
    _silence(2)
    with contextlib.suppress(ConnectionEnded, ConnectionError):
        while True:
            job, descriptor = receive_job(connection)
            with os.fdopen(descriptor, "rb") as file:
                _answer(connection, job, file)


def _silence(descriptor: int) -> None:
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, descriptor)
    os.close(null)


def _warm_up(functions: list[str]) -> None:
    """Import the modules of `functions`, so that the first job does not pay for it."""
    for name in functions:
        _find(name)


def _find(name: str) -> Function:
    module, _, function = name.partition(":")
    return getattr(importlib.import_module(module), function)


def _answer(connection: socket.socket, job: Job, file: BinaryIO) -> None:
    data: bytes | memoryview = b""
    _start_clocks(job)
    try:
        value, data = _find(job.function)(file, **job.options)
        reply = Reply(value=value)
    except RequestError as error:
        reply = Reply(refusal=Refusal(error=type(error).__name__, message=error.message, param=error.param))
    except MemoryError:
        reply = Reply(is_out_of_memory=True)
    except Exception:  # noqa: BLE001 - the process's boundary: the server logs the trace and refuses this file only
        reply = Reply(trace=traceback.format_exc(limit=-8))
    signal.setitimer(signal.ITIMER_REAL, 0)
    send_reply(connection, reply, data)


def _start_clocks(job: Job) -> None:
    """The kernel ends this process when the job takes longer, even without a server."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    _set_limit("RLIMIT_CPU", int(usage.ru_utime + usage.ru_stime) + 1 + job.cpu_s, for_good=False)
    signal.setitimer(signal.ITIMER_REAL, job.wall_s)


def _limit(*, memory_bytes: int) -> None:
    os.nice(NICENESS)
    _set_limit("RLIMIT_DATA", memory_bytes)  # Linux counts private mappings too, where large blocks lie
    _set_limit("RLIMIT_FSIZE", 0)
    _set_limit("RLIMIT_CORE", 0)
    _set_limit("RLIMIT_NOFILE", MAX_OPEN_FILES)


def _set_limit(name: str, limit: int, *, for_good: bool = True) -> None:
    """Skipped on a system that does not know this limit, or does not let it be set."""
    kind = getattr(resource, name, None)
    if kind is None:
        return
    _, hard = resource.getrlimit(kind)
    if hard != resource.RLIM_INFINITY:
        limit = min(limit, hard)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(kind, (limit, limit if for_good else hard))


def _die_with_parent() -> None:
    """Linux only. Elsewhere the closed connection ends an idle worker, and the timer of its job a busy one."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


if __name__ == "__main__":
    main()
