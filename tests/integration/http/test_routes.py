import io
import json
from pathlib import Path

import numpy as np
import openai
import pytest
import soundfile

from app.settings import Settings
from tests.support.fake_engine import FakeEngine
from tests.support.recogniser import transcribe, word_error_rate
from tests.support.samples import sample_bytes
from tests.support.server import RunningServer, serve

TEXT = "The quick brown fox jumps over the lazy dog. Then it sleeps in the warm sun."


@pytest.fixture(scope="module")
def sdk(embedded_server: RunningServer) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{embedded_server.url}/v1", api_key="none", max_retries=0)


def test_what_is_said_is_what_was_asked_for(embedded_server: RunningServer) -> None:
    with embedded_server.client() as client:
        answer = client.post("/tts", json={"text": TEXT})
    samples, rate_hz = soundfile.read(io.BytesIO(answer.content), dtype="float32")
    assert rate_hz == 24_000
    assert np.abs(samples).max() < 1.0
    assert word_error_rate(TEXT, transcribe(samples, rate_hz)) == 0.0


def test_receipts_are_on_every_answer(embedded_server: RunningServer) -> None:
    with embedded_server.client() as client:
        answer = client.post("/tts", json={"text": TEXT})
    assert answer.headers["X-Chorus-Engine"] == "embedded"
    assert answer.headers["Server-Timing"].startswith("queue;dur=")
    assert {"x-request-id", "x-seed", "x-audio-seconds"} <= set(answer.headers)
    with embedded_server.client() as client:
        again = client.post("/tts", json={"text": TEXT, "seed": int(answer.headers["X-Seed"])})
    assert sample_bytes(again.content) == sample_bytes(answer.content)


@pytest.mark.parametrize("name", ["wav", "pcm", "mp3", "opus", "aac", "flac"])
def test_each_format_comes_with_its_mime_type(embedded_server: RunningServer, name: str) -> None:
    mime_types = {"wav": "audio/wav", "pcm": "audio/pcm", "mp3": "audio/mpeg", "opus": "audio/ogg", "aac": "audio/aac"}
    with embedded_server.client() as client:
        answer = client.post("/tts", json={"text": TEXT, "format": name})
    assert answer.headers["Content-Type"].split(";")[0] == mime_types.get(name, f"audio/{name}")


def test_the_official_openai_sdk_speaks(sdk: openai.OpenAI) -> None:
    answer = sdk.audio.speech.create(model="tts-1", voice="alloy", input=TEXT, response_format="wav")
    samples, rate_hz = soundfile.read(io.BytesIO(answer.read()))
    assert len(samples) / rate_hz > 2


def test_openai_instructions_are_taken_and_reported(sdk: openai.OpenAI) -> None:
    answer = sdk.audio.speech.with_raw_response.create(
        model="tts-1", voice="alloy", input=TEXT, instructions="Whisper."
    )
    assert "instructions has no effect" in answer.headers["X-Chorus-Warnings"]


def test_the_official_openai_sdk_streams(sdk: openai.OpenAI) -> None:
    with sdk.audio.speech.with_streaming_response.create(
        model="gpt-4o-mini-tts", voice="heart", input=TEXT, response_format="pcm", extra_body={"seed": 1}
    ) as answer:
        parts = list(answer.iter_bytes(4096))
    assert len(parts) > 10


def test_the_official_openai_sdk_understands_our_errors(sdk: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as unknown:
        sdk.audio.speech.create(model="tts-1", voice="nobody", input=TEXT)
    assert unknown.value.code == "unknown_speaker"
    assert unknown.value.type == "invalid_request_error"


def test_the_official_openai_sdk_lists_models(sdk: openai.OpenAI) -> None:
    assert "tts-1" in {model.id for model in sdk.models.list()}


def test_voices_are_listed_for_open_webui(embedded_server: RunningServer) -> None:
    with embedded_server.client() as client:
        assert client.get("/v1/audio/voices").json() == {"voices": [{"id": "heart", "name": "Heart"}]}


def test_the_documentation_lists_every_route(embedded_server: RunningServer) -> None:
    with embedded_server.client() as client:
        assert "text/html" in client.get("/docs").headers["Content-Type"]
        document = client.get("/docs/openapi.json").json()
    assert {"/tts", "/voice-clone", "/speakers", "/health", "/v1/audio/speech"} <= set(document["paths"])
    clone = document["paths"]["/voice-clone"]["post"]["requestBody"]["content"]
    assert set(clone) == {"multipart/form-data", "application/json"}


def test_speakers_come_from_the_file_until_a_refresh(tmp_path: Path) -> None:
    path = tmp_path / "speaker_metadata.json"
    with serve(Settings(data=tmp_path), FakeEngine) as server, server.client() as client:
        listed = client.get("/speakers").json()
        assert [speaker["id"] for speaker in listed["speakers"]] == ["heart", "harald"]
        assert json.loads(path.read_text()) == listed
        refreshed = client.get("/speakers?refresh=true").json()
        assert refreshed["last_updated"] > listed["last_updated"]
        assert json.loads(path.read_text()) == refreshed
