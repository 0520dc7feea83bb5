"""The server's life: loading, ok, draining, failed; how long each stage of the start took; what is in flight.

Knows no engine and no HTTP. Lives on the event loop.
"""

import asyncio
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from enum import StrEnum

from app.errors import ChorusError, Draining, EngineFailure, EngineNotReady


class Status(StrEnum):
    LOADING = "loading"
    OK = "ok"
    DRAINING = "draining"
    FAILED = "failed"


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
        self.stages_s: dict[str, float] = {}
        self.restored_s = restored_s

    @property
    def uptime_s(self) -> float:
        return self._clock() - self._born_at_s

    @contextmanager
    def stage(self, name: str) -> Generator[None]:
        """Time one stage of the start, on whichever thread."""
        began_at_s = self._clock()
        yield
        # A new dictionary, because another thread may be reading the old one.
        self.stages_s = {**self.stages_s, name: self._clock() - began_at_s}

    def is_ready(self) -> None:
        if self.status is Status.LOADING:
            self.status = Status.OK

    def has_failed(self, failure: ChorusError) -> None:
        self.status, self.failure = Status.FAILED, failure

    def check(self) -> None:
        """Raise what a new request must be told, unless the server takes requests."""
        match self.status:
            case Status.LOADING:
                raise EngineNotReady("the engine is still loading; /health shows how far it is", retry_after_s=2)
            case Status.DRAINING:
                raise Draining("the server is shutting down and takes no new requests", retry_after_s=5)
            case Status.FAILED:
                raise EngineFailure(f"the engine has failed: {self.failure}")
            case Status.OK:
                return

    def enter(self) -> Callable[[], None]:
        """Count a request in; what comes back counts it out, once however often it is called."""
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
