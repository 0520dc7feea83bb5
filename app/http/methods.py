"""HTTP methods that every route has without a handler of its own: OPTIONS. (HEAD is in app/http/middleware/head.py.)"""

from collections.abc import Sequence

from litestar import Response, route
from litestar.enums import HttpMethod
from litestar.handlers import BaseRouteHandler, HTTPRouteHandler


def options_handlers(handlers: Sequence[BaseRouteHandler]) -> list[HTTPRouteHandler]:
    """One for each path. Litestar has its own, which knows one handler of a path only: it forgets DELETE beside GET."""
    methods: dict[str, set[str]] = {}
    for handler in handlers:
        if isinstance(handler, HTTPRouteHandler):
            for path in handler.paths:
                methods.setdefault(path, {"OPTIONS"}).update(str(method) for method in handler.http_methods)
    return [_options_handler(path, known) for path, known in methods.items()]


def head_paths(handlers: Sequence[BaseRouteHandler]) -> set[str]:
    """Paths with a handler of their own for HEAD, because their GET speaks."""
    return {
        path
        for handler in handlers
        if isinstance(handler, HTTPRouteHandler) and HttpMethod.HEAD in handler.http_methods
        for path in handler.paths
    }


def allow(methods: set[str]) -> str:
    """The `Allow` header: where there is GET there is HEAD."""
    return ", ".join(sorted(methods | ({"HEAD"} if "GET" in methods else set())))


def _options_handler(path: str, methods: set[str]) -> HTTPRouteHandler:
    @route(path, http_method=[HttpMethod.OPTIONS], status_code=204, include_in_schema=False)
    async def options() -> Response[None]:
        return Response(None, headers={"Allow": allow(methods)})

    return options
