"""Counts exchanges, so that a shutdown waits for them."""

from app.http.asgi import AsgiApp, Message, Receive, Send, is_probe
from app.lifecycle import Lifecycle


class InFlight:
    """An HTTP exchange is in flight from its head until the app has returned: the last byte is with the server then.

    Probes are not counted. A WebSocket is counted answer by answer, in app/speech/service.py, because it may stay open
    without speaking.
    """

    def __init__(self, app: AsgiApp, lifecycle: Lifecycle) -> None:
        self._app = app
        self._lifecycle = lifecycle

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        with self._lifecycle.exchange(is_counted=scope["type"] == "http" and not is_probe(scope["path"])):
            await self._app(scope, receive, send)
