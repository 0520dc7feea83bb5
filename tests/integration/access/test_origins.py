import socket
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from app.settings import ApiKeys, Origins, Settings
from tests.support.fake_engine import FakeEngine
from tests.support.http import check
from tests.support.recordings import voice_like, wav
from tests.support.server import RunningServer, serve

APP, EVIL = "https://app.example.com", "https://evil.example"
KEY = {"Authorization": "Bearer the-key"}
PREFLIGHT = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,content-type"}


@pytest.fixture(scope="module", params=[False, True], ids=["open", "with keys"])
def listed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    keys = ApiKeys("the-key" if request.param else "")
    settings = Settings(data=tmp_path_factory.mktemp("data"), api_keys=keys, cors_origins=Origins(APP))
    with serve(settings, FakeEngine) as server:
        yield server


def test_a_listed_page_may_ask_with_json_and_a_key(listed: RunningServer) -> None:
    with listed.client() as client:
        preflight = client.options("/tts", headers={"Origin": APP} | PREFLIGHT)
        answer = client.post("/tts", json={"text": "Hello."}, headers={"Origin": APP} | KEY)
    assert preflight.status_code == 204
    assert preflight.headers["Access-Control-Allow-Origin"] == APP
    assert "POST" in preflight.headers["Access-Control-Allow-Methods"]
    assert {"authorization", "content-type"} <= {
        name.strip().lower() for name in preflight.headers["Access-Control-Allow-Headers"].split(",")
    }
    assert answer.status_code == 200
    assert answer.headers["Access-Control-Allow-Origin"] == APP
    assert answer.headers["Vary"] == "Origin"
    assert "Access-Control-Allow-Credentials" not in answer.headers


def test_a_listed_page_may_read_every_header_of_ours(listed: RunningServer) -> None:
    body = {"text": "Hello 世界.", "top_k": 5}
    with listed.client() as client:
        answer = client.post("/tts", json=body, headers={"Origin": APP} | KEY)
    exposed = {name.strip().lower() for name in answer.headers["Access-Control-Expose-Headers"].split(",")}
    ours = {name for name in answer.headers if name.startswith("x-") or name == "server-timing"}
    assert len(ours) >= 6
    assert ours <= exposed
    assert "retry-after" in exposed


def test_a_listed_page_may_read_errors_too(listed: RunningServer) -> None:
    with listed.client() as client:
        answers = [
            client.post("/tts", json={"text": ""}, headers={"Origin": APP} | KEY),
            client.post("/tts", json={"text": ""}, headers={"Origin": APP, "x-api-key": "wrong"}),
            client.get("/nothing", headers={"Origin": APP} | KEY),
            client.put("/tts", headers={"Origin": APP} | KEY),
        ]
    assert all(answer.status_code >= 400 for answer in answers)
    assert [answer.headers.get("Access-Control-Allow-Origin") for answer in answers] == [APP] * 4


def test_an_unlisted_page_may_read_nothing_and_ask_nothing(listed: RunningServer) -> None:
    with listed.client() as client:
        for answer in (
            client.options("/tts", headers={"Origin": EVIL} | PREFLIGHT),
            client.get("/speakers", headers={"Origin": EVIL} | KEY),
            client.post("/tts", json={"text": "Hello."}, headers={"Origin": EVIL} | KEY),
        ):
            assert "Access-Control-Allow-Origin" not in answer.headers
        assert answer.status_code == 403


def test_the_star_admits_every_page_without_credentials(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path, cors_origins=Origins("*"))
    with serve(settings, FakeEngine) as server, server.client() as client:
        preflight = client.options("/tts", headers={"Origin": EVIL} | PREFLIGHT)
        answer = client.post("/tts", json={"text": "Hello."}, headers={"Origin": EVIL})
    assert (preflight.status_code, answer.status_code) == (204, 200)
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert "Access-Control-Allow-Credentials" not in answer.headers


@pytest.mark.parametrize("content_type", ["text/plain", "application/json", "application/x-www-form-urlencoded"])
@pytest.mark.parametrize("path", ["/tts", "/v1/audio/speech", "/voice-clone", "/voices"])
def test_a_form_of_another_site_makes_no_work(fake_server: RunningServer, path: str, content_type: str) -> None:
    """A browser sends these content types without a preflight request."""
    headers = {"Origin": EVIL, "Content-Type": content_type}
    with fake_server.client() as client:
        answer = client.post(path, content=b'{"text": "Hello."}', headers=headers)
    check(answer, 403, "origin_not_allowed", says=EVIL)
    assert fake_server.engine.requests == []  # type: ignore[union-attr]


def test_a_recording_of_another_sites_form_is_not_even_read(fake_server: RunningServer) -> None:
    fields = {"name": "Eve", "consent": "None was given."}
    with fake_server.client() as client:
        for path in ("/voice-clone", "/voices"):
            answer = client.post(
                path, data=fields, files={"reference_audio": wav(voice_like(4))}, headers={"Origin": "null"}
            )
            check(answer, 403, "origin_not_allowed")
        assert client.get("/voices").json()["count"] == 0
    url = httpx.URL(fake_server.url)
    head = f"POST /voices HTTP/1.1\r\nHost: x\r\nOrigin: {EVIL}\r\nContent-Length: 1000000\r\n\r\n"
    with socket.create_connection((url.host, url.port or 80), timeout=10) as connection:
        connection.sendall(head.encode())
        assert connection.recv(100).startswith(b"HTTP/1.1 403 ")


def test_another_site_deletes_no_voice(fake_server: RunningServer) -> None:
    with fake_server.client() as client:
        check(client.delete("/voices/x", headers={"Origin": EVIL}), 403, "origin_not_allowed")
        check(client.delete("/voices/x", headers={"Sec-Fetch-Site": "cross-site"}), 403, "origin_not_allowed")
        assert client.delete("/voices/x").status_code == 404


def test_the_servers_own_page_and_other_clients_may_ask(fake_server: RunningServer) -> None:
    own = {"Origin": fake_server.url}
    proxied = {"Origin": "https://chorus.example", "Host": "upstream", "Sec-Fetch-Site": "same-origin"}
    with fake_server.client() as client:
        for headers in ({}, own, proxied):
            assert client.post("/tts", json={"text": "Hello."}, headers=headers).status_code == 200
