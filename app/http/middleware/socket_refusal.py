"""404 with the common error body for a WebSocket handshake at an unknown path.

Litestar closes such a handshake, which servers turn into an empty 403 that looks like a wrong key.
"""

import re
from collections.abc import Collection

import msgspec
from litestar.utils import normalize_path

from app.errors import MAX_QUOTED_CHARS, shortened
from app.http.asgi import AsgiApp, Message, Receive, Send
from app.http.wire.errors import error_response
from app.observability.request_context import request_context

_PARAMETER = re.compile(r"{(\w+):\w+}")


class SocketRefusal:
    """Wraps an ASGI app that has WebSockets at `paths` only, which may have parameters such as `{voice_id:str}`.

    Hosts without ASGI's extension `websocket.http.response` answer 403 without a body.
    """

    def __init__(self, app: AsgiApp, paths: Collection[str]) -> None:
        self._app = app
        self._paths = [_PARAMETER.sub(r"{\1}", path) for path in paths]
        self._known = re.compile("|".join(_PARAMETER.sub("[^/]+", path) for path in paths))

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "websocket" or self._known.fullmatch(normalize_path(scope["path"])):
            await self._app(scope, receive, send)
            return
        await receive()  # websocket.connect
        if "websocket.http.response" not in scope.get("extensions", {}):
            await send({"type": "websocket.close"})
            return
        path = shortened(scope["path"], MAX_QUOTED_CHARS)
        message = f"no WebSocket at {path}; this server has one at {', '.join(self._paths)}"
        headers = [(b"content-type", b"application/json"), (b"x-request-id", request_context.get().request_id.encode())]
        await send({"type": "websocket.http.response.start", "status": 404, "headers": headers})
        body = msgspec.json.encode(error_response(404, "not_found", message).content)
        await send({"type": "websocket.http.response.body", "body": body})
