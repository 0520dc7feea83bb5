"""A lease on a job's folder: one process at a time makes a book, and another takes over when it has died.

On one machine a lock of the kernel decides, which ends with its process. Between machines that share a volume the
owner counts a number up; another one takes over when it has seen the same number for TTL_S on its own clock. No wall
clock is compared. Two owners for a moment do no harm: segments are named by their content and written whole, and other
files are shown after a look at the lease.
"""

import asyncio
import contextlib
import fcntl
import os
import platform
import secrets
import threading
import time
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import BinaryIO

import msgspec

from app.books.together import together
from app.errors import JobInUse
from app.pools import LEASES
from app.voices.files import write_atomically

BEAT_S = 5.0
TTL_S = 30.0
LOOK_S = 1.0
NAME_CHARS = 8

Sleep = Callable[[float], Awaitable[None]]


class Owner(msgspec.Struct, frozen=True):
    """`beat` counts up while the owner lives."""

    token: str
    machine: str
    name: str
    pid: int
    beat: int = 0


class Lease:
    """Made by `claim`; `release` it at the end. All methods but `keep` block, and may be called on any thread.

    A Writer (app.voices.files).
    """

    def __init__(self, path: Path, owner: Owner, lock: BinaryIO) -> None:
        self._path = path
        self._owner = owner
        self._lock = lock
        self._turn = threading.Lock()
        self._is_released = False

    @property
    def name(self) -> str:
        """Part of the names of this owner's partial files. Each claim has another one."""
        return self._owner.token[:NAME_CHARS]

    def check(self) -> None:
        """Raises JobInUse when this process is the owner no more, OSError where that cannot be read."""
        _check_owner(_read(self._path), self._owner.token)

    async def keep(self, sleep: Sleep = asyncio.sleep) -> None:
        """Count up until it is cancelled. Raises JobInUse when another process has taken over."""
        while True:
            await sleep(BEAT_S)
            await LEASES.run(self.beat)

    def beat(self) -> None:
        """Raises JobInUse. A disk that is full or away is survived: the next beat may be written again."""
        with self._turn, contextlib.suppress(OSError):
            if self._is_released:  # its caller was cancelled meanwhile
                return
            self.check()
            self._owner = msgspec.structs.replace(self._owner, beat=self._owner.beat + 1)
            _write(self._path, self._owner)

    def release(self) -> None:
        """May be called twice."""
        with self._turn:
            if self._is_released:
                return
            self._is_released = True
            with contextlib.suppress(JobInUse, OSError):
                self.check()
                self._path.unlink()
            self._lock.close()


async def claim(
    folder: Path,
    *,
    machine: str = "",
    clock: Callable[[], float] = time.monotonic,
    sleep: Sleep = asyncio.sleep,
) -> Lease:
    """Take the lease of `folder`. Raises JobInUse where a living process has it, OSError where the disk fails.

    machine   its id, equal for processes that share a kernel

    Waits up to TTL_S where another machine had it.
    """
    machine = machine or machine_id()
    path = folder / "lease.json"
    mine = Owner(secrets.token_hex(16), machine, platform.node(), os.getpid())
    opened: list[BinaryIO] = []
    try:
        has_lock, owner = await LEASES.run_interruptible(partial(_open, path, opened), _go_on)
        if owner is not None and not (has_lock and owner.machine == machine):
            await _wait_until_dead(path, owner, clock, sleep)
        await LEASES.run_interruptible(partial(_write, path, mine), _go_on)
    except BaseException:
        for lock in opened:
            await LEASES.run_interruptible(Lease(path, mine, lock).release, _go_on)
        raise
    return Lease(path, mine, opened[0])


async def hold(folder: Path, work: Callable[[Lease], Awaitable[None]]) -> None:
    """Await `work` with the lease of `folder`. Raises JobInUse, also when another process takes over meanwhile."""
    lease = await claim(folder)
    try:
        async with together() as group:
            keeping = group.create_task(lease.keep())
            await work(lease)
            keeping.cancel()
    finally:
        try:
            await LEASES.run_interruptible(lease.release, _go_on)
        finally:
            lease.release()  # where the call was cancelled before it began


def machine_id() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return platform.node()


def _go_on() -> None:
    """A cancelled caller waits for the end of its call, which is milliseconds."""


def _open(path: Path, opened: list[BinaryIO]) -> tuple[bool, Owner | None]:
    """(whether the lock is held, the last owner). The file of the lock goes to `opened`. Raises JobInUse."""
    lock = path.with_suffix(".lock").open("ab")
    opened.append(lock)
    return _lock(lock, path), _read(path)


def _lock(lock: BinaryIO, path: Path) -> bool:
    """False on a file system without locks. Raises JobInUse."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise _in_use(_read(path)) from None
    except OSError:
        return False
    return True


async def _wait_until_dead(path: Path, seen: Owner, clock: Callable[[], float], sleep: Sleep) -> None:
    began_at_s = clock()
    while clock() - began_at_s < TTL_S:
        await sleep(LOOK_S)
        owner = await LEASES.run(_read, path)
        if owner is None:
            return
        if owner != seen:
            raise _in_use(owner)


def _check_owner(owner: Owner | None, token: str) -> None:
    """A lease that is missing was released by another owner, who has made the book meanwhile."""
    if owner is None or owner.token != token:
        raise _in_use(owner)


def _in_use(owner: Owner | None) -> JobInUse:
    by = "another process" if owner is None else f"process {owner.pid} on {owner.name}"
    return JobInUse(f"{by} makes this book already: stop it first, or wait for it")


def _read(path: Path) -> Owner | None:
    """None where there is none, or a damaged one. Raises OSError."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Owner)
    except (FileNotFoundError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def _write(path: Path, owner: Owner) -> None:
    write_atomically(path, msgspec.json.encode(owner))
