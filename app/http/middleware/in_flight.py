"""Counts exchanges, so that a shutdown waits for them."""

from app.http.asgi import AsgiApp, Message, Receive, Send, is_probe
from app.lifecycle import Lifecycle


class InFlight:
    """Counts an HTTP exchange from its head until the app has returned, when the server has the last byte.

    Without probes. app/speech/service.py counts a WebSocket's answers, because it may stay open in silence.
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
