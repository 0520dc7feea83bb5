"""`POST /v1/audio/speech/batch`, as clients of vllm-omni's servers use it."""

import base64
import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.settings import Settings
from tests.support.fake_engine import FakeEngine
from tests.support.fake_server import fake, release, until
from tests.support.http import check, post, raw_post
from tests.support.samples import sample_bytes
from tests.support.server import RunningServer, serve

PATH = "/v1/audio/speech/batch"
TEXTS = ["The fox went home.", "Who lives there now?", "Nobody does."]


def batch(server: RunningServer, *items: dict[str, Any], **shared: Any) -> httpx.Response:
    with server.client() as client:
        return client.post(PATH, json={"items": items} | shared)


def test_each_text_is_a_file_of_its_own_in_the_order_of_the_request(embedded_server: RunningServer) -> None:
    body = batch(embedded_server, *({"input": text} for text in TEXTS), seed=1).json()
    assert (body["total"], body["succeeded"], body["failed"]) == (3, 3, 0)
    assert body["id"].startswith("speech-batch-")
    for index, (text, result) in enumerate(zip(TEXTS, body["results"], strict=True)):
        assert (result["index"], result["status"], result["error"]) == (index, "success", None)
        assert result["media_type"] == "audio/wav"
        alone = post(embedded_server, {"text": text, "seed": 1, "format": "wav"})
        assert sample_bytes(base64.b64decode(result["audio_data"])) == sample_bytes(alone.content)


def test_fields_of_a_text_come_before_those_of_the_batch(fake_server: RunningServer) -> None:
    items = [
        {"input": "One two."},
        {"input": "Three four.", "voice": "harald", "speed": None, "response_format": "mp3"},
        {"input": "Eins zwei.", "language": "German", "speed": 1.5},
    ]
    answer = batch(fake_server, *items, voice="heart", language="English", speed=0.5)
    asked = {
        request.sequences[0].segment.text: (request.voice.id, request.speed, request.sequences[0].language)
        for request in fake(fake_server).requests
    }
    assert asked == {
        "One two.": ("heart", 0.5, "en"),
        "Three four.": ("harald", 0.5, "en"),
        "Eins zwei.": ("heart", 1.5, "de"),
    }
    assert [result["media_type"] for result in answer.json()["results"]] == ["audio/wav", "audio/mpeg", "audio/wav"]


def test_a_text_that_cannot_be_spoken_fails_alone(fake_server: RunningServer) -> None:
    items = [
        {"input": "One two."},
        {"input": "Hello.", "voice": "hibari"},
        {"input": "Please fail for me."},
        {"input": "Hello.", "language": "Klingon"},
        {"input": "Three four."},
    ]
    body = batch(fake_server, *items).json()
    assert [result["status"] for result in body["results"]] == ["success", "error", "error", "error", "success"]
    assert (body["succeeded"], body["failed"]) == (2, 3)
    assert "no speaker 'hibari'" in body["results"][1]["error"]
    assert body["results"][1]["audio_data"] is None
    until(fake_server, 0)


@pytest.fixture
def roomy_server(tmp_path: Path) -> Iterator[RunningServer]:
    """With places to spare, so that texts are begun ahead."""
    with serve(Settings(data=tmp_path), lambda: FakeEngine(max_slots=4, max_queue=12)) as server:
        yield server


def test_texts_are_decoded_together(roomy_server: RunningServer) -> None:
    """The first one waits for the engine, and the second is in it already."""
    body = {"items": [{"input": "Please wait for me."}, {"input": "Please wait for her."}]}
    connection = raw_post(roomy_server, body, {"Connection": "close"}, path=PATH)
    until(roomy_server, 2)
    release(roomy_server)
    with connection, connection.makefile("rb") as answer:
        _, _, content = answer.read().partition(b"\r\n\r\n")
    assert json.loads(content)["succeeded"] == 2


def test_more_texts_than_places_are_spoken_one_after_the_other(fake_server: RunningServer) -> None:
    body = batch(fake_server, *({"input": f"This is text {number}."} for number in range(32))).json()
    assert body["succeeded"] == 32


def test_a_client_that_leaves_frees_the_engine(roomy_server: RunningServer) -> None:
    body = {"items": [{"input": "Please wait for me."}, {"input": "Please wait for her."}, {"input": "One two."}]}
    with contextlib.closing(raw_post(roomy_server, body, {}, path=PATH)):
        until(roomy_server, 2)
    until(roomy_server, 0)


def test_fields_without_effect_are_reported(fake_server: RunningServer) -> None:
    answer = batch(fake_server, {"input": "One two.", "max_new_tokens": 5}, instructions="warm")
    for name in ("max_new_tokens", "instructions"):
        assert f"{name} has no effect" in answer.headers["X-Chorus-Warnings"]


@pytest.mark.parametrize(
    ("body", "status", "code", "param"),
    [
        ({}, 400, "invalid_field", "items"),
        ({"items": []}, 400, "invalid_field", "items"),
        ({"items": [{"input": "Hi."}] * 33}, 400, "invalid_field", "items"),
        ({"items": ["Hi."]}, 400, "invalid_field", "items"),
        ({"items": [{}]}, 400, "invalid_field", "input"),
        ({"items": [{"input": "Hi."}, {"input": "x" * 1000}]}, 413, "text_too_long", "input"),
        ({"items": [{"input": "Hi."}], "model": "bark"}, 404, "model_not_found", "model"),
        ({"items": [{"input": "Hi."}], "ref_audio": "UklGRg=="}, 400, "invalid_field", "ref_audio"),
        ({"items": [{"input": "Hi.", "references": [{"audio_path": "a.wav"}]}]}, 400, "invalid_field", "references"),
        ({"items": [{"input": "Hi.", "task_type": "Base"}]}, 400, "invalid_field", "task_type"),
        ({"items": [{"input": "Hi.", "speaker": "harald"}]}, 400, "invalid_field", "speaker"),
        ({"items": [{"input": "Hi."}], "stream": True}, 400, "invalid_field", "stream"),
        ({"items": [{"input": "Hi."}], "stream_format": "sse"}, 400, "invalid_field", "stream_format"),
        ({"items": [{"input": "Hi."}], "sample_rate": 7999}, 422, "unsupported_sample_rate", "sample_rate"),
    ],
)
def test_a_bad_batch_is_refused_before_any_audio(
    fake_server: RunningServer, body: dict[str, Any], status: int, code: str, param: str
) -> None:
    with fake_server.client() as client:
        check(client.post(PATH, json=body), status, code, param)
    assert fake(fake_server).requests == []
