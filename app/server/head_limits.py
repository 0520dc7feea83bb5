"""Bounds for a request's head, which uvicorn's fast protocol has none for: header bytes, and the time until they end.

The body has its bounds in the app: `request_max_body_size`, and the wait for each part of it in app/http/asgi.py.
"""

import asyncio
from typing import Any

import msgspec
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from app.http.context import new_request_id
from app.http.schemas import ErrorBody, ErrorDetail

MAX_HEAD_BYTES = 64 * 1024
"""As h11 has it. Looked at where a read ends inside a head, so that one read (256 KiB) may pass."""


class BoundedHeadProtocol(HttpToolsProtocol):
    """Refuses a head that is too large (431) or has not come whole `head_timeout_s` after it began (408)."""

    def __init__(self, *args: Any, head_timeout_s: float, **options: Any) -> None:  # Any: uvicorn's own, handed on
        super().__init__(*args, **options)
        self._head_timeout_s = head_timeout_s
        self._num_head_bytes = 0
        self._deadline: asyncio.TimerHandle | None = None
        self._is_in_message = self._is_in_body = False
        self._num_trailer_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if not self._is_in_message and self._deadline is None:
            self._await_head()  # empty lines before a request begin none, and must not keep the connection
        super().data_received(data)
        if self._deadline is None or self.transport.is_closing():
            return
        self._num_head_bytes += len(data)
        if self._num_head_bytes > MAX_HEAD_BYTES:
            self._refuse("431 Request Header Fields Too Large", "head_too_large", "the request's headers are too large")

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._is_in_message, self._is_in_body = True, False
        self._num_trailer_bytes = 0
        self._await_head()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Of the head, or behind a body in chunks: those are for nobody here."""
        if not self._is_in_body:
            super().on_header(name, value)
            return
        self._num_trailer_bytes += len(name) + len(value)
        if self._num_trailer_bytes > MAX_HEAD_BYTES and not self.transport.is_closing():
            self._refuse(
                "431 Request Header Fields Too Large", "head_too_large", "the request's trailers are too large"
            )

    def on_message_complete(self) -> None:
        self._is_in_message = False
        super().on_message_complete()

    def on_headers_complete(self) -> None:
        self._stop_waiting()
        self._is_in_body = True
        super().on_headers_complete()

    def _await_head(self) -> None:
        self._stop_waiting()
        self._deadline = self.loop.call_later(self._head_timeout_s, self._on_late)

    def _stop_waiting(self) -> None:
        self._num_head_bytes = 0
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _on_late(self) -> None:
        if self._num_head_bytes:
            self._refuse("408 Request Timeout", "head_timeout", "the request's headers did not come in time")
        else:
            self.transport.close()  # a connection that was opened and never used

    def _refuse(self, status: str, code: str, message: str) -> None:
        self._stop_waiting()
        request_id = new_request_id(None)
        detail = ErrorDetail(
            code=code, message=message, type="invalid_request_error", param=None, request_id=request_id
        )
        body = msgspec.json.encode(ErrorBody(error=detail))
        head = (
            f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
            f"X-Request-Id: {request_id}\r\nConnection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self.transport.close()
