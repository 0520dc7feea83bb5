"""The base of both WebSockets: JSON messages in text frames, `error`, close codes, and the bound on a client that does
not read.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from typing import Any

import msgspec
from litestar.connection import WebSocket
from litestar.exceptions import WebSocketDisconnect

from app.errors import ChorusError, EngineFailure, InvalidField, RequestError, Unavailable
from app.http.access.middleware import sent_keys
from app.http.access.origins import origin_allowed, origin_refused
from app.http.state import AppState
from app.http.wire.errors import error_body
from app.http.wire.schemas import ErrorDetail
from app.observability.request_context import request_context

logger = logging.getLogger(__name__)

NORMAL, POLICY_VIOLATION, INTERNAL_ERROR, TRY_AGAIN_LATER = 1000, 1008, 1011, 1013
"""Close codes of RFC 6455 and of IANA's registry."""

Socket = WebSocket[Any, Any, Any]  # Any: unused types of Litestar

_encoder = msgspec.json.Encoder()


class Failed(msgspec.Struct, kw_only=True, tag="error"):
    """The last message before the server closes. `retry_after_s` where another try may go better."""

    error: ErrorDetail
    retry_after_s: int | None = None


class ClientGone(Exception):
    """The client closed, was lost, or stopped reading."""


class JsonSocket:
    """`client_timeout_s` bounds the wait for the first message, and for a client that does not read."""

    def __init__(self, socket: Socket, *, client_timeout_s: float) -> None:
        self._socket = socket
        self._client_timeout_s = client_timeout_s

    async def serve(self, work: Callable[[], Awaitable[None]]) -> None:
        """Accept the socket, do `work`, and close it; an error of `work` is told first.

        Every socket is accepted, because browsers hide the answer to a refused handshake.
        """
        await self._socket.accept()
        try:
            try:
                await work()
            except ChorusError as error:
                await self.fail(error)
            except ClientGone:
                raise
            except Exception as error:  # the socket's boundary: the client gets the error, the log the trace
                logger.error("%s failed", self._socket.scope["path"], exc_info=error)
                await self.fail(EngineFailure("the server failed on this conversation; its log has the request id"))
            else:
                await self.close(NORMAL)
        except ClientGone:
            pass

    async def receive_first(self) -> str | bytes:
        """Raises InvalidField where it does not come in time."""
        try:
            async with asyncio.timeout(self._client_timeout_s):
                return await self.receive()
        except TimeoutError:
            raise InvalidField("no first message came in time") from None

    async def receive(self) -> str | bytes:
        """The next frame. Raises ClientGone."""
        event = await self._socket.receive()
        if event["type"] == "websocket.disconnect":
            raise ClientGone
        text = event.get("text")
        return text if text is not None else event.get("bytes") or b""

    async def send(self, answer: msgspec.Struct) -> None:
        await self._in_time(lambda: self._socket.send_data(_encoder.encode(answer), mode="text"))

    async def send_bytes(self, data: bytes) -> None:
        await self._in_time(lambda: self._socket.send_data(data, mode="binary"))

    async def fail(self, error: ChorusError) -> None:
        retry_after_s = error.retry_after_s if isinstance(error, Unavailable) else None
        await self.send(Failed(error=error_body(error).error, retry_after_s=retry_after_s))
        await self.close(
            TRY_AGAIN_LATER
            if isinstance(error, Unavailable)
            else POLICY_VIOLATION
            if isinstance(error, RequestError)
            else INTERNAL_ERROR
        )

    async def close(self, code: int, reason: str | None = None) -> None:
        """`reason` has at most 123 bytes, as RFC 6455 says."""
        await self._in_time(lambda: self._socket.close(code, reason))

    async def _in_time(self, send: Callable[[], Awaitable[None]]) -> None:
        try:
            async with asyncio.timeout(self._client_timeout_s):
                await send()
        except TimeoutError:
            logger.warning("the client of %s stopped reading; giving up", self._socket.scope["path"])
            raise ClientGone from None
        except (OSError, WebSocketDisconnect):  # raised by servers and by Litestar when the client has left
            raise ClientGone from None


def decode(text: str, decoder: msgspec.json.Decoder[Any]) -> Any:
    """Raises InvalidField."""
    try:
        return decoder.decode(text)
    except (msgspec.MsgspecError, RecursionError, UnicodeError) as error:
        raise InvalidField(f"no message of this protocol: {error}") from None


async def run_until_first_ends(*work: Awaitable[None]) -> None:
    """Run all at the same time. The first to end cancels the others; its error is raised."""
    tasks = [asyncio.ensure_future(each) for each in work]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def check_site(socket: Socket, app_state: AppState) -> None:
    """Raise the error for a page of another site, or for a host name that is not this server's."""
    headers = socket.headers
    app_state.access.hosts.check(headers.getall("host", []))
    origin, fetch_site = headers.get("origin"), headers.get("sec-fetch-site")
    if not origin_allowed(origin, headers.get("host"), app_state.settings, fetch_site=fetch_site):
        raise origin_refused(origin)


def enter(socket: Socket, app_state: AppState, api_key: str | None, places: ExitStack) -> None:
    """Check the caller's key and limits, and count its conversation until `places` is closed."""
    caller = app_state.access.identify([*sent_keys(socket.headers), api_key or ""])
    request_context.get().caller = caller.name
    places.callback(app_state.access.enter(caller))
    places.enter_context(app_state.connections.conversing())
