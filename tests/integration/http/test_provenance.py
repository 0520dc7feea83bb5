"""Every route that speaks says that a machine spoke, in its header and in the file."""

import base64
import io
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import av
import httpx
import pytest
from litestar.handlers import HTTPRouteHandler

from app import __version__
from app.audio.formats import AudioFormat
from app.audio.provenance import TRAINED_ALGORITHMIC_MEDIA
from app.http.openapi.responses import AUDIO
from app.server.routes import ROUTES
from app.setting_values import Marks
from app.settings import Settings
from tests.support.elevenlabs import dialogue_caller, lines, stream_caller
from tests.support.fake_engine import FakeEngine
from tests.support.live import live_caller
from tests.support.recordings import voice_like, wav
from tests.support.samples import sample_bytes
from tests.support.server import RunningServer, serve

RECORDING = wav(voice_like(3))
BASE64 = base64.b64encode(RECORDING).decode()
OPENAI = {"model": "tts-1", "voice": "alloy", "input": "Hello there."}
LINES = {"inputs": [{"text": "Hello there.", "voice_id": voice} for voice in ("heart", "harald")]}
FILE = {"reference_audio": ("a.wav", RECORDING)}
Ask = Callable[[httpx.Client], httpx.Response]

ASKED: dict[str, tuple[str, Ask]] = {
    "/tts": ("built-in", lambda c: c.post("/tts", json={"text": "Hello there."})),
    "/tts streamed": ("built-in", lambda c: c.post("/tts", json={"text": "Hello there.", "stream": True})),
    "/tts of turns": ("built-in", lambda c: c.post("/tts", json={"turns": [{"text": "Hello."}, {"text": "Hello."}]})),
    "/voice-clone": ("cloned", lambda c: c.post("/voice-clone", data={"text": "Hello there."}, files=FILE)),
    "/v1/audio/speech": ("built-in", lambda c: c.post("/v1/audio/speech", json=OPENAI)),
    "/v1/audio/speech of a recording": (
        "cloned",
        lambda c: c.post("/v1/audio/speech", json=OPENAI | {"ref_audio": BASE64, "response_format": "wav"}),
    ),
    "/v1/audio/speech/upload": (
        "cloned",
        lambda c: c.post(
            "/v1/audio/speech/upload", data={"input": "Hello there."}, files={"voice_file": ("a.wav", RECORDING)}
        ),
    ),
    "/v1/text-to-speech/{voice_id:str}": (
        "built-in",
        lambda c: c.post("/v1/text-to-speech/heart", json={"text": "Hello there."}),
    ),
    "/v1/text-to-speech/{voice_id:str}/stream": (
        "built-in",
        lambda c: c.post("/v1/text-to-speech/heart/stream", json={"text": "Hello there."}),
    ),
    "/v1/text-to-dialogue": ("built-in", lambda c: c.post("/v1/text-to-dialogue", json=LINES)),
    "/v1/text-to-dialogue/stream": ("built-in", lambda c: c.post("/v1/text-to-dialogue/stream", json=LINES)),
    "/tts_to_audio": ("built-in", lambda c: c.post("/tts_to_audio/", json={"text": "Hello there."})),
    "/tts_stream": ("built-in", lambda c: c.get("/tts_stream", params={"text": "Hello there."})),
    "/tts_stream of a handle": ("cloned", lambda c: c.post("/tts_stream", json=_with_handle(c))),
    "/api/tts": ("built-in", lambda c: c.get("/api/tts", params={"text": "Hello there."})),
    "/api/tts of a form": ("built-in", lambda c: c.post("/api/tts", data={"text": "Hello there."})),
    "/process": ("built-in", lambda c: c.get("/process", params={"INPUT_TEXT": "Hello there."})),
    "/process of a form": ("built-in", lambda c: c.post("/process", data={"INPUT_TEXT": "Hello there."})),
}


def _with_handle(client: httpx.Client) -> dict[str, Any]:
    cloned = client.post("/clone_speaker", files={"wav_file": ("a.wav", RECORDING)}).json()
    return {"text": "Hello there.", "language": "en"} | cloned


