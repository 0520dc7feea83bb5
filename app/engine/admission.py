"""Admission: how many requests an engine takes in before it says no.

Knows counts and times. Lives on the event loop, so that a caller who cannot be served hears it at once.
"""

from app.engine.scheduler import Work
from app.errors import QueueFull


class Admission:
    """Requests that are being spoken or wait; at most `max_admitted`. Times in seconds."""

    def __init__(self, *, max_admitted: int) -> None:
        self.max_admitted = max_admitted
        self._admitted: list[Work] = []

    @property
    def num_admitted(self) -> int:
        return len(self._admitted)

    @property
    def num_waiting(self) -> int:
        """Admitted, with no segment started yet."""
        return sum(work.started_at_s is None for work in self._admitted)

    def admit(self, num_segments: int, now_s: float) -> Work:
        """Take a request in, or raise QueueFull with the time after which a place should be free."""
        if len(self._admitted) >= self.max_admitted:
            raise QueueFull(
                f"{len(self._admitted)} requests are being spoken or waiting; try again in a moment",
                retry_after_s=self._retry_after_s(now_s),
            )
        work = Work.of(num_segments, now_s)
        self._admitted.append(work)
        return work

    def release(self, work: Work) -> None:
        """Forget a request: done, failed or cancelled. May be called twice."""
        if work in self._admitted:
            self._admitted.remove(work)

    def _retry_after_s(self, now_s: float) -> int:
        # Half the age of the oldest request: places come free about as often as they were taken.
        oldest_s = max((now_s - work.admitted_at_s for work in self._admitted), default=0.0)
        return max(1, min(30, round(oldest_s / 2)))
