import socket
from collections.abc import Iterator
from pathlib import Path

import httpx
import openai
import pytest

from app.settings import ApiKeys, Settings
from tests.support.fake_engine import FakeEngine
from tests.support.http import check
from tests.support.server import RunningServer, serve

KEYS = ApiKeys("first-key, second-key")


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with serve(Settings(data=tmp_path_factory.mktemp("data"), api_keys=KEYS), FakeEngine) as server:
        yield server


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "Bearer first-key"},
        {"Authorization": "bearer second-key"},
        {"xi-api-key": "second-key"},
        {"x-api-key": "first-key"},
        {"Authorization": "Bearer placeholder", "x-api-key": "first-key"},
    ],
)
def test_each_key_opens_in_each_header(guarded: RunningServer, headers: dict[str, str]) -> None:
    with guarded.client() as client:
        assert client.get("/speakers", headers=headers).status_code == 200
        assert client.post("/tts", json={"text": "Hello."}, headers=headers).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": ""},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer first-key, second-key"},
        {"Authorization": "Bearer First-key"},
        {"Authorization": "Basic first-key"},
        {"xi-api-key": ""},
        {"xi-api-key": "first-ke"},
        {"xi-api-key": "\u00fc".encode("latin-1")},
    ],
)
@pytest.mark.parametrize("path", ["/speakers", "/voices", "/v1/models"])
def test_nothing_else_opens(guarded: RunningServer, path: str, headers: dict[str, str]) -> None:
    with guarded.client() as client:
        answer = client.get(path, headers=headers)
    check(answer, 401, "invalid_api_key")
    assert answer.headers["www-authenticate"] == "Bearer"


def test_a_refusal_comes_before_the_body_is_read(guarded: RunningServer) -> None:
    url = httpx.URL(guarded.url)
    head = "POST /tts HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 1000000\r\n\r\n"
    with socket.create_connection((url.host, url.port or 80), timeout=10) as connection:
        connection.sendall(head.encode())
        assert connection.recv(100).startswith(b"HTTP/1.1 401 ")


@pytest.mark.parametrize(
    "path", ["/health", "/health/live", "/health/ready", "/metrics", "/docs/openapi.json", "/", "/page/main.js"]
)
def test_probes_scrapers_the_description_and_the_page_need_no_key(guarded: RunningServer, path: str) -> None:
    with guarded.client() as client:
        assert client.get(path).status_code == 200


@pytest.mark.parametrize("path", ["/healthy", "/docsx", "/metrics2", "/pages"])
def test_a_name_that_only_begins_like_an_open_one_is_not_open(guarded: RunningServer, path: str) -> None:
    with guarded.client() as client:
        assert client.get(path).status_code in (401, 404)


@pytest.mark.parametrize("path", ["//speakers", "///voices"])
def test_slashes_too_many_open_nothing(guarded: RunningServer, path: str) -> None:
    """`/` itself is open, and repeated slashes are routed as one."""
    with guarded.client() as client:
        check(client.get(f"{guarded.url}{path}"), 401, "invalid_api_key")


def test_a_browsers_question_before_the_request_needs_no_key(guarded: RunningServer) -> None:
    with guarded.client() as client:
        assert client.options("/tts").status_code == 204


def test_the_official_client_says_what_is_wrong(guarded: RunningServer) -> None:
    with openai.OpenAI(base_url=f"{guarded.url}/v1", api_key="second-key", max_retries=0) as client:
        assert client.audio.speech.create(model="tts-1", voice="alloy", input="Hello.").content
    with (
        openai.OpenAI(base_url=f"{guarded.url}/v1", api_key="wrong", max_retries=0) as client,
        pytest.raises(openai.AuthenticationError, match="a valid API key is needed"),
    ):
        client.audio.speech.create(model="tts-1", voice="alloy", input="Hello.")


def test_the_description_names_the_scheme_only_where_there_are_keys(
    guarded: RunningServer, fake_server: RunningServer
) -> None:
    for server, security in ((guarded, [{"key": []}, {"key_header": []}]), (fake_server, None)):
        with server.client() as client:
            assert client.get("/docs/openapi.json").json().get("security") == security


def test_without_keys_everybody_may_call(tmp_path: Path) -> None:
    with serve(Settings(data=tmp_path, api_keys=ApiKeys(" , ")), FakeEngine) as server, server.client() as client:
        assert client.get("/speakers").status_code == 200
