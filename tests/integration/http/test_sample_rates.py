"""`sample_rate` on every route and socket that speaks."""

import io
import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import soundfile
from websockets.sync.client import connect

from app.settings import Settings
from tests.support.fake_engine import FakeEngine
from tests.support.http import check
from tests.support.recordings import voice_like, wav
from tests.support.server import RunningServer, serve

TEXT = "Ten words make one second of sound in this engine."
RECORDING = wav(voice_like(3))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with serve(Settings(data=tmp_path_factory.mktemp("data"), asr_model="off"), FakeEngine) as running:
        yield running


def ask(server: RunningServer, route: str, rate: Any) -> httpx.Response:
    with server.client() as client:
        match route:
            case "/voice-clone":
                fields = {"text": TEXT, "sample_rate": str(rate), "seed": "1"}
                return client.post(route, data=fields, files={"reference_audio": ("a.wav", RECORDING)})
            case "/tts_stream":
                return client.get(route, params={"text": TEXT, "sample_rate": rate, "seed": 1})
            case "/v1/audio/speech":
                fields = {"input": TEXT, "response_format": "wav", "stream": False}
                return client.post(route, json=fields | {"sample_rate": rate, "seed": 1})
            case _:
                return client.post(route, json={"text": TEXT, "sample_rate": rate, "seed": 1})


ROUTES = ["/tts", "/voice-clone", "/v1/audio/speech", "/tts_to_audio", "/tts_stream"]


@pytest.mark.parametrize("rate", [8_000, 48_000])
@pytest.mark.parametrize("route", ROUTES)
def test_every_route_speaks_at_the_rate_that_is_asked_for(server: RunningServer, route: str, rate: int) -> None:
    answer = ask(server, route, rate)
    assert answer.status_code == 200, answer.text
    assert "X-Chorus-Warnings" not in answer.headers
    samples, heard = soundfile.read(io.BytesIO(answer.content))
    assert heard == rate
    assert len(samples) / rate == pytest.approx(1.0, abs=0.15)


@pytest.mark.parametrize("rate", [0, 7_999, 10**9])
@pytest.mark.parametrize("route", ROUTES)
def test_every_route_refuses_a_rate_out_of_bounds(server: RunningServer, route: str, rate: int) -> None:
    check(ask(server, route, rate), 422, "unsupported_sample_rate", "sample_rate", "not from 8000 to 48000")


@pytest.mark.parametrize("rate", ["8 kHz", 8_000.5, True, [8_000]])
def test_a_rate_that_is_no_whole_number_is_refused(server: RunningServer, rate: Any) -> None:
    check(ask(server, "/tts", rate), 400, "invalid_field", "sample_rate")


def test_two_rates_of_one_address_are_two_files(server: RunningServer) -> None:
    answers = [ask(server, "/tts_stream", rate) for rate in (8_000, 16_000)]
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
