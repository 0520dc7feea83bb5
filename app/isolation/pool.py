"""Sandbox: warm child processes, each leased to one request at a time.

The first request that finds no idle child starts one, so there are never more than threads in its pool. A child
ends after a failure, MAX_LEASES requests (libraries leak memory) or MAX_IDLE_S of idle time. None is started before the
first upload: a snapshot of the process holds no child.
"""

import asyncio
import threading
from collections.abc import Callable, Mapping
from typing import TypeVar

from app.errors import Draining
from app.isolation.child import Child, Limits
from app.pools import FILES, UPLOADS, ThreadPool

MAX_LEASES = 200
MAX_IDLE_S = 600.0

T = TypeVar("T")


class Sandbox:
    """Children that call functions, each leased to one thread of `pool`.

    `limits`, `functions` and `environ`: see Child. `max_idle_s` is counted on the event loop of the first `run`.
    """

    def __init__(
        self,
        limits: Limits | None = None,
        functions: tuple[str, ...] = (),
        *,
        environ: Mapping[str, str] | None = None,
        pool: ThreadPool = UPLOADS,
        max_idle_s: float = MAX_IDLE_S,
    ) -> None:
        self._limits = limits or Limits()
        self._functions = functions
        self._environ = environ or {}
        self._pool = pool
        self._max_idle_s = max_idle_s
        self._lock = threading.Lock()
        self._idle: list[Child] = []
        self._leased: set[Child] = set()
        self._is_closed = False
        self._retiring: asyncio.TimerHandle | None = None

    @property
    def pids(self) -> list[int]:
        with self._lock:
            return [child.pid for child in (*self._idle, *self._leased)]

    async def run(self, work: Callable[[Child], T]) -> T:
        """Run `work` on a thread of the pool, with a child of its own.

        When the caller is cancelled its child is killed, and the thread is free when this returns. Raises what `work`
        raises; Draining once the sandbox is closed.
        """
        leased: list[Child] = []
        has_gone = threading.Event()

        def lease() -> T:
            child = self._take()
            leased.append(child)
            try:
                if has_gone.is_set():
                    child.interrupt()
                child.lease()
                return work(child)
            finally:
                self._give_back(child)

        def interrupt() -> None:
            has_gone.set()
            for child in leased:
                child.interrupt()

        try:
            return await self._pool.run_interruptible(lease, interrupt)
        finally:
            self._retire_later()

    async def aclose(self) -> None:
        """End every child, also those at work. May be called twice."""
        if self._retiring is not None:
            self._retiring.cancel()
        with self._lock:
            self._is_closed = True
            idle, self._idle = self._idle, []
            for child in self._leased:
                child.interrupt()  # the thread that leases it closes it
        await FILES.run(_close, idle)

    def _take(self) -> Child:
        """An idle child, or a new one. Raises Draining."""
        child = self._find_idle() or Child(self._limits, self._functions, self._environ)
        with self._lock:
            if not self._is_closed:
                self._leased.add(child)
                return child
        child.close()
        raise Draining("the server is shutting down and takes no new requests", retry_after_s=5)

    def _find_idle(self) -> Child | None:
        with self._lock:
            while self._idle:
                child = self._idle.pop()
                if child.is_alive:
                    return child
                child.close()  # killed from outside while it was idle
        return None

    def _give_back(self, child: Child) -> None:
        with self._lock:
            self._leased.discard(child)
            if child.is_alive and child.num_leases < MAX_LEASES and not self._is_closed:
                self._idle.append(child)
                return
        child.close()

    def _retire_later(self) -> None:
        if self._retiring is not None:
            self._retiring.cancel()
        if not self._is_closed:
            self._retiring = asyncio.get_running_loop().call_later(self._max_idle_s, self._retire)

    def _retire(self) -> None:
        with self._lock:
            idle, self._idle = self._idle, []
        _close(idle)


def _close(children: list[Child]) -> None:
    for child in children:
        child.close()
