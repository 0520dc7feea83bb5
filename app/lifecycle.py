"""The server's life: loading, ok, draining, failed; times of the start's stages; what is in flight.

Knows no engine and no HTTP. Lives on the event loop.
"""

import asyncio
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from enum import StrEnum

from app.errors import ChorusError, Draining, EngineFailure, EngineNotReady


class Status(StrEnum):
    LOADING = "loading"
    OK = "ok"
    DRAINING = "draining"
    FAILED = "failed"


_is_taken: ContextVar[bool] = ContextVar("is_taken", default=False)
"""True in an exchange that is counted and began before draining did: its further work is not refused."""


class Lifecycle:
    """`restored_s`: the stages that came out of a snapshot, and what they took when it was made."""

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, *, restored_s: Mapping[str, float] | None = None
    ) -> None:
        self._clock = clock
        self._born_at_s = clock()
        self._idle = asyncio.Event()
        self._idle.set()
        self.status = Status.LOADING
        self.failure: ChorusError | None = None
        self.num_in_flight = 0
        """exchanges whose last byte is not sent, and answers of conversations that are not spoken to their end"""
        self.has_started = False
        self.stages_s: dict[str, float] = {}
        self.restored_s = restored_s

    @property
    def uptime_s(self) -> float:
        return self._clock() - self._born_at_s

    @contextmanager
    def stage(self, name: str) -> Generator[None]:
        """Time one stage of the start, on any thread. Raises Draining during a shutdown."""
        self.check_start()
        began_at_s = self._clock()
        yield
        # A new dictionary, because another thread may be reading the old one.
        self.stages_s = {**self.stages_s, name: self._clock() - began_at_s}

    def is_ready(self) -> None:
        if self.status is Status.LOADING:
            self.status, self.has_started = Status.OK, True

    def has_failed(self, failure: ChorusError) -> None:
        self.status, self.failure = Status.FAILED, failure

    def check_start(self) -> None:
        """Raise Draining once the server shuts down. Called on any thread, between the steps of a start."""
        if self.status is Status.DRAINING:
            raise Draining("the server is shutting down: its start is given up")

    def check(self) -> None:
        """Raise the error that a new request gets, unless the server takes requests.

        An exchange that began before draining passes: it is waited for, so its work must be taken.
        """
        match self.status:
            case Status.LOADING:
                raise EngineNotReady("the engine is still loading; /health shows how far it is", retry_after_s=2)
            case Status.DRAINING if not _is_taken.get():
                raise Draining("the server is shutting down and takes no new requests", retry_after_s=5)
            case Status.FAILED:
                raise EngineFailure(f"the engine has failed: {self.failure}")
            case Status.OK | Status.DRAINING:
                return

    @contextmanager
    def exchange(self, *, is_counted: bool) -> Generator[None]:
        """Count an exchange in for the length of the block; `is_counted` false for one that nothing waits for."""
        is_taken = is_counted and self.status is Status.OK
        # Set for every exchange: the next one of a connection may run in a copy of the last one's context.
        _is_taken.set(False)
        leave = self.enter() if is_counted else None
        _is_taken.set(is_taken)
        try:
            yield
        finally:
            if leave is not None:
                leave()

    def enter(self) -> Callable[[], None]:
        """Count an answer in and return the function that counts it out, once however often it is called.

        Inside an exchange that is counted already, nothing more is counted.
        """
        if _is_taken.get():
            return _leave_nothing
        self.num_in_flight += 1
        self._idle.clear()
        left = False

        def leave() -> None:
            nonlocal left
            if not left:
                left = True
                self.num_in_flight -= 1
                if self.num_in_flight == 0:
                    self._idle.set()

        return leave

    async def drain(self, timeout_s: float) -> bool:
        """Take no new request and wait for those in flight. False when some are left after `timeout_s`."""
        self.status = Status.DRAINING
        try:
            async with asyncio.timeout(timeout_s):
                await self._idle.wait()
        except TimeoutError:
            return False
        return True


def _leave_nothing() -> None:
    pass
