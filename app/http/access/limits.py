"""Limits of each caller. Lives on the event loop."""

import math
from collections.abc import Callable

from app.errors import RateLimitExceeded, TooManyConcurrentRequests
from app.http.access.callers import Caller


class TokenBucket:
    """At most `per_minute` tokens, refilled evenly."""

    def __init__(self, per_minute: int, now_s: float) -> None:
        self._per_minute = per_minute
        self._tokens = float(per_minute)
        self._counted_at_s = now_s

    def take(self, now_s: float) -> float:
        """Take a token and return 0, or return the seconds until there is one."""
        refill = (now_s - self._counted_at_s) * self._per_minute / 60
        self._tokens = min(self._tokens + refill, self._per_minute)
        self._counted_at_s = now_s
        # Rounding must not make the last refusal's wait too short.
        if self._tokens >= 1 - 1e-6:
            self._tokens -= 1
            return 0.0
        return (1 - self._tokens) * 60 / self._per_minute

    def resize(self, per_minute: int) -> None:
        self._per_minute = per_minute
        self._tokens = min(self._tokens, per_minute)


class Usage:
    def __init__(self) -> None:
        self.num_concurrent = 0
        self._bucket: TokenBucket | None = None

    def enter(self, caller: Caller, now_s: float) -> Callable[[], None]:
        """Count a request in; the returned function counts it out, once.

        Raises TooManyConcurrentRequests, which costs no token, or RateLimitExceeded.
        """
        if 0 < caller.max_concurrent <= self.num_concurrent:
            raise TooManyConcurrentRequests(
                f"{caller.max_concurrent} requests of this key are under way, which is its limit: wait for one to end"
            )
        self._take_token(caller.requests_per_minute, now_s)
        self.num_concurrent += 1
        left = False

        def leave() -> None:
            nonlocal left
            if not left:
                left = True
                self.num_concurrent -= 1

        return leave

    def _take_token(self, per_minute: int, now_s: float) -> None:
        if per_minute == 0:
            self._bucket = None
            return
        if self._bucket is None:
            self._bucket = TokenBucket(per_minute, now_s)
        self._bucket.resize(per_minute)
        if wait_s := self._bucket.take(now_s):
            raise RateLimitExceeded(
                f"this key may start {per_minute} requests a minute; the next one in {wait_s:.1f} s",
                retry_after_s=math.ceil(wait_s),
            )
