"""A page of a foreign name that points at this machine."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from websockets.sync.client import connect

from app.settings import ApiKeys, Hosts, Settings
from tests.support.fake_engine import FakeEngine
from tests.support.http import check
from tests.support.live import LiveCaller, live_caller
from tests.support.recordings import voice_like, wav
from tests.support.server import RunningServer, serve

REBOUND = {"Host": "evil.example:8711", "Origin": "http://evil.example:8711"}


@pytest.fixture(scope="module")
def keyless(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with serve(Settings(data=tmp_path_factory.mktemp("data")), FakeEngine) as server:
        yield server


@pytest.mark.parametrize("path", ["/", "/docs", "/voices", "/speakers", "/docs/openapi.json", "/tts_stream?text=Hi"])
def test_a_rebound_page_reads_nothing(keyless: RunningServer, path: str) -> None:
    with keyless.client() as client:
        check(client.get(path, headers=REBOUND), 421, "host_not_allowed", says="CHORUS_ALLOWED_HOSTS")


def test_a_rebound_page_speaks_saves_and_deletes_nothing(keyless: RunningServer) -> None:
    recording = {"reference_audio": ("a.wav", wav(voice_like(4)))}
    fields = {"name": "Ada", "consent": "This is my own voice."}
    with keyless.client() as client:
        saved = client.post("/voices", data=fields, files=recording).json()["id"]
        plain = REBOUND | {"Content-Type": "text/plain"}
        check(client.post("/tts", content=b'{"text": "Hi."}', headers=plain), 421, "host_not_allowed")
        check(client.post("/voices", data=fields, files=recording, headers=REBOUND), 421, "host_not_allowed")
        check(client.get(f"/voices/{saved}/export", headers=REBOUND), 421, "host_not_allowed")
        check(client.delete(f"/voices/{saved}", headers=REBOUND), 421, "host_not_allowed")
        assert client.get("/voices").json()["count"] == 1
    assert keyless.engine.requests == []  # type: ignore[union-attr]


def test_a_rebound_page_holds_no_conversation(keyless: RunningServer) -> None:
    url = keyless.url.replace("http://", "ws://")
    host, port = keyless.url.removeprefix("http://").split(":")
    rebound = url.replace(host, "evil.example")
    raw = socket.create_connection((host, int(port)))
    with connect(f"{rebound}/ws/tts", sock=raw, origin=rebound.replace("ws", "http")) as connection:  # type: ignore[arg-type]
        caller = LiveCaller(connection)
        error = caller.next()
        assert error["error"]["code"] == "host_not_allowed"
        assert caller.close_code() == 1008


@pytest.mark.parametrize("path", ["/health", "/health/live", "/health/ready", "/metrics"])
def test_probes_and_scrapers_may_use_any_name(keyless: RunningServer, path: str) -> None:
    with keyless.client() as client:
        assert client.get(path, headers={"Host": "evil.example"}).status_code == 200


@pytest.mark.parametrize("host", ["192.168.1.5:8000", "[::1]:8000", "localhost", "chorus:8000", "host.docker.internal"])
def test_callers_on_this_machine_and_in_this_network_notice_nothing(keyless: RunningServer, host: str) -> None:
    own = {"Host": host, "Origin": f"http://{host}"}
    with keyless.client() as client:
        assert client.get("/voices", headers=own).status_code == 200
        assert client.post("/tts", json={"text": "Hi."}, headers=own).status_code == 200


@pytest.mark.parametrize(
    "settings",
    [Settings(allowed_hosts=Hosts("evil.example")), Settings(api_keys=ApiKeys("key"))],
    ids=["listed", "keys"],
)
def test_a_listed_name_and_a_server_with_keys_are_served(tmp_path: Path, settings: Settings) -> None:
    with serve(msgspec.structs.replace(settings, data=tmp_path), FakeEngine) as server, server.client() as client:
        answer = client.post("/tts", json={"text": "Hi."}, headers=REBOUND | {"x-api-key": "key"})
        assert answer.status_code == 200
        with live_caller(server, additional_headers={"x-api-key": "key"}) as caller:
            caller.socket.send(json.dumps({"type": "start"}))
            assert caller.next()["type"] == "started"
