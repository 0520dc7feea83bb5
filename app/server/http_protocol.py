"""uvicorn's h11 protocol with a time limit for a request's head and the common body for its errors.

h11 bounds the size of heads, trailers and chunk headers, and parses a request only after the answer to the last one.
The app bounds the body: its size, and in app/http/middleware/client_timeout.py the wait for each part of it.
"""

import asyncio
from typing import Any

import h11
import msgspec
from uvicorn.protocols.http.h11_impl import H11Protocol

from app.http.wire.schemas import ErrorBody, ErrorDetail
from app.observability.request_context import new_request_id
from app.server.stalled_writes import StalledWriteGuard

MAX_HEAD_BYTES = 64 * 1024
"""Checked when a read ends inside a head, so that one read (256 KiB) may pass."""
EMPTY_LINES = b"\r\n"

_REFUSALS = {
    400: (
        "400 Bad Request",
        "invalid_request",
        "this is not a valid HTTP/1.1 request; an address has no blanks and no characters "
        "beyond ASCII: percent-encode them",
    ),
    408: ("408 Request Timeout", "head_timeout", "the request's headers did not come in time"),
    431: ("431 Request Header Fields Too Large", "head_too_large", "the request's headers are too large"),
    501: ("501 Not Implemented", "unsupported_transfer_encoding", "bodies come with a length or in chunks"),
    505: ("505 HTTP Version Not Supported", "unsupported_http_version", "this server speaks HTTP/1.1 and HTTP/1.0"),
}


class _Connection(h11.Connection):
    """Refuses what proxies and servers are known to read differently, and keeps the fault that ended the parsing."""

    fault: h11.RemoteProtocolError | None = None

    def next_event(self) -> h11.Event | type[h11.NEED_DATA] | type[h11.PAUSED]:
        try:
            event = super().next_event()
            return _checked(event) if isinstance(event, h11.Request) else event
        except h11.RemoteProtocolError as fault:
            self.fault = fault
            raise


def _checked(request: h11.Request) -> h11.Request:
    """The request with the path alone as its target. Raises RemoteProtocolError."""
    if request.http_version not in (b"1.0", b"1.1"):
        raise h11.RemoteProtocolError("unknown version", error_status_hint=505)
    names = {name for name, _ in request.headers}
    if b"transfer-encoding" in names and (b"content-length" in names or request.http_version == b"1.0"):
        raise h11.RemoteProtocolError("the end of the body is ambiguous")  # RFC 9112, 6.1
    scheme, separator, rest = request.target.partition(b"://")
    if not separator or scheme.lower() not in (b"http", b"https"):
        return request
    _, slash, path = rest.partition(b"/")  # the absolute form, which servers must accept too
    return h11.Request(
        method=request.method, target=slash + path or b"/", headers=request.headers, http_version=request.http_version
    )


class BoundedHttpProtocol(StalledWriteGuard, H11Protocol):
    """A head must be complete `head_timeout_s` after its first byte, or after the connection was opened.

    The timer runs only while a request is awaited, never while an answer is under way.
    """

    def __init__(self, *args: Any, head_timeout_s: float, **options: Any) -> None:  # Any: uvicorn's own
        super().__init__(*args, **options)
        self.conn = _Connection(h11.SERVER, MAX_HEAD_BYTES)
        self._head_timeout_s = head_timeout_s
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self.conn.their_state in (h11.MUST_CLOSE, h11.CLOSED, h11.ERROR):
            return
        if self.conn.their_state in (h11.IDLE, h11.DONE) and not self._unparsed:
            # RFC 9112, 2.2 skips empty lines before a request; h11 does not.
            data = data.lstrip(EMPTY_LINES)
            if self.conn.their_state is h11.IDLE:
                self._await_head()  # empty lines alone must not keep a connection open
            if not data:
                return
        super().data_received(data)
        self._watch_head()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._watch_head()

    def handle_events(self) -> None:
        if self.conn.their_state is h11.IDLE and self._unparsed.startswith((b"\r", b"\n")):
            # Empty lines that came in one packet with the last request; a new parser starts behind them.
            rest = self._unparsed.lstrip(EMPTY_LINES)
            self.conn = _Connection(h11.SERVER, MAX_HEAD_BYTES)
            if rest:  # h11 takes no bytes for the end of the connection
                self.conn.receive_data(rest)
        super().handle_events()

    def send_400_response(self, msg: str) -> None:
        """uvicorn calls it for every fault of the request."""
        fault = self.conn.fault
        self._refuse(400 if fault is None else fault.error_status_hint)

    @property
    def _unparsed(self) -> bytes:
        return self.conn.trailing_data[0]

    def _watch_head(self) -> None:
        if self.conn.their_state is not h11.IDLE:
            self._stop_waiting()
        elif self._unparsed:
            self._await_head()

    def _await_head(self) -> None:
        if self._deadline is None:
            self._deadline = self.loop.call_later(self._head_timeout_s, self._on_late)

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _on_late(self) -> None:
        if self._unparsed:
            self._refuse(408)
        else:
            self.transport.close()  # a connection that was opened and never used

    def _refuse(self, status: int) -> None:
        """Answer with an error and close; only close where an answer has begun, which must not hold these bytes."""
        self._stop_waiting()
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            self.transport.write(_refusal(status))
        self.transport.close()


def _refusal(status: int) -> bytes:
    status_line, code, message = _REFUSALS.get(status, _REFUSALS[400])
    request_id = new_request_id(None)
    detail = ErrorDetail(code=code, message=message, type="invalid_request_error", param=None, request_id=request_id)
    body = msgspec.json.encode(ErrorBody(error=detail))
    head = (
        f"HTTP/1.1 {status_line}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        f"X-Request-Id: {request_id}\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + body
