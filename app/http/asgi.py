"""What surrounds each exchange: its request id, its line in the log, its end, and a client that may go quiet.

Plain ASGI around the whole app, because Litestar's middleware does not see errors of routing.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any

from app.http.context import caller_name, facts_of, new_request_id, open_facts, request_id
from app.tracing import NO_SPAN, NO_TRACER, Span, Tracer

# ASGI's messages are dictionaries of mixed values; Litestar's own types for them differ from uvicorn's.
Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
AsgiApp = Callable[[Message, Receive, Send], Awaitable[None]]
OnEnd = Callable[[str, str, float], None]
"""Hears of an exchange: its route's template, its status, the seconds it took."""

logger = logging.getLogger("app.access")

_PROBES = ("/health", "/metrics")
UNKNOWN_ROUTE = "other"
ABORTED = "aborted"
DISCONNECT: Message = {"type": "http.disconnect"}


class Exchange:
    """Wraps an ASGI app. `client_timeout_s` bounds each wait for the client, in either direction.

    Each answer, errors too, says which request it was and which `instance` of several servers gave it.

    `http.disconnect` is reported in three cases: the client left, the client stopped reading, and the answer is
    complete. The last is for hosts that never say so: a streaming response would wait for it for ever.

    `on_end` hears of every exchange but the probes'. Its status is "aborted" where the client left before it was told
    one, and where the body that followed it broke off.

    `tracer` gets a span of every exchange but the probes', around all that is done for it.
    """

    def __init__(
        self,
        app: AsgiApp,
        *,
        client_timeout_s: float,
        instance: str = "-",
        on_end: OnEnd | None = None,
        tracer: Tracer = NO_TRACER,
    ) -> None:
        self._app = app
        self._instance_header = (b"x-chorus-instance", instance.encode())
        self._client_timeout_s = client_timeout_s
        self._on_end = on_end
        self._tracer = tracer

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        sent_id = next((value for name, value in scope["headers"] if name == b"x-request-id"), b"")
        request_id.set(new_request_id(sent_id.decode("latin-1")))
        caller_name.set("")
        open_facts(scope)
        trace = NO_SPAN if _is_probe(scope["path"]) else self._tracer.request(scope["headers"])
        began_at_s = time.perf_counter()
        if scope["type"] == "websocket":
            with trace:
                await self._app(scope, receive, send)
            self._tell_socket_end(scope, trace, time.perf_counter() - began_at_s)
            return
        responding = NO_SPAN
        # HEAD is GET without its body (RFC 9110, 9.3.2); no handler needs to know.
        method = scope["method"]
        if method == "HEAD":
            scope = scope | {"method": "GET"}
        over = asyncio.Event()
        body_read = False
        status = 0
        left_early = False
        complete = False

        async def guarded_receive() -> Message:
            nonlocal body_read, left_early
            arrival = asyncio.ensure_future(receive())
            ending = asyncio.ensure_future(over.wait())
            # A body must keep coming; after it, only the client's leaving is awaited, however long the answer takes.
            timeout_s = None if body_read else self._client_timeout_s
            try:
                await asyncio.wait((arrival, ending), timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
                message = DISCONNECT
                if arrival.done():
                    message = arrival.result()
                    body_read = message["type"] != "http.request" or not message.get("more_body", False)
                left_early |= status == 0 and message["type"] == "http.disconnect"
                return message
            finally:
                arrival.cancel()
                ending.cancel()

        async def guarded_send(message: Message) -> None:
            nonlocal status, complete, responding
            if method == "HEAD" and message["type"] == "http.response.body":
                message["body"] = b""
            if message["type"] == "http.response.start":
                responding = trace.child("response")
                status = message["status"]
                id_header = (b"x-request-id", request_id.get().encode())
                message["headers"] = [*message["headers"], id_header, self._instance_header]
            sending = asyncio.ensure_future(send(message))
            try:
                done, _ = await asyncio.wait((sending,), timeout=self._client_timeout_s)
                if not done:
                    logger.warning("the client of %s stopped reading; giving up", scope["path"])
                    over.set()
                await sending
            finally:
                sending.cancel()
            if message["type"] == "http.response.body" and not message.get("more_body", False):
                complete = True
                responding.end()
                over.set()

        with trace:
            try:
                await self._app(scope, guarded_receive, guarded_send)
            finally:
                outcome = ABORTED if left_early or not complete else str(status)
                if outcome == ABORTED:
                    responding.fail(ABORTED)
                responding.end()
                seconds = time.perf_counter() - began_at_s
                self._tell_end(scope, trace, method=method, status=status, outcome=outcome, seconds=seconds)

    def _tell_socket_end(self, scope: Message, trace: Span, seconds: float) -> None:
        """To the log and to the trace. What was spoken is counted sentence by sentence."""
        fields = {"method": "WS", "path": scope["path"], "seconds": round(seconds, 3), **_caller(), **facts_of(scope)}
        logger.info("WS %s closed after %.3f s%s", scope["path"], seconds, _said_by(), extra={"fields": fields})
        trace.name(f"WS {scope['path']}")
        trace.set("chorus.request_id", request_id.get())

    def _tell_end(self, scope: Message, trace: Span, *, method: str, status: int, outcome: str, seconds: float) -> None:
        """To the log, to the trace and to `on_end`. `outcome` is the status, or that it was aborted."""
        # Litestar writes the template of the route it finds here; a path of the caller's making is nobody's label.
        route = scope.get("path_template", UNKNOWN_ROUTE)
        is_probe = route.startswith(_PROBES)
        path = scope["path"]
        fields = {"method": method, "path": path, "route": route, "status": status or None}
        fields |= {"aborted": outcome == ABORTED, "seconds": round(seconds, 3), **_caller(), **facts_of(scope)}
        logger.log(
            logging.DEBUG if is_probe else logging.INFO,
            "%s %s -> %s in %.3f s%s",
            *(method, path, status or "no answer", seconds, _said_by()),
            extra={"fields": fields},
        )
        trace.name(method if route == UNKNOWN_ROUTE else f"{method} {route}")
        trace.set("http.request.method", method)
        if route != UNKNOWN_ROUTE:
            trace.set("http.route", route)
        if status:
            trace.set("http.response.status_code", status)
        trace.set("chorus.request_id", request_id.get())
        if outcome == ABORTED or status >= 500:
            trace.fail(outcome)
        if self._on_end is not None and not is_probe:
            self._on_end(route, outcome, seconds)


def _is_probe(path: str) -> bool:
    """By the path, which is known before the route is."""
    return any(path == probe or path.startswith(f"{probe}/") for probe in _PROBES)


def _caller() -> dict[str, str]:
    return {"caller": caller_name.get()} if caller_name.get() else {}


def _said_by() -> str:
    return f" caller={caller_name.get()}" if caller_name.get() else ""
