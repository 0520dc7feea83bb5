"""Exchanges that clients' own packages produced, sent again: `exchanges/NAME.json`, one file for each client.

An exchange is a request as it left the package (`request`, `headers`, `body`), with the status and media type that the
package could use. A socket is the messages of one context as they left the package (`sent`).
"""

import json
import re
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.sync.client import connect

from tests.support.elevenlabs import StreamCaller
from tests.support.server import RunningServer

CLIENTS = {
    path.stem: json.loads(path.read_text()) for path in sorted((Path(__file__).parent / "exchanges").glob("*.json"))
}
EXCHANGES = [
    pytest.param(exchange, id=f"{name}: {exchange['request']} {exchange['status']}")
    for name, client in CLIENTS.items()
    for exchange in client["exchanges"]
]
SOCKETS = [
    pytest.param(socket, id=f"{name}: {socket['socket']}")
    for name, client in CLIENTS.items()
    for socket in client["sockets"]
]


@pytest.mark.parametrize("exchange", EXCHANGES)
def test_a_recorded_request_gets_its_answer(embedded_server: RunningServer, exchange: dict[str, Any]) -> None:
    method, _, path = exchange["request"].partition(" ")
    with httpx.Client(base_url=embedded_server.url, timeout=60) as client:
        answer = client.request(
            method, path, content=exchange.get("body", "").encode(), headers=exchange.get("headers", {})
        )
    assert answer.status_code == exchange["status"], answer.text[:500]
    assert answer.headers["Content-Type"].partition(";")[0] == exchange["media_type"]
    assert len(answer.content) > (1000 if exchange["media_type"].startswith("audio/") else 1)


@pytest.mark.parametrize("socket", SOCKETS)
def test_a_recorded_context_is_spoken_to_its_end(embedded_server: RunningServer, socket: dict[str, Any]) -> None:
    with connect(f"{embedded_server.url.replace('http', 'ws')}{socket['socket']}") as connection:
        caller = StreamCaller(connection)
        for message in socket["sent"]:
            connection.send(json.dumps(message))
        context = socket["sent"][0].get("context_id")
        caller.until_final(context)
    pieces = [piece for message in socket["sent"] for piece in message.get("inputs", [message])]
    written = re.sub(r"\[[a-z]+\]", "", "".join(piece.get("text") or "" for piece in pieces))
    assert caller.chars[context].replace(" ", "") == written.replace(" ", "")
    assert len(caller.audio[context]) > 1000


def test_every_client_has_exchanges_and_a_version() -> None:
    assert len(CLIENTS) >= 16
    for name, client in CLIENTS.items():
        assert client["exchanges"] or client["sockets"], name
        assert any(char.isdigit() for char in client["client"]), name
