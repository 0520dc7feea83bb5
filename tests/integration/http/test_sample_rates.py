"""`sample_rate` on every route and socket that speaks."""

import base64
import io
import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
import soundfile
from websockets.sync.client import connect

from app.settings import Settings
from tests.support.elevenlabs import StreamCaller, dialogue_caller, stream_caller
from tests.support.fake_engine import FakeEngine
from tests.support.http import check, post
from tests.support.live import live_caller
from tests.support.recordings import voice_like, wav
from tests.support.server import RunningServer, serve

TEXT = "Ten words make one second of sound in this engine."
RECORDING = wav(voice_like(3))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with serve(Settings(data=tmp_path_factory.mktemp("data"), asr_model="off"), FakeEngine) as running:
        yield running


FORM = {"Content-Type": "application/x-www-form-urlencoded"}
HANDLES = {"speaker_embedding": "heart", "gpt_cond_latent": "heart", "language": "en"}
OPENAI = {"input": TEXT, "response_format": "wav", "stream": False}
JSON_BODIES: dict[str, dict[str, Any]] = {
    "/tts": {"text": TEXT},
    "/v1/audio/speech": OPENAI,
    "/v1/audio/speech/batch": {"items": [{"input": TEXT}]},
    "/tts_to_audio": {"text": TEXT},
    "/tts_stream": {"text": TEXT} | HANDLES,
}
QUERIES = {"/tts_stream": {"text": TEXT}, "/api/tts": {"text": TEXT}, "/process": {"INPUT_TEXT": TEXT}}
FORMS = {"/voice-clone": ({"text": TEXT}, "reference_audio"), "/v1/audio/speech/upload": (OPENAI, "voice_file")}
ROUTES = [
    *(f"JSON {path}" for path in JSON_BODIES),
    *(f"query {path}" for path in QUERIES),
    *(f"form {path}" for path in FORMS),
    *("coded form /api/tts", "coded form /process"),
]


def ask(server: RunningServer, route: str, rate: Any) -> httpx.Response:
    """`route`: where the fields stand, and the path."""
    form, _, path = route.rpartition(" ")
    name = "SAMPLE_RATE" if path == "/process" else "sample_rate"
    if form == "JSON":
        return post(server, JSON_BODIES[path] | {name: rate}, path)
    with server.client() as client:
        if form == "form":
            fields, part = FORMS[path]
            texts = {field: str(value) for field, value in fields.items()} | {name: str(rate)}
            return client.post(path, data=texts, files={part: ("a.wav", RECORDING)})
        if form == "query":
            return client.get(path, params=QUERIES[path] | {name: rate})
        return client.post(path, content=urlencode(QUERIES[path] | {name: rate}), headers=FORM)


def wav_of(answer: httpx.Response) -> bytes:
    if answer.headers["Content-Type"] == "application/json":
        return base64.b64decode(answer.json()["results"][0]["audio_data"])
    return answer.content


@pytest.mark.parametrize("rate", [8_000, 48_000])
@pytest.mark.parametrize("route", ROUTES)
def test_every_route_speaks_at_the_rate_that_is_asked_for(server: RunningServer, route: str, rate: int) -> None:
    answer = ask(server, route, rate)
    assert answer.status_code == 200, answer.text
    assert "X-Chorus-Warnings" not in answer.headers
    samples, heard = soundfile.read(io.BytesIO(wav_of(answer)))
    assert heard == rate
    assert len(samples) / rate == pytest.approx(1.0, abs=0.15)


@pytest.mark.parametrize("rate", [0, -1, 7_999, 48_001, 10**9, 1e9, 10**30])
@pytest.mark.parametrize("route", ROUTES)
def test_every_route_refuses_a_rate_out_of_bounds(server: RunningServer, route: str, rate: int) -> None:
    answer = ask(server, route, rate)
    param = "SAMPLE_RATE" if route.endswith("/process") else "sample_rate"
    if rate == 10**30 and answer.json()["error"]["code"] == "invalid_field":  # more than 64 bits
        check(answer, answer.status_code, "invalid_field", param)
    else:
        check(answer, 422, "unsupported_sample_rate", param, "not from 8000 to 48000")


@pytest.mark.parametrize("rate", ["24000", "8 kHz", "NaN", 8_000.5, True, [8_000]])
@pytest.mark.parametrize("path", JSON_BODIES)
def test_a_rate_that_is_no_whole_number_is_refused(server: RunningServer, path: str, rate: Any) -> None:
    check(ask(server, f"JSON {path}", rate), 400, "invalid_field", "sample_rate")


@pytest.mark.parametrize("rate", [float("nan"), float("inf")])
@pytest.mark.parametrize("path", JSON_BODIES)
def test_a_rate_that_json_does_not_have_is_refused(server: RunningServer, path: str, rate: float) -> None:
    check(ask(server, f"JSON {path}", rate), 400, "invalid_json")


