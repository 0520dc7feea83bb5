"""One client's socket: events in, with bounds on their size and time, and events out."""

import asyncio
from contextlib import suppress

from wyoming.event import Event, Eventable, async_read_event, async_write_event

from app.errors import InvalidField

MAX_EVENT_BYTES = 1024 * 1024
LINGER_S = 1.0
"""Seconds in which a client that is still sending may read why it is refused."""


class BoundedReader:
    """Reader for the wyoming package: no more than MAX_EVENT_BYTES, whatever length an event claims.

    An event that has begun must come to its end in `timeout_s`; `Connection` bounds the wait for its beginning.
    """

    def __init__(self, reader: asyncio.StreamReader, timeout_s: float) -> None:
        self._reader = reader
        self._timeout_s = timeout_s

    def at_end(self) -> bool:
        return self._reader.at_eof()

    async def discard(self) -> None:
        """Read to the client's end."""
        while await self._reader.read(MAX_EVENT_BYTES):
            pass

    async def readline(self) -> bytes:
        first = await self._reader.read(1)
        if first in (b"", b"\n"):
            return first
        async with asyncio.timeout(self._timeout_s):
            return first + await self._reader.readline()

    async def readexactly(self, num_bytes: int) -> bytes:
        if num_bytes > MAX_EVENT_BYTES:
            raise InvalidField(f"an event may hold {MAX_EVENT_BYTES} bytes, not {num_bytes}")
        async with asyncio.timeout(self._timeout_s):
            return await self._reader.readexactly(num_bytes)


class Connection:
    def __init__(self, reader: BoundedReader, writer: asyncio.StreamWriter, client_timeout_s: float) -> None:
        self._reader = reader
        self._writer = writer
        self._client_timeout_s = client_timeout_s
        self._ahead: asyncio.Task[Event | None] | None = None
        """the next event, where a task has begun to read it"""

    async def read(self) -> Event | None:
        """None at the end. Raises EOFError within an event, TimeoutError where none begins in `client_timeout_s`."""
        ahead, self._ahead = self._ahead, None
        async with asyncio.timeout(self._client_timeout_s):
            return await (ahead or self._read())

    async def unless_closed(self, work: asyncio.Future[None]) -> None:
        """Wait for `work`. Raises EOFError as soon as the client closes; another event is kept for `read`."""
        self._ahead = self._ahead or asyncio.create_task(self._read())
        await asyncio.wait((work, self._ahead), return_when=asyncio.FIRST_COMPLETED)
        if not work.done() and self._ahead.result() is None:
            raise EOFError("closed before all was spoken")
        await work

    async def write(self, event: Eventable | Event) -> None:
        written = event if isinstance(event, Event) else event.event()
        async with asyncio.timeout(self._client_timeout_s):
            await async_write_event(written, self._writer)

    async def linger(self) -> None:
        """End the answer, and discard for LINGER_S what the client is still sending.

        A socket that is closed with unread bytes is reset, and the client loses the last event.
        """
        if self._ahead is not None:
            self._ahead.cancel()
            await asyncio.wait((self._ahead,))
        self._writer.write_eof()
        with suppress(TimeoutError):
            async with asyncio.timeout(LINGER_S):
                await self._reader.discard()

    def close(self) -> None:
        if self._ahead is not None and not self._ahead.cancel() and not self._ahead.cancelled():
            self._ahead.exception()  # marks the exception as retrieved
        self._writer.close()

    async def _read(self) -> Event | None:
        wrong = InvalidField("no Wyoming event: a line of JSON with a type, and data that is an object")
        try:
            event = await async_read_event(self._reader)  # type: ignore[arg-type] - all that it calls is there
        except (KeyError, TypeError, AttributeError, RecursionError):
            raise wrong from None
        if event is None and not self._reader.at_end():  # what the package could not read
            raise wrong
        return event
