"""HEAD on every GET route."""

from collections.abc import Collection

from app.http.asgi import AsgiApp, Message, Receive, Send


class HeadAsGet:
    """HEAD is GET without its body (RFC 9110, 9.3.2); no handler needs to know.

    `own_paths` have a handler for HEAD, because their GET speaks.
    """

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
        as_get = {**scope, "method": "GET"}
        try:
            await self._app(as_get, receive, send_head)
        finally:
            if "path_template" in as_get:  # written by Litestar, read by the access log
                scope["path_template"] = as_get["path_template"]
