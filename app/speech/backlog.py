"""The text of a conversation that waits to be heard."""

import asyncio

from app.errors import TextTooLong

HARD_LIMIT_FACTOR = 4
"""A client is asked to pause at `max_chars`, and disconnected at this many times as much."""


class Backlog:
    """Counts characters that wait. Lives on the event loop."""

    def __init__(self, max_chars: int) -> None:
        self.max_chars = max_chars
        self._num_chars = 0
        self._is_full, self._has_room = asyncio.Event(), asyncio.Event()
        self._has_room.set()

    async def full(self) -> None:
        """Wait until more than `max_chars` wait."""
        await self._is_full.wait()

    async def room(self) -> None:
        await self._has_room.wait()

    def add(self, num_chars: int) -> None:
        """Negative: that many have been heard or dropped."""
        self._num_chars += num_chars
        is_full = self._num_chars > self.max_chars
        now, no_more = (self._is_full, self._has_room) if is_full else (self._has_room, self._is_full)
        now.set()
        no_more.clear()

    def clear(self) -> None:
        self.add(-self._num_chars)

    def check(self) -> None:
        """Raises TextTooLong where more waits than can be kept."""
        most = HARD_LIMIT_FACTOR * self.max_chars
        if self._num_chars > most:
            raise TextTooLong(f"more than {most} characters are waiting to be spoken: wait for what was written before")
