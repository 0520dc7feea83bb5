"""`POST /transcribe` with `stream`: events with times; and the recogniser in /health."""

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.errors import EngineFailure
from tests.support.fake_recognizer import FakeRecognizer
from tests.support.server import RunningServer
from tests.support.transcribing import RECORDING, TEXT, release, send, transcribing, until_open

FILES = {"file": ("speech.wav", RECORDING)}
FIELDS = {"stream": "true"}


def parsed(body: str) -> list[tuple[str, Any]]:
    events = [block.split("\n") for block in body.removesuffix("\n\n").split("\n\n")]
    return [(name.removeprefix("event: "), json.loads(data.removeprefix("data: "))) for name, data in events]


def test_events_have_what_the_whole_answer_has(server: RunningServer) -> None:
    whole = send(server, "/transcribe").json()
    answer = send(server, "/transcribe", stream="true")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
    events = parsed(answer.text)
    assert [name for name, _ in events] == ["language", "segment", "segment", "progress", "done"]
    assert events[0][1] == {"language": "en", "probability": 0.98}
    segments = [data for name, data in events if name == "segment"]
    assert [word for segment in segments for word in segment.pop("words")] == whole["words"]
    assert segments == whole["segments"]
    assert events[-2][1] == {"until_s": 2.5, "duration_s": 2.5}
    assert events[-1][1] == {name: whole[name] for name in ("text", "language", "duration_s", "warnings")}


def test_a_segment_is_sent_before_the_rest_is_recognised(tmp_path: Path) -> None:
    waits = asyncio.Event()
    with (
        transcribing(tmp_path, FakeRecognizer(waits=waits)) as server,
        server.client() as client,
        client.stream("POST", "/transcribe", data=FIELDS, files=FILES) as answer,
    ):
        lines = answer.iter_lines()
        assert next(line for line in lines if line.startswith("event: segment"))
        release(server, waits)
        assert json.loads(list(lines)[-2].removeprefix("data: "))["text"] == TEXT


def test_a_failure_after_the_first_event_is_an_event_and_a_broken_connection(tmp_path: Path) -> None:
    received = ""
    recognizer = FakeRecognizer(fails=EngineFailure("the model failed"))
    with (
        transcribing(tmp_path, recognizer) as server,
        server.client() as client,
        client.stream("POST", "/transcribe", data=FIELDS, files=FILES) as answer,
        pytest.raises(httpx.RemoteProtocolError),
    ):
        for text in answer.iter_text():
            received += text
    name, data = parsed(received)[-1]
    assert (name, data["error"]["message"]) == ("error", "the model failed")


def test_a_failure_before_the_first_event_is_a_status(tmp_path: Path) -> None:
    with transcribing(tmp_path, FakeRecognizer([], fails=EngineFailure("the model failed"))) as server:
        assert send(server, "/transcribe", stream="true").status_code == 500


def test_a_client_that_leaves_its_events_frees_the_place(tmp_path: Path) -> None:
    recognizer = FakeRecognizer(waits=asyncio.Event())
    with transcribing(tmp_path, recognizer) as server, server.client() as client:
        with client.stream("POST", "/transcribe", data=FIELDS, files=FILES) as answer:
            lines = answer.iter_lines()
            assert next(lines)
            until_open(server, 1)
        until_open(server, 0)


def test_health_names_the_recogniser_or_the_command_that_adds_one(
    server: RunningServer, fake_server: RunningServer
) -> None:
    with server.client() as client:
        health = client.get("/health").json()
    assert health["recognizer_missing"] is None
    assert health["recognizer"] == {
        "model": "fake-whisper",
        "device": "none",
        "precision": "none",
        "languages": ["en", "de"],
        "admitted": 0,
        "waiting": 0,
        "limit": 4,
        "slots": {"busy": 0, "total": 2},
    }
    with fake_server.client() as client:
        health = client.get("/health").json()
    assert health["recognizer"] is None
    assert "make asr" in health["recognizer_missing"]
