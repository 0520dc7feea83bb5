"""Functions to await when an HTTP exchange ends, however it ends."""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from typing import Any, cast

from app.http.asgi import AsgiApp, Message, Receive, Send

_KEY = "chorus.at_end"
"""In the scope: an AsyncExitStack."""


class AtEnd:
    """Awaits the functions that `at_end` was given, once the app has returned, failed or been cancelled.

    The last one comes first. An exception of one does not keep the others from being awaited.
    """

    def __init__(self, app: AsgiApp) -> None:
        self._app = app

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        async with AsyncExitStack() as stack:
            scope[_KEY] = stack
            await self._app(scope, receive, send)


def at_end(scope: Mapping[str, Any], close: Callable[[], Awaitable[None]]) -> None:
    """Have `close` awaited when the exchange of `scope` ends, also if its response is never called."""
    cast("AsyncExitStack", scope[_KEY]).push_async_callback(close)