@pytest.mark.parametrize("rate", ["NaN", "8000.5", "", "8 kHz"])
@pytest.mark.parametrize("route", [route for route in ROUTES if not route.startswith("JSON")])
def test_a_rate_in_letters_is_refused(server: RunningServer, route: str, rate: str) -> None:
    status = 422 if route.endswith("/upload") else 400  # 422 as in chatterbox-tts-api, whose route it is
    check(ask(server, route, rate), status, "invalid_field", "SAMPLE_RATE" if "/process" in route else "sample_rate")


@pytest.mark.parametrize("rate", [0, 7_999, 10**9])
@pytest.mark.parametrize("name", ["ulaw", "alaw"])
def test_formats_of_telephones_have_the_same_bounds(server: RunningServer, name: str, rate: int) -> None:
    for path, body in (("/tts", {"text": TEXT, "format": name}), ("/v1/audio/speech", OPENAI)):
        sent = body | ({} if path == "/tts" else {"response_format": name}) | {"sample_rate": rate}
        check(post(server, sent, path), 422, "unsupported_sample_rate", "sample_rate")
    with live_caller(server) as caller:
        caller.say("start", format=name, sample_rate=rate)
        assert caller.next()["error"]["code"] == "unsupported_sample_rate"


@pytest.mark.parametrize(
    ("rate", "code", "says"),
    [
        *((rate, "unsupported_sample_rate", "not from 8000 to 48000") for rate in ("0", "-1", "7999", "1000000000")),
        *(
            (rate, "invalid_field", "no message of this protocol")
            for rate in ('"24000"', "1e9", "NaN", "8000.5", "[8000]")
        ),
    ],
)
def test_a_conversation_refuses_a_rate_out_of_bounds(server: RunningServer, rate: str, code: str, says: str) -> None:
    with live_caller(server) as caller:
        caller.socket.send(f'{{"type": "start", "sample_rate": {rate}}}')
        error = caller.next()["error"]
        assert (error["code"], says in error["message"]) == (code, True), error
        assert caller.close_code() == 1008


NO_FORMATS = [
    "pcm_7999",
    "pcm_0",
    "pcm_-1",
    "pcm_1e9",
    "pcm_NaN",
    "pcm_24000.0",
    "mp3_7999_32",
    "ulaw_16000",
    "alaw_7999",
]
SOCKETS: list[tuple[Callable[..., AbstractContextManager[StreamCaller]], str]] = [
    (stream_caller, "stream-input"),
    (stream_caller, "multi-stream-input"),
    (dialogue_caller, "stream-input"),
    (dialogue_caller, "multi-stream-input"),
]


@pytest.mark.parametrize("name", NO_FORMATS)
def test_elevenlabs_has_certain_rates_only(server: RunningServer, name: str) -> None:
    dialogue = {"inputs": [{"text": TEXT, "voice_id": "heart"}]}
    for path, body in (("text-to-speech/heart", {"text": TEXT}), ("text-to-dialogue", dialogue)):
        for kind in ("", "/stream", "/with-timestamps", "/stream/with-timestamps"):
            answer = post(server, body, f"/v1/{path}{kind}?output_format={name}")
            assert (answer.status_code, answer.json()["detail"]["param"]) == (400, "output_format"), answer.text
    for call, kind in SOCKETS:
        with call(server, kind, output=name) as caller:
            assert "no output format" in caller.until_error()["message"]


def test_two_rates_of_one_address_are_two_files(server: RunningServer) -> None:
    answers = [ask(server, "query /tts_stream", rate) for rate in (8_000, 16_000)]
    assert answers[0].headers["ETag"] != answers[1].headers["ETag"]


@pytest.mark.parametrize(("fields", "rate"), [({"sample_rate": 16_000}, 16_000), ({"format": "ulaw"}, 8_000)])
def test_a_conversation_is_told_its_rate_and_is_as_long(
    server: RunningServer, fields: dict[str, Any], rate: int
) -> None:
    with connect(f"{server.url.replace('http', 'ws')}/ws/tts") as socket:
        for message in ({"type": "start"} | fields, {"type": "text", "text": TEXT}, {"type": "end"}):
            socket.send(json.dumps(message))
        frames = list(socket)
    audio = b"".join(frame for frame in frames if isinstance(frame, bytes))
    messages = [json.loads(frame) for frame in frames if isinstance(frame, str)]
    assert messages[0]["sample_rate_hz"] == rate
    num_samples = len(audio) // (1 if "format" in fields else 2)
    assert num_samples / rate == pytest.approx(messages[-1]["audio_s"], abs=2 / rate)


def test_a_conversation_at_a_rate_that_opus_does_not_have_is_refused(server: RunningServer) -> None:
    with connect(f"{server.url.replace('http', 'ws')}/ws/tts") as socket:
        socket.send(json.dumps({"type": "start", "format": "opus", "sample_rate": 44_100}))
        failed = json.loads(socket.recv())
    assert failed["error"]["code"] == "unsupported_sample_rate"
    assert "it has 8000, 12000" in failed["error"]["message"]


@pytest.mark.parametrize("route", [route for route in ROUTES if "/api/tts" in route or "/process" in route])
def test_the_word_null_is_no_rate(server: RunningServer, route: str) -> None:
    check(ask(server, route, "null"), 400, "invalid_field", "SAMPLE_RATE" if "/process" in route else "sample_rate")
