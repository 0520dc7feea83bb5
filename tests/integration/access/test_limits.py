"""Callers and their limits, on a server whose clock of limits a test moves."""

import logging
import socket
from collections.abc import Iterator
from pathlib import Path

import httpx
import openai
import pytest

from app.settings import ApiKeys, Settings
from tests.support.clock import Clock
from tests.support.fake_engine import FakeEngine
from tests.support.fake_server import release, until
from tests.support.http import check, raw_post
from tests.support.server import RunningServer, serve

HELLO = {"text": "Hello."}
FILE = """
[ada]
key = "key-of-ada"
max_concurrent = 1

[bob]
key = "key-of-bob"
requests_per_minute = 2
"""
ADA, BOB, EVE = ({"Authorization": f"Bearer key-of-{name}"} for name in ("ada", "bob", "eve"))


class Limited:
    def __init__(self, server: RunningServer, clock: Clock, file: Path) -> None:
        self.server, self.clock, self.file = server, clock, file

    def ask(self, headers: dict[str, str], path: str = "/tts", body: object = HELLO) -> httpx.Response:
        with self.server.client() as client:
            return client.post(path, json=body, headers=headers)


@pytest.fixture
def limited(tmp_path: Path) -> Iterator[Limited]:
    clock, file = Clock(), tmp_path / "callers.toml"
    file.write_text(FILE)
    settings = Settings(data=tmp_path / "data", api_keys_file=str(file), api_keys=ApiKeys("plain"))
    with serve(settings, FakeEngine, clock=clock) as server:
        yield Limited(server, clock, file)


def test_a_spent_minute_is_refused_until_the_moment_that_was_told(limited: Limited) -> None:
    assert [limited.ask(BOB).status_code for _ in range(2)] == [200, 200]
    refused = limited.ask(BOB)
    check(refused, 429, "rate_limit_exceeded", says="2 requests a minute")
    assert refused.json()["error"]["type"] == "rate_limit_error"
    assert refused.headers["Retry-After"] == "30"
    assert limited.ask(ADA).status_code == 200
    limited.clock.now_s += 29
    assert limited.ask(BOB).headers["Retry-After"] == "1"
    limited.clock.now_s += 1
    assert limited.ask(BOB).status_code == 200


def test_only_what_makes_the_engine_work_counts(limited: Limited) -> None:
    with limited.server.client() as client:
        for path in ("/speakers", "/voices", "/v1/models", "/v1/audio/voices", "/health", "/docs/openapi.json"):
            for _ in range(3):
                assert client.get(path, headers=BOB).status_code == 200
    speech = {"model": "tts-1", "voice": "alloy", "input": "Hello."}
    assert limited.ask(BOB, "/v1/audio/speech", speech).status_code == 200
    assert limited.ask(BOB, "/voices", {}).status_code == 400
    for path in ("/tts", "/voices", "/voice-clone", "/v1/audio/speech"):
        check(limited.ask(BOB, path), 429, "rate_limit_exceeded")


def test_a_caller_at_its_limit_is_refused_and_others_are_not(limited: Limited) -> None:
    connection = raw_post(limited.server, {"text": "All at once now. Please wait.", "stream": True}, ADA)
    assert connection.recv(100)
    refused = limited.ask(ADA)
    check(refused, 429, "too_many_concurrent_requests")
    assert refused.headers["Retry-After"] == "1"
    assert limited.ask(BOB).status_code == 200
    release(limited.server)
    while connection.recv(65536):
        pass
    connection.close()
    assert limited.ask(ADA).status_code == 200


@pytest.mark.parametrize("text", ["Please wait for ever.", "All at once now. Please wait for ever."])
def test_a_client_that_leaves_gives_its_place_back(limited: Limited, text: str) -> None:
    connection = raw_post(limited.server, {"text": text, "stream": True}, ADA)
    until(limited.server, 1)
    check(limited.ask(ADA), 429, "too_many_concurrent_requests")
    connection.close()
    until(limited.server, 0)
    assert limited.ask(ADA).status_code == 200


