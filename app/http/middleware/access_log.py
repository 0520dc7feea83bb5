"""One line in the log, one count and one span for each exchange."""

import logging
import time
from collections.abc import Callable

from app.errors import shortened
from app.http.asgi import AsgiApp, Message, Receive, Send, is_probe
from app.observability.request_context import caller_name, facts_of, request_id
from app.observability.tracing import NO_SPAN, NO_TRACER, Span, Tracer

OnEnd = Callable[[str, str, float], None]
"""(template of the route, status, seconds) of an exchange that has ended"""

logger = logging.getLogger("app.access")

UNKNOWN_ROUTE = "other"
ABORTED = "aborted"
MAX_PATH_CHARS = 500
"""Characters of a path in a line of the log, whose formatter escapes what is not printable."""


class AccessLog:
    """`on_end` is called for every HTTP exchange but the probes'.

    Its status is "aborted" where the client left before a status was sent, and where the body broke off. `tracer` gets
    a span of every exchange but the probes', around all that is done for it.
    """

    def __init__(self, app: AsgiApp, *, on_end: OnEnd | None = None, tracer: Tracer = NO_TRACER) -> None:
        self._app = app
        self._on_end = on_end
        self._tracer = tracer

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        trace = NO_SPAN if is_probe(scope["path"]) else self._tracer.request(scope["headers"])
        began_at_s = time.perf_counter()
        if scope["type"] == "websocket":
            with trace:
                await self._app(scope, receive, send)
            _log_socket(scope, trace, time.perf_counter() - began_at_s)
            return
        exchange = _Exchange(scope["method"], receive, send, trace)
        with trace:
            try:
                await self._app(scope, exchange.receive, exchange.send)
            finally:
                exchange.end()
                self._report(scope, trace, exchange, time.perf_counter() - began_at_s)

    def _report(self, scope: Message, trace: Span, exchange: "_Exchange", seconds: float) -> None:
        # Litestar writes the template of the route into the scope. A path of the caller's making is no label.
        route = scope.get("path_template", UNKNOWN_ROUTE)
        is_of_probe = route != UNKNOWN_ROUTE and is_probe(route)
        method, status, path = exchange.method, exchange.status, shortened(scope["path"], MAX_PATH_CHARS)
        fields = {"method": method, "path": path, "route": route, "status": status or None}
        fields |= {"aborted": exchange.is_aborted, "seconds": round(seconds, 3), **_caller(), **facts_of(scope)}
        logger.log(
            logging.DEBUG if is_of_probe else logging.INFO,
            "%s %s -> %s%s in %.3f s%s",
            *(method, path, status or "no answer", " (aborted)" if exchange.is_aborted and status else ""),
            *(seconds, _said_by()),
            extra={"fields": fields},
        )
        trace.name(method if route == UNKNOWN_ROUTE else f"{method} {route}")
        trace.set("http.request.method", method)
        if route != UNKNOWN_ROUTE:
            trace.set("http.route", route)
        if status:
            trace.set("http.response.status_code", status)
        trace.set("chorus.request_id", request_id.get())
        if exchange.is_aborted or status >= 500:
            trace.fail(exchange.outcome)
        if self._on_end is not None and not is_of_probe:
            self._on_end(route, exchange.outcome, seconds)


class _Exchange:
    """Follows the messages of one exchange."""

    def __init__(self, method: str, receive: Receive, send: Send, trace: Span) -> None:
        self.method = method
        self.status = 0
        """0 until an answer has begun"""
        self._receive = receive
        self._send = send
        self._trace = trace
        self._responding: Span = NO_SPAN
        self._has_left_early = False
        self._is_complete = False

    @property
    def is_aborted(self) -> bool:
        return self._has_left_early or not self._is_complete

    @property
    def outcome(self) -> str:
        return ABORTED if self.is_aborted else str(self.status)

    async def receive(self) -> Message:
        message = await self._receive()
        self._has_left_early |= self.status == 0 and message["type"] == "http.disconnect"
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._responding = self._trace.child("response")
            self.status = message["status"]
        await self._send(message)
        if message["type"] == "http.response.body" and not message.get("more_body", False):
            self._is_complete = True
            self._responding.end()

    def end(self) -> None:
        if self.is_aborted:
            self._responding.fail(ABORTED)
        self._responding.end()


def _log_socket(scope: Message, trace: Span, seconds: float) -> None:
    """The end of a WebSocket. Its speech is counted sentence by sentence, in app/http/metrics.py."""
    path = shortened(scope["path"], MAX_PATH_CHARS)
    fields = {"method": "WS", "path": path, "seconds": round(seconds, 3), **_caller(), **facts_of(scope)}
    logger.info("WS %s closed after %.3f s%s", path, seconds, _said_by(), extra={"fields": fields})
    trace.name(f"WS {path}")
    trace.set("chorus.request_id", request_id.get())


def _caller() -> dict[str, str]:
    return {"caller": caller_name.get()} if caller_name.get() else {}


def _said_by() -> str:
    return f" caller={caller_name.get()}" if caller_name.get() else ""
