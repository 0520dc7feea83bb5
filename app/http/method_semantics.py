"""OPTIONS and HEAD, which every route answers without a handler of its own."""

from collections.abc import Collection, Sequence

from litestar import Response, route
from litestar.enums import HttpMethod
from litestar.handlers import BaseRouteHandler, HTTPRouteHandler

from app.http.asgi import AsgiApp, Message, Receive, Send

IS_HEAD = "chorus.is_head"
"""In the scope of a GET that answers HEAD: the body is not sent, so it need not be made."""


def options_handlers(handlers: Sequence[BaseRouteHandler]) -> list[HTTPRouteHandler]:
    """One for each path. Litestar's own serves one handler of a path and forgets DELETE beside GET."""
    methods: dict[str, set[str]] = {}
    for handler in handlers:
        if isinstance(handler, HTTPRouteHandler):
            for path in handler.paths:
                methods.setdefault(path, {"OPTIONS"}).update(str(method) for method in handler.http_methods)
    return [_options_handler(path, known) for path, known in methods.items()]


def head_paths(handlers: Sequence[BaseRouteHandler]) -> set[str]:
    """Paths whose GET speaks, so HEAD has a handler of its own."""
    return {
        path
        for handler in handlers
        if isinstance(handler, HTTPRouteHandler) and HttpMethod.HEAD in handler.http_methods
        for path in handler.paths
    }


def allow(methods: set[str]) -> str:
    """The `Allow` header; HEAD wherever there is GET."""
    return ", ".join(sorted(methods | ({"HEAD"} if "GET" in methods else set())))


def _options_handler(path: str, methods: set[str]) -> HTTPRouteHandler:
    @route(path, http_method=[HttpMethod.OPTIONS], status_code=204, include_in_schema=False)
    async def options() -> Response[None]:
        return Response(None, headers={"Allow": allow(methods)})

    return options


class HeadAsGet:
    """Answers HEAD by GET without its body (RFC 9110, 9.3.2), except at `own_paths`."""

    def __init__(self, app: AsgiApp, own_paths: Collection[str] = ()) -> None:
        self._app = app
        self._own_paths = frozenset(own_paths)

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return

        async def send_head(message: Message) -> None:
            await send({**message, "body": b""} if message["type"] == "http.response.body" else message)

        if scope["path"].rstrip("/") in self._own_paths:
            await self._app(scope, receive, send_head)
            return
        as_get = {**scope, "method": "GET", IS_HEAD: True}
        try:
            await self._app(as_get, receive, send_head)
        finally:
            if "path_template" in as_get:  # written by Litestar, read by the access log
                scope["path_template"] = as_get["path_template"]