def statement_of(file: bytes) -> Any:
    """The JSON in the comment of a file; None without one."""
    with av.open(io.BytesIO(file)) as container:
        tags = container.metadata | container.streams.audio[0].metadata
    _, brace, rest = tags.get("comment", "").partition("{")
    return json.loads(brace + rest) if brace else None


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with serve(Settings(data=tmp_path_factory.mktemp("data"), asr_model="off"), FakeEngine) as server:
        yield server


@pytest.fixture(scope="module")
def off_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    settings = Settings(data=tmp_path_factory.mktemp("data"), marks=Marks("off"), asr_model="off")
    with serve(settings, FakeEngine) as server:
        yield server


def test_every_route_that_answers_audio_is_asked_below() -> None:
    speaking = {
        path.removeprefix("/elevenlabs").removeprefix("/sillytavern")
        for route in ROUTES
        if isinstance(route, HTTPRouteHandler)
        for path in route.paths
        for status, spec in (route.responses or {}).items()
        if status == 200 and AUDIO in spec.media_type
    }
    assert speaking <= {name.split(" of ")[0].removesuffix(" streamed") for name in ASKED}


@pytest.mark.parametrize("name", ASKED)
def test_an_answer_says_in_its_header_and_its_file_that_a_machine_spoke(server: RunningServer, name: str) -> None:
    voice, ask = ASKED[name]
    with server.client() as client:
        answer = ask(client)
    assert answer.status_code == 200, answer.text
    said = json.loads(answer.headers["X-Chorus-Provenance"])
    assert said == {
        "digitalSourceType": TRAINED_ALGORITHMIC_MEDIA,
        "generator": f"Chorus {__version__}",
        "voice": voice,
        "date": said["date"],
        "request": answer.headers["X-Request-Id"],
        "server": answer.headers["X-Chorus-Instance"],
    }
    assert abs((datetime.now(UTC) - datetime.fromisoformat(f"{said['date']}T00:00:00Z")).days) <= 1
    if name == "/tts_stream":
        said = {field: said[field] for field in ("digitalSourceType", "generator", "voice")}
        said["request"] = answer.headers["ETag"].strip('"')
    assert statement_of(answer.content) == said


@pytest.mark.parametrize("audio_format", ["pcm", "aac", "ulaw", "alaw"])
@pytest.mark.parametrize("stream", [False, True])
def test_formats_without_room_have_the_header(server: RunningServer, audio_format: str, stream: bool) -> None:
    with server.client() as client:
        answer = client.post("/tts", json={"text": "Hello there.", "format": audio_format, "stream": stream})
    assert json.loads(answer.headers["X-Chorus-Provenance"])["voice"] == "built-in"


def test_a_batch_has_the_header_and_its_files_the_marks(server: RunningServer) -> None:
    items = [{"input": "Hello."}, {"input": "Hello.", "response_format": "pcm"}]
    with server.client() as client:
        answer = client.post("/v1/audio/speech/batch", json={"items": items, "voice": "heart"}).raise_for_status()
    said = json.loads(answer.headers["X-Chorus-Provenance"])
    assert said["voice"] == "built-in"
    assert statement_of(base64.b64decode(answer.json()["results"][0]["audio_data"])) == said


def test_a_saved_voice_is_a_clone_alone_and_in_a_dialogue(server: RunningServer) -> None:
    with server.client() as client:
        form = {"name": "Ada", "consent": "This is my own voice."}
        id = client.post("/voices", data=form, files=FILE).json()["id"]
        alone = client.post("/tts", json={"text": "Hello.", "speaker_id": id})
        turns = [{"text": "Hello.", "speaker_id": "heart"}, {"text": "Hello.", "speaker_id": id}]
        both = client.post("/tts", json={"turns": turns})
    assert statement_of(alone.content)["voice"] == statement_of(both.content)["voice"] == "cloned"


def test_timed_answers_and_events_carry_the_marks_in_their_audio(server: RunningServer) -> None:
    with server.client() as client:
        timed = client.post("/tts", json={"text": "Hello.", "timestamps": "segment"})
        by_character = client.post("/v1/text-to-speech/heart/with-timestamps", json={"text": "Hello."})
        events = client.post("/v1/audio/speech", json=OPENAI | {"stream_format": "sse"})
    lines = [json.loads(line[5:]) for line in events.text.splitlines() if line.startswith("data:")]
    files = [
        base64.b64decode(timed.json()["audio"]["data"]),
        base64.b64decode(by_character.json()["audio_base64"]),
        b"".join(base64.b64decode(line["audio"]) for line in lines if "audio" in line),
    ]
    for answer, file in zip((timed, by_character, events), files, strict=True):
        assert statement_of(file) == json.loads(answer.headers["X-Chorus-Provenance"])


