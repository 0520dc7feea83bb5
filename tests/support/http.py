"""Requests of tests to a running server, and the shape of its errors."""

import json
import socket
from collections.abc import Mapping
from typing import Any

import httpx

from tests.support.server import RunningServer


def post(server: RunningServer, body: Any, path: str = "/tts") -> httpx.Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    with server.client() as client:
        return client.post(path, content=content, headers={"Content-Type": "application/json"})


def check(answer: httpx.Response, status: int, code: str, param: str | None = None, says: str = "") -> None:
    assert answer.status_code == status, answer.text
    error = answer.json()["error"]
    assert set(error) == {"code", "message", "type", "param", "request_id"}
    assert (error["code"], error["param"]) == (code, param)
    assert says in error["message"]
    assert error["request_id"] == answer.headers["X-Request-Id"]


def clone(server: RunningServer, recording: bytes, **fields: str) -> httpx.Response:
    with server.client() as client:
        return client.post(
            "/voice-clone", data={"text": "Hello there."} | fields, files={"reference_audio": ("clip.wav", recording)}
        )


def get(server: RunningServer, path: str) -> Any:
    with server.client() as client:
        return client.get(path).json()


def raw_post(
    server: RunningServer, body: dict[str, object], headers: Mapping[str, str] = {}, *, path: str = "/tts"
) -> socket.socket:
    host, port = server.url.removeprefix("http://").split(":")
    content = json.dumps(body).encode()
    connection = socket.create_connection((host, int(port)), timeout=30)
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(content)}\r\n"
    head += "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    connection.sendall(head.encode() + b"\r\n" + content)
    return connection
