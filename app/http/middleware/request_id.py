"""The id of an exchange, for log lines, errors and each answer's headers."""

from app.http.asgi import AsgiApp, Message, Receive, Send
from app.observability.request_context import RequestContext, new_request_id, request_context


class RequestId:
    """Opens the context of an exchange. Each HTTP answer names the request and the server's `instance`."""

    def __init__(self, app: AsgiApp, instance: str) -> None:
        self._app = app
        self._instance = instance

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        sent_id = next((value for name, value in scope["headers"] if name == b"x-request-id"), b"")
        request_id = new_request_id(sent_id.decode("latin-1"))
        # A server may run the next exchange of a connection in a copy of the last one's context.
        request_context.set(RequestContext(request_id=request_id, instance=self._instance))

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                ids = ((b"x-request-id", request_id.encode()), (b"x-chorus-instance", self._instance.encode()))
                message["headers"] = [*message["headers"], *ids]
            await send(message)

        await self._app(scope, receive, send_with_id)