def test_one_address_is_one_file_on_every_server(tmp_path: Path) -> None:
    files: list[bytes] = []
    for name in ("a", "b"):
        with serve(Settings(data=tmp_path / name, asr_model="off"), FakeEngine) as server, server.client() as client:
            first, second = (client.get("/tts_stream", params={"text": "Hello there."}) for _ in range(2))
            assert first.headers["ETag"] == second.headers["ETag"]
            assert first.headers["X-Request-Id"] != second.headers["X-Request-Id"]
            files += [first.content, second.content]
    assert len(set(files)) == 1


def test_the_etag_tells_files_with_marks_from_those_without(server: RunningServer, off_server: RunningServer) -> None:
    answers: list[httpx.Response] = []
    for each in (server, off_server):
        with each.client() as client:
            answers.append(client.get("/tts_stream", params={"text": "Hello there."}))
    assert answers[0].headers["ETag"] != answers[1].headers["ETag"]
    assert sample_bytes(answers[0].content) == sample_bytes(answers[1].content)


def test_off_is_one_switch_that_health_names(server: RunningServer, off_server: RunningServer) -> None:
    with server.client() as client:
        assert client.get("/health").json()["marks"] == Marks().shown
    with off_server.client() as client:
        assert client.get("/health").json()["marks"] == "off"
        for audio_format in AudioFormat:
            answer = client.post("/tts", json={"text": "Hello.", "format": audio_format.value})
            assert "X-Chorus-Provenance" not in answer.headers
            if audio_format in ("wav", "mp3", "flac", "opus"):
                assert statement_of(answer.content) is None
    with live_caller(off_server) as caller:
        caller.say("start")
        assert caller.next()["provenance"] is None


def test_a_request_id_with_control_characters_is_not_written(server: RunningServer) -> None:
    with server.client() as client:
        answer = client.post("/tts", json={"text": "Hello."}, headers={"X-Request-Id": b"a\tb\xff<x>"})
    assert statement_of(answer.content)["request"] == answer.headers["X-Request-Id"]
    assert answer.headers["X-Request-Id"].isalnum()


def test_a_socket_says_it_in_its_first_message_and_in_each_file(server: RunningServer) -> None:
    with live_caller(server) as caller:
        caller.say("start", format="wav")
        started = caller.next()
        caller.say("text", text="Hello there.")
        caller.say("end")
        audio, _ = caller.until("done")
    assert started["provenance"]["request"] == started["request_id"]
    assert statement_of(audio) == started["provenance"]


@pytest.mark.parametrize("output", ["mp3_44100_128", "opus_48000_64"])
def test_files_of_elevenlabs_sockets_have_the_marks(server: RunningServer, output: str) -> None:
    with stream_caller(server, "stream-input", output=output) as caller:
        caller.say("Hello there. ")
        caller.say("")
        caller.until_final()
    told = next(message["provenance"] for message in caller.messages if message.get("audio"))
    assert statement_of(caller.audio[None]) == told
    with dialogue_caller(server, "stream-input", output=output) as caller:
        caller.say(voices=["heart", "harald"])
        caller.say(inputs=lines(("heart", "Hello there."), ("harald", "Hello.")))
        caller.say(close_socket=True)
        caller.until_final()
    told = next(message["provenance"] for message in caller.messages if message.get("audio"))
    assert statement_of(caller.audio[None]) == told


def test_a_socket_of_elevenlabs_says_it_with_the_first_audio_of_a_context(server: RunningServer) -> None:
    with stream_caller(server, "stream-input") as caller:
        caller.say("Hello there. ")
        caller.say("")
        caller.until_final()
    told = [message["provenance"] for message in caller.messages if "provenance" in message]
    assert [said["digitalSourceType"] for said in told] == [TRAINED_ALGORITHMIC_MEDIA]
    assert next(message for message in caller.messages if message.get("audio"))["provenance"] == told[0]
