"""One child process, seen from the server."""

import contextlib
import logging
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import BinaryIO, TypeVar

import msgspec

import app
from app import errors
from app.errors import RequestError, Unavailable
from app.isolation.wire import ConnectionEnded, FrameTooLarge, Job, Reply, receive_reply, send_job

logger = logging.getLogger(__name__)

ROOT = Path(app.__file__).parents[1]
START_TIMEOUT_S = 60.0
"""A worker imports numpy and FFmpeg: half a second, and far longer while a machine starts."""
GRACE_S = 5.0
"""Seconds after a job's time limit at which the worker ends itself if no server has ended it."""
V = TypeVar("V")


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds of one lease: `wall_s` for all calls together, `cpu_s` for each; `memory_bytes` for the process."""

    wall_s: float = 20.0
    cpu_s: int = 10
    memory_bytes: int = 512 * 1024 * 1024


class IsolationFailure(Exception):
    """The call gave no result. `says` is a sentence without its subject: "crashed its decoder".

    may_be_anothers   whether an earlier file may have caused it: a crash, or too little memory
    """

    def __init__(self, says: str, *, may_be_anothers: bool = False) -> None:
        super().__init__(says)
        self.says = says
        self.may_be_anothers = may_be_anothers


class Child:
    """A worker process. One thread at a time calls it; any thread may kill it.

    functions   those whose modules are imported before the first call
    environ     variables of the process: none of the server's own, which hold its API keys
    """

    def __init__(self, limits: Limits, functions: tuple[str, ...], environ: Mapping[str, str]) -> None:
        self._limits = limits
        self._functions = functions
        self._environ = environ
        self.num_leases = 0
        self._deadline_s = 0.0
        self._is_interrupted = False
        self._start()

    def _start(self) -> None:
        self._is_ready = False
        self._num_calls = 0
        self._connection, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 - this program, and numbers and names of its own
                [sys.executable, "-P", "-m", "app.isolation.worker", str(self._limits.memory_bytes), *self._functions],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                cwd="/",
                env={
                    **self._environ,
                    "PYTHONPATH": _import_path(),
                    "OPENBLAS_NUM_THREADS": "1",
                    "OMP_NUM_THREADS": "1",
                },
                # Ctrl-C in a terminal is for the server. A session of its own would have its own share of the
                # processor, whatever its niceness (autogroup in sched(7)).
                process_group=0,
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        return not self._is_interrupted and self._process.poll() is None

    def lease(self) -> None:
        """Begin the work of another request: its wall time counts from now. Raises Unavailable if it cannot start."""
        self.num_leases += 1
        if not self._is_ready:
            self._wait_until_ready()
        self._deadline_s = time.monotonic() + self._limits.wall_s

    def call(
        self, function: str, file: BinaryIO, result: type[V], *, max_bytes: int, **options: object
    ) -> tuple[V, bytearray]:
        """Call `function` in the child with `file`, from its beginning. The value, as a `result`, and the data.

        Blocking. Raises RequestError as the function does, and IsolationFailure when the child crashed, took too long,
        or needed too much memory; it is dead then.

        Earlier files may have damaged a process or left too little memory, so after a crash or a lack of memory of one
        that has decoded others the call is made once more, in a new process.
        """
        has_others_behind_it = self._num_calls > 0
        try:
            return self._call(function, file, result, max_bytes=max_bytes, **options)
        except IsolationFailure as failure:
            if not (failure.may_be_anothers and has_others_behind_it) or self._is_interrupted:
                raise
        self._start_again()
        return self._call(function, file, result, max_bytes=max_bytes, **options)

    def _start_again(self) -> None:
        deadline_s = self._deadline_s
        self._start()
        if self._is_interrupted:  # since the process that was killed has ended
            self.interrupt()
        self._wait_until_ready()
        self._deadline_s = deadline_s

    def converse(self, function: str, connection: socket.socket, **options: object) -> None:
        """Call `function` with `connection` as its file; this process closes it once the child has it.

        Blocking. Returns when the function does. Raises as `call` does, and does not call a second time.
        """
        self._exchange(
            function, connection.fileno(), type(None), max_bytes=0, options=options, on_sent=connection.close
        )

    def _call(
        self, function: str, file: BinaryIO, result: type[V], *, max_bytes: int, **options: object
    ) -> tuple[V, bytearray]:
        file.flush()
        file.seek(0)
        return self._exchange(function, file.fileno(), result, max_bytes=max_bytes, options=options)

    def _exchange(
        self,
        function: str,
        descriptor: int,
        result: type[V],
        *,
        max_bytes: int,
        options: dict[str, object],
        on_sent: Callable[[], None] = lambda: None,
    ) -> tuple[V, bytearray]:
        wall_s = self._deadline_s - time.monotonic() + GRACE_S
        job = Job(function=function, options=options, cpu_s=self._limits.cpu_s, wall_s=max(wall_s, 0.1))
        try:
            self._set_timeout()
            send_job(self._connection, job, descriptor)
            on_sent()
            reply, data = receive_reply(self._connection, max_bytes=max_bytes, set_timeout=self._set_timeout)
            self._num_calls += 1
            return self._value(reply, result, function), data
        except TimeoutError:
            raise self._failed(self._too_long()) from None
        except (ConnectionEnded, ConnectionError, FrameTooLarge, msgspec.MsgspecError, OSError) as error:
            raise self._died(error) from None

    def interrupt(self) -> None:
        """Kill the process, from any thread and without waiting: the calling thread gets an IsolationFailure."""
        self._is_interrupted = True
        self._process.kill()

    def close(self) -> None:
        """End the process, release its connection and its place in the process table. Idempotent."""
        self._process.kill()
        self._process.wait()
        self._connection.close()

    def _wait_until_ready(self) -> None:
        try:
            self._deadline_s = time.monotonic() + START_TIMEOUT_S
            receive_reply(self._connection, max_bytes=0, set_timeout=self._set_timeout)
        except (ConnectionEnded, OSError) as error:
            self.close()
            logger.log(
                self._level(logging.ERROR),
                "the process that decodes uploads did not start (%r, exit status %s); "
                "`python -m app.isolation.worker 0` shows why",
                error,
                self._process.returncode,
            )
            # It may have been killed for lack of memory, so the next one may start.
            raise Unavailable("the process that decodes uploads did not start; try again in a moment") from error
        self._is_ready = True

    def _set_timeout(self) -> None:
        left_s = self._deadline_s - time.monotonic()
        if left_s <= 0:
            raise TimeoutError
        self._connection.settimeout(left_s)

    def _value(self, reply: Reply, result: type[V], function: str) -> V:
        if reply.refusal is not None:
            kind = getattr(errors, reply.refusal.error, None)
            if not (isinstance(kind, type) and issubclass(kind, RequestError)):
                kind = RequestError
            raise kind(reply.refusal.message, param=reply.refusal.param)
        if reply.is_out_of_memory:
            raise self._failed(self._out_of_memory(), may_be_anothers=True)
        if reply.trace is not None:
            logger.error("%s failed on an upload: %r", function, reply.trace)
            raise self._failed("cannot be decoded")
        return msgspec.convert(reply.value, result)

    def _failed(self, says: str, *, may_be_anothers: bool = False) -> IsolationFailure:
        self.close()
        return IsolationFailure(says, may_be_anothers=may_be_anothers)

    def _died(self, error: Exception) -> IsolationFailure:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(1)  # its connection has ended, so it is ending; its status is wanted
        status = self._process.poll()
        logger.log(self._level(logging.WARNING), "a decoding process ended with status %s: %r", status, error)
        if status in (-signal.SIGXCPU, -signal.SIGALRM):
            return self._failed(self._too_long())
        return self._failed("crashed its decoder", may_be_anothers=True)

    def _level(self, level: int) -> int:
        """DEBUG once the caller has left: `interrupt` killed the process."""
        return logging.DEBUG if self._is_interrupted else level

    def _too_long(self) -> str:
        return f"takes longer than {self._limits.wall_s:g} s to decode"

    def _out_of_memory(self) -> str:
        return f"needs more than {self._limits.memory_bytes // 2**20} MiB of memory to decode"


def _import_path() -> str:
    """This process's own import path: packages may lie where only PYTHONPATH or a `.pth` file of this server points."""
    return os.pathsep.join([str(ROOT), *(entry for entry in sys.path if Path(entry).is_absolute())])
