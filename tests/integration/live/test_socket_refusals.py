import asyncio
import json
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from app.http.asgi import Message
from app.http.middleware.socket_refusal import SocketRefusal
from tests.support.http import check
from tests.support.live import live_caller
from tests.support.server import RunningServer


@pytest.mark.parametrize(
    "path", ["/tts/ws", "/tts", "/", "/ws", "/ws/tts/more", "/health", "/v1/realtime?model=x", "/ws%2Ftts/x"]
)
def test_a_socket_at_another_path_is_not_found_and_says_so(embedded_server: RunningServer, path: str) -> None:
    url = embedded_server.url.replace("http", "ws") + path
    with pytest.raises(InvalidStatus) as refused, connect(url, additional_headers={"X-Request-Id": "mine"}):
        pass
    response = refused.value.response
    assert response.status_code == 404
    assert response.headers["Content-Type"] == "application/json"
    assert response.headers["X-Request-Id"] == "mine"
    error = json.loads(response.body or b"")["error"]
    assert (error["code"], error["request_id"]) == ("not_found", "mine")
    assert "/ws/tts" in error["message"]


@pytest.mark.parametrize("path", ["/ws/tts", "/ws/tts/", "//ws/tts"])
def test_a_path_of_a_socket_is_found_as_one_of_a_route_is(embedded_server: RunningServer, path: str) -> None:
    with connect(embedded_server.url.replace("http", "ws") + path) as socket:
        socket.send('{"type": "start"}')
        assert json.loads(socket.recv(timeout=30))["type"] == "started"


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "DELETE"])
def test_http_at_the_path_of_a_socket_is_told_to_upgrade(embedded_server: RunningServer, method: str) -> None:
    with embedded_server.client() as client:
        answer = client.request(method, "/ws/tts")
    assert (answer.status_code, answer.headers["Upgrade"]) == (426, "websocket")
    assert "upgrade" in answer.headers["Connection"].lower()
    if method != "HEAD":
        check(answer, 426, "upgrade_required", says="ws://")


def test_a_page_that_may_not_speak_is_told_so_on_the_socket(embedded_server: RunningServer) -> None:
    """Browsers hide the answer to a refused handshake from a page, so the socket is opened and then closed."""
    with live_caller(embedded_server, origin="http://evil.example") as caller:
        assert caller.next()["error"]["code"] == "origin_not_allowed"
        assert caller.close_code() == 1008


def test_a_host_that_cannot_answer_with_a_status_is_told_to_close() -> None:
    sent: list[Message] = []

    async def app(*_: Any) -> None:
        raise AssertionError("no such WebSocket")

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": "websocket", "path": "/nowhere", "headers": []}
    asyncio.run(SocketRefusal(app, ["/ws/tts"])(scope, receive, send))  # type: ignore[arg-type]
    assert sent == [{"type": "websocket.close"}]