@pytest.mark.parametrize(
    ("body", "status"), [({"text": "We fail at once."}, 500), ({"text": ""}, 400), ([], 400), ({"text": "..."}, 422)]
)
def test_an_error_gives_its_place_back(limited: Limited, body: object, status: int) -> None:
    for _ in range(2):
        assert limited.ask(ADA, body=body).status_code == status
    assert limited.ask(ADA).status_code == 200


def test_a_stream_that_breaks_gives_its_place_back(limited: Limited) -> None:
    broken = raw_post(limited.server, {"text": "This is good. Please wait. Then we fail.", "stream": True}, ADA)
    assert broken.recv(100)
    release(limited.server)
    while broken.recv(65536):
        pass
    broken.close()
    until(limited.server, 0)
    assert limited.ask(ADA).status_code == 200


def test_a_refusal_comes_before_the_body_is_read(limited: Limited) -> None:
    for _ in range(2):
        limited.ask(BOB)
    url = httpx.URL(limited.server.url)
    for key, status in (("key-of-eve", b"401"), ("key-of-bob", b"429")):
        head = f"POST /tts HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\nContent-Length: 1000000\r\n\r\n"
        with socket.create_connection((url.host, url.port or 80), timeout=10) as connection:
            connection.sendall(head.encode())
            assert connection.recv(100).startswith(b"HTTP/1.1 " + status)


def test_the_file_adds_and_removes_callers_while_the_server_runs(limited: Limited) -> None:
    check(limited.ask(EVE), 401, "invalid_api_key")
    limited.file.write_text(FILE.replace("ada", "eve"))
    limited.clock.now_s += 1
    assert limited.ask(EVE).status_code == 200
    check(limited.ask(ADA), 401, "invalid_api_key")
    assert limited.ask({"x-api-key": "plain"}).status_code == 200


def test_a_broken_file_changes_nobody_and_health_says_so(limited: Limited) -> None:
    limited.file.write_text("[eve")
    limited.clock.now_s += 1
    assert limited.ask(ADA).status_code == 200
    with limited.server.client() as client:
        state = client.get("/health")
        assert (state.status_code, state.json()["callers"]) == (
            200,
            "CHORUS_API_KEYS_FILE cannot be used; the log says why",
        )
        limited.file.write_text(FILE)
        limited.clock.now_s += 1
        assert limited.ask(ADA).status_code == 200
        assert client.get("/health").json()["callers"] is None


def test_the_log_names_the_caller_and_never_the_key(limited: Limited, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        for headers in (ADA, {"xi-api-key": "plain"}, EVE):
            limited.ask(headers)
        with limited.server.client() as client:
            while len(lines := [message for message in caplog.messages if message.startswith("POST /tts")]) < 3:
                client.get("/health")  # the line is written after the answer
    assert [line.partition(" caller=")[2] for line in lines] == ["ada", "#1", ""]
    assert "key-of" not in caplog.text
    assert "plain" not in caplog.text


def test_the_official_client_sees_a_rate_limit(limited: Limited) -> None:
    limited.ask(BOB)
    limited.ask(BOB)
    with (
        openai.OpenAI(base_url=f"{limited.server.url}/v1", api_key="key-of-bob", max_retries=0) as client,
        pytest.raises(openai.RateLimitError) as caught,
    ):
        client.audio.speech.create(model="tts-1", voice="alloy", input="Hello.")
    assert caught.value.code == "rate_limit_exceeded"
    assert caught.value.response.headers["Retry-After"] == "30"


def test_the_official_client_comes_back_as_it_was_told(limited: Limited) -> None:
    limited.clock.now_s += 1
    limited.file.write_text(FILE.replace("requests_per_minute = 2", "requests_per_minute = 60"))
    asked: list[int] = []

    def move(answer: httpx.Response) -> None:
        asked.append(answer.status_code)
        if answer.status_code == 429:
            limited.clock.now_s += float(answer.headers["Retry-After"])

    for _ in range(60):
        limited.ask(BOB)
    with (
        httpx.Client(event_hooks={"response": [move]}) as transport,
        openai.OpenAI(base_url=f"{limited.server.url}/v1", api_key="key-of-bob", http_client=transport) as client,
    ):
        assert client.audio.speech.create(model="tts-1", voice="alloy", input="Hello.").content
    assert asked == [429, 200]
