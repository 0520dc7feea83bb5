"""Requests of Open WebUI to a text-to-speech server, and its use of the answers, over a real socket.

Source: backend/open_webui/routers/audio.py of open-webui/open-webui at 6adde203 (`speech`, `get_available_models`,
`get_available_voices`). The lists are asked for without a key; the body is the browser's `input` and `voice`, then
`model`, then the administrator's parameters; the answer becomes a file that ends in .mp3; status and `error` of a
refusal are shown.
"""

import contextlib
import http.client
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import soundfile

from app.http.dialects.openai import STOCK_VOICES
from app.settings import ApiKeys, Settings
from tests.support.fake_engine import FakeEngine
from tests.support.samples import sample_bytes
from tests.support.server import RunningServer, serve

FALLBACK_VOICES = ("alloy", "echo", "fable", "onyx", "nova", "shimmer")
"""Offered by Open WebUI when it cannot read the server's list."""


def ask(server: RunningServer, path: str) -> httpx.Response:
    """As python-requests: no key, any type accepted."""
    with httpx.Client(headers={"User-Agent": "python-requests/2.32", "Accept": "*/*"}) as client:
        return client.get(f"{server.url}/v1{path}")


def speak(server: RunningServer, payload: dict[str, Any], key: str = "none", **headers: str) -> httpx.Response:
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {key}", "Accept": "*/*"} | headers
    with httpx.Client(timeout=60) as client:
        return client.post(f"{server.url}/v1/audio/speech", content=json.dumps(payload).encode(), headers=headers)


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    settings = Settings(data=tmp_path_factory.mktemp("data"), api_keys=ApiKeys("the-key"))
    with serve(settings, FakeEngine) as server:
        yield server


def test_the_answer_is_an_mp3_file_as_it_names_it(embedded_server: RunningServer, tmp_path: Path) -> None:
    answer = speak(embedded_server, {"input": "Hello there.", "voice": "alloy", "model": "tts-1"})
    assert answer.status_code == 200
    (tmp_path / "speech.mp3").write_bytes(answer.content)
    samples, rate_hz = soundfile.read(tmp_path / "speech.mp3")
    assert 0.5 < len(samples) / rate_hz < 3


def test_no_key_is_an_empty_one_there(embedded_server: RunningServer) -> None:
    """The header ends in a blank then, which httpx would not send."""
    url = httpx.URL(embedded_server.url)
    connection = http.client.HTTPConnection(url.host, url.port, timeout=60)
    with contextlib.closing(connection):
        body = json.dumps({"input": "Hello.", "voice": "alloy", "model": "tts-1"})
        headers = {"Content-Type": "application/json", "Authorization": "Bearer "}
        connection.request("POST", "/v1/audio/speech", body, headers)
        answer = connection.getresponse()
        assert (answer.status, len(answer.read()) > 1000) == (200, True)


def test_the_users_names_in_its_headers_change_nothing(embedded_server: RunningServer) -> None:
    headers = {"X-OpenWebUI-User-Name": "J%C3%BCrgen", "X-OpenWebUI-User-Role": "admin", "X-OpenWebUI-Chat-Id": "1"}
    payload = {"input": "Hello.", "voice": "heart", "model": "tts-1", "seed": 1}
    with_headers, without = speak(embedded_server, payload, **headers), speak(embedded_server, payload)
    assert sample_bytes(with_headers.content) == sample_bytes(without.content)


def test_parameters_of_the_administrator_are_taken(embedded_server: RunningServer) -> None:
    """They are free JSON, often another server's, and come in every request: a refusal would mean silence."""
    parameters = {"speed": 1.5, "response_format": "mp3", "seed": 1, "volume_multiplier": 2, "lang_code": None}
    answer = speak(embedded_server, {"input": "Hello.", "voice": "alloy", "model": "tts-1"} | parameters)
    assert answer.status_code == 200
    assert "volume_multiplier has no effect" in answer.headers["X-Chorus-Warnings"]
    assert "speed" not in answer.headers["X-Chorus-Warnings"]


def test_the_lists_have_the_shapes_that_it_reads(embedded_server: RunningServer) -> None:
    models = ask(embedded_server, "/audio/models").json()["models"]
    voices = {voice["id"]: voice["name"] for voice in ask(embedded_server, "/audio/voices").json()["voices"]}
    assert voices == {"heart": "Heart"}
    for model in models:
        payload = {"input": "Hi.", "voice": next(iter(voices)), "model": model["id"]}
        assert speak(embedded_server, payload).status_code == 200


def test_with_a_key_it_falls_back_on_names_that_speak(guarded: RunningServer) -> None:
    assert ask(guarded, "/audio/voices").status_code == 401
    assert ask(guarded, "/audio/models").status_code == 401
    assert set(FALLBACK_VOICES) <= STOCK_VOICES
    for voice in FALLBACK_VOICES:
        payload = {"input": "Hello.", "voice": voice, "model": "tts-1"}
        assert speak(guarded, payload, key="the-key").status_code == 200
        assert speak(guarded, payload, key="another").status_code == 401


def test_a_refusal_has_what_it_shows(embedded_server: RunningServer) -> None:
    answer = speak(embedded_server, {"input": "Hello.", "voice": "nobody", "model": "tts-1"})
    assert answer.status_code == 404
    assert answer.headers["Content-Type"].startswith("application/json")
    assert "no speaker 'nobody'" in f"External: {answer.json()['error']}"
