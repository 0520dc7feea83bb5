"""Limit of open conversations over WebSockets and Wyoming. Lives on the event loop."""

from collections.abc import Generator
from contextlib import contextmanager

from app.errors import Unavailable


class Connections:
    """Counts connections from the moment they are accepted.

    At most `limit` hold a conversation. Half as many more may be silent, so that these take no place from
    conversations.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.max_silent = (limit + 1) // 2
        self.num_conversing = 0
        self.num_silent = 0

    @property
    def num_open(self) -> int:
        return self.num_conversing + self.num_silent

    @contextmanager
    def connected(self) -> Generator[None]:
        """Count a connection during the block. Raises Unavailable."""
        if self.num_silent >= self.max_silent:
            raise Unavailable(
                f"{self.num_silent} connections are open that have asked for nothing yet, which is the limit "
                "(half of CHORUS_MAX_SOCKETS)"
            )
        self.num_silent += 1
        try:
            yield
        finally:
            self.num_silent -= 1

    @contextmanager
    def conversing(self) -> Generator[None]:
        """Inside `connected`: count the connection as one with a conversation instead. Raises Unavailable."""
        if self.num_conversing >= self.limit:
            raise Unavailable(f"{self.num_conversing} conversations are open, which is the limit (CHORUS_MAX_SOCKETS)")
        self.num_conversing += 1
        self.num_silent -= 1
        try:
            yield
        finally:
            self.num_conversing -= 1
            self.num_silent += 1
