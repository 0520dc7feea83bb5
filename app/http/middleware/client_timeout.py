"""A time limit for clients that stop sending or stop reading."""

import asyncio
import logging
from collections.abc import Callable, Iterator

from app.errors import UploadTooSlow
from app.http.asgi import DISCONNECT, AsgiApp, Message, Receive, Send

logger = logging.getLogger(__name__)

MAX_PIECE_BYTES = 64 * 1024
"""Servers buffer what they are sent, so longer bodies are sent in pieces, each with its own wait."""


BEFORE_LAST_PIECE = "chorus.before_last_piece"
"""In the scope: functions to call just before the last bytes of the answer are sent.

After them a client may send its next request before the app's `finally` blocks have run.
"""


class ClientStalled(OSError):
    """The client has not taken a piece of the answer in time."""


class ClientTimeout:
    """Bounds each wait for the client of an HTTP exchange by `seconds`, in both directions.

    If the body stops coming before the answer has begun, `receive` raises UploadTooSlow, so that the client gets a
    status. The app receives `http.disconnect` when the client left or stalled, and when the answer is complete, because
    some servers never report that. An app that sends its last body message no longer receives, so `send` raises
    ClientStalled there.
    """

    def __init__(self, app: AsgiApp, *, seconds: float) -> None:
        self._app = app
        self._seconds = seconds

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        exchange = _Exchange(scope["path"], receive, send, self._seconds)
        scope[BEFORE_LAST_PIECE] = exchange.before_last_piece
        try:
            await self._app(scope, exchange.receive, exchange.send)
        except Exception:
            if not exchange.is_stalled:
                raise
            logger.debug("the answer broke off with its client", exc_info=True)


class _Exchange:
    def __init__(self, path: str, receive: Receive, send: Send, seconds: float) -> None:
        self._path = path
        self._receive = receive
        self._send = send
        self._seconds = seconds
        self._is_over = asyncio.Event()
        self._is_body_read = False
        self._has_status = False
        self.is_stalled = False
        self.before_last_piece: list[Callable[[], None]] = []

    async def receive(self) -> Message:
        if self._is_over.is_set():
            return DISCONNECT
        message = await (self._until_over() if self._is_body_read else self._in_time())
        self._is_body_read |= message["type"] != "http.request" or not message.get("more_body", False)
        return message

    async def _in_time(self) -> Message:
        try:
            async with asyncio.timeout(self._seconds):
                return await self._receive()
        except TimeoutError:
            if self._has_status:
                return DISCONNECT
            raise UploadTooSlow(
                f"nothing more of the body came for {self._seconds:g} s (CHORUS_CLIENT_TIMEOUT_S)"
            ) from None

    async def _until_over(self) -> Message:
        """After the body only the client's leaving is awaited, without a limit."""
        arrival = asyncio.ensure_future(self._receive())
        ending = asyncio.ensure_future(self._is_over.wait())
        try:
            await asyncio.wait((arrival, ending), return_when=asyncio.FIRST_COMPLETED)
            return arrival.result() if arrival.done() else DISCONNECT
        finally:
            arrival.cancel()
            ending.cancel()

    async def send(self, message: Message) -> None:
        self._has_status = True
        is_last = message["type"] == "http.response.body" and not message.get("more_body", False)
        for piece, has_last_bytes in _pieces(message):
            if is_last and has_last_bytes:
                for call in self.before_last_piece:
                    call()
            await self._send_in_time(piece, is_last=is_last)
        if is_last:
            self._is_over.set()

    async def _send_in_time(self, message: Message, *, is_last: bool) -> None:
        """Without a task: a piece that the server takes at once is sent in the same turn of the loop."""
        try:
            async with asyncio.timeout(self._seconds):
                await self._send(message)
            return
        except TimeoutError:
            logger.warning("the client of %s stopped reading; giving up", self._path)
        self.is_stalled = True
        self._is_over.set()
        if is_last:
            raise ClientStalled
        await self._send(message)  # until the disconnect that is received now cancels the app's task


def _pieces(message: Message) -> Iterator[tuple[Message, bool]]:
    """A long body in pieces, each with True at the last bytes, and an empty piece behind a body that ends.

    A server waits before it takes a piece until the previous one has left its memory; the empty piece adds that wait.
    """
    body = message.get("body", b"")
    if not body:
        yield message, True
        return
    for at in range(0, len(body), MAX_PIECE_BYTES):
        piece = {**message, "body": body[at : at + MAX_PIECE_BYTES], "more_body": True}
        yield piece, at + MAX_PIECE_BYTES >= len(body)
    if not message.get("more_body", False):
        yield {**message, "body": b"", "more_body": False}, False
