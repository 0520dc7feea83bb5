"""A log line, a count and a span for each exchange."""

import logging
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from app.errors import shortened
from app.http.asgi import AsgiApp, Message, Receive, Send, is_probe
from app.observability.request_context import request_context
from app.observability.tracing import INVALID_SPAN, Span, Tracer, fail, request_span, start_span

OnEnd = Callable[[str, str, float], None]
"""template of the route, status, seconds"""

logger = logging.getLogger("app.access")

UNKNOWN_ROUTE = "other"
ABORTED = "aborted"
MAX_PATH_CHARS = 500


class AccessLog:
    """`on_end` is called for every HTTP exchange except probes.

    The status is "aborted" if the client left before one was sent, or if the body broke off. With a `tracer`, each is a
    span.
    """

    def __init__(self, app: AsgiApp, *, on_end: OnEnd | None = None, tracer: Tracer | None = None) -> None:
        self._app = app
        self._on_end = on_end
        self._tracer = tracer

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        began_at_s = time.perf_counter()
        tracing: AbstractContextManager[Span] = nullcontext(INVALID_SPAN)
        if self._tracer is not None and not is_probe(scope["path"]):
            tracing = request_span(self._tracer, scope["headers"])
        with tracing as span:
            if scope["type"] == "websocket":
                await self._app(scope, receive, send)
                _log_socket(scope, span, time.perf_counter() - began_at_s)
                return
            exchange = _Exchange(receive, send, span)
            try:
                await self._app(scope, exchange.receive, exchange.send)
            finally:
                self._report(scope, exchange, time.perf_counter() - began_at_s)

    def _report(self, scope: Message, exchange: "_Exchange", seconds: float) -> None:
        # The route's template, which Litestar writes into the scope: a caller's own path would make a label of each.
        route = scope.get("path_template", UNKNOWN_ROUTE)
        method, status, path = scope["method"], exchange.status, shortened(scope["path"], MAX_PATH_CHARS)
        is_aborted = exchange.has_left_early or not exchange.is_complete
        outcome = ABORTED if is_aborted else str(status)
        is_of_probe = route != UNKNOWN_ROUTE and is_probe(route)
        what = f"{method} {path} -> {status or 'no answer'}{' (aborted)' if is_aborted and status else ''}"
        fields = {"method": method, "path": path, "route": route, "status": status or None, "aborted": is_aborted}
        _log(logging.DEBUG if is_of_probe else logging.INFO, f"{what} in {seconds:.3f} s", seconds, fields)
        if self._on_end is not None and not is_of_probe:
            self._on_end(route, outcome, seconds)
        if exchange.span.is_recording():
            _describe(exchange, method, None if route == UNKNOWN_ROUTE else route, outcome, is_aborted=is_aborted)


class _Exchange:
    def __init__(self, receive: Receive, send: Send, span: Span) -> None:
        self.span = span
        self.responding = INVALID_SPAN
        self.status = 0
        """0 until an answer has begun"""
        self.has_left_early = False
        self.is_complete = False
        self._receive = receive
        self._send = send

    async def receive(self) -> Message:
        message = await self._receive()
        self.has_left_early |= self.status == 0 and message["type"] == "http.disconnect"
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            if self.span.is_recording():
                self.responding = start_span("response", parent=self.span)
            self.status = message["status"]
        await self._send(message)
        if message["type"] == "http.response.body" and not message.get("more_body", False):
            self.is_complete = True
            self.responding.end()


def _describe(exchange: _Exchange, method: str, route: str | None, outcome: str, *, is_aborted: bool) -> None:
    span = exchange.span
    span.update_name(f"{method} {route}" if route else method)
    span.set_attribute("http.request.method", method)
    if route:
        span.set_attribute("http.route", route)
    if exchange.status:
        span.set_attribute("http.response.status_code", exchange.status)
    span.set_attribute("chorus.request_id", request_context.get().request_id)
    if is_aborted or exchange.status >= 500:
        fail(span, outcome)
    if exchange.responding.is_recording():
        fail(exchange.responding, ABORTED)
        exchange.responding.end()


def _log_socket(scope: Message, span: Span, seconds: float) -> None:
    """The end of a WebSocket. app/http/metrics.py counts its speech by sentence."""
    path = shortened(scope["path"], MAX_PATH_CHARS)
    _log(logging.INFO, f"WS {path} closed after {seconds:.3f} s", seconds, {"method": "WS", "path": path})
    if span.is_recording():
        span.update_name(f"WS {path}")
        span.set_attribute("chorus.request_id", request_context.get().request_id)


def _log(level: int, message: str, seconds: float, fields: dict[str, Any]) -> None:
    context = request_context.get()
    caller = {"caller": context.caller} if context.caller else {}
    said_by = f" caller={context.caller}" if context.caller else ""
    fields |= {"seconds": round(seconds, 3), **caller, **context.facts}
    logger.log(level, "%s%s", message, said_by, extra={"fields": fields})
