"""`check`: speech that is compared with its text before or beside its delivery, over HTTP and WebSockets."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from websockets.sync.client import connect

from app.engine.embedded import EmbeddedEngine
from app.errors import UnsupportedLanguage
from app.settings import Settings
from tests.support.damage import SENTENCES
from tests.support.damaging_engine import DamagingEngine
from tests.support.embedded_asr import needs_embedded_model, open_embedded
from tests.support.fake_engine import FakeEngine
from tests.support.fake_recognizer import FakeRecognizer
from tests.support.http import check
from tests.support.metrics import scrape
from tests.support.server import RunningServer, serve
from tests.support.speaking import samples_of
from tests.support.transcribing import fake

GOOD, BAD, WORSE = (
    "The quick fox jumps over lazy dogs.",
    "Then it sleeps in the warm sun.",
    "Nothing more was said about it.",
)
BODY = {"text": f"{GOOD} {BAD} {WORSE}", "seed": 3}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with serve(Settings(data=tmp_path_factory.mktemp("data")), FakeEngine, make_recognizer=FakeRecognizer) as running:
        yield running


@pytest.fixture
def speaking(server: RunningServer) -> RunningServer:
    """BAD is mended by a second attempt, WORSE by none."""
    fake(server).hears_faults({BAD: 1, WORSE: 1000})
    return server


def post(server: RunningServer, **fields: Any) -> httpx.Response:
    with server.client() as client:
        return client.post("/tts", json=BODY | fields)


def test_a_whole_answer_counts_its_verdicts_in_a_header_and_names_the_words_in_doubt(speaking: RunningServer) -> None:
    plain = post(speaking, check="off")
    assert "X-Chorus-Check" not in plain.headers
    before = scrape(speaking)("chorus_checks_total")
    mended = post(speaking, check="retry")
    assert mended.headers["X-Chorus-Check"] == (
        "mode=retry, passed=2, failed=1, inconclusive=0, unchecked=0, retried=2"
    )
    assert mended.headers["X-Chorus-Warnings"] == 'segment 2 may differ from its text: "Nothing" is missing'
    reported = post(speaking, check="report")
    assert reported.headers["X-Chorus-Check"] == (
        "mode=report, passed=2, failed=1, inconclusive=0, unchecked=0, retried=0"
    )
    assert np.array_equal(samples_of(reported), samples_of(plain))
    page = scrape(speaking, until=lambda page: page("chorus_checks_total") == before + 6)
    assert page("chorus_checks_total", verdict="passed") >= 4
    assert page("chorus_checks_total", verdict="failed") >= 2
    assert page("chorus_check_attempts_total") >= 3
    assert page("chorus_check_seconds_total") > 0


def test_an_answer_with_times_has_the_verdict_of_each_segment(speaking: RunningServer) -> None:
    answer = post(speaking, check="retry", timestamps="segment").json()
    assert [(each["index"], each["verdict"], each["num_attempts"]) for each in answer["checks"]] == [
        (0, "passed", 1), (1, "passed", 2), (2, "failed", 4),
    ]  # fmt: skip
    [fault] = answer["checks"][2]["faults"]
    assert (fault["kind"], fault["text"]) == ("missing", "Nothing")
    assert fault["start_s"] == pytest.approx(answer["segments"][2]["start_s"], abs=0.001)
    assert "checks" not in post(speaking, timestamps="segment").json()


@pytest.mark.parametrize("timestamps", ["segment", "word"])
def test_a_stream_has_a_verdict_behind_each_segment_and_the_same_audio(
    speaking: RunningServer, timestamps: str
) -> None:
    def events(**fields: Any) -> list[tuple[str, Any]]:
        answer = post(speaking, stream=True, format="pcm", timestamps=timestamps, **fields)
        pairs = [block.split("\n") for block in answer.text.strip().split("\n\n")]
        return [(name.removeprefix("event: "), json.loads(data.removeprefix("data: "))) for name, data in pairs]

    def audio(found: list[tuple[str, Any]]) -> bytes:
        return b"".join(base64.b64decode(data["data"]) for name, data in found if name == "audio")

    checked, plain = events(check="report"), events()
    assert audio(checked) == audio(plain)
    verdicts = [data["verdict"] for name, data in checked if name == "check"]
    assert verdicts == ["passed", "failed", "failed"]
    assert checked[-1][1]["checks"] == [data for name, data in checked if name == "check"]
    assert not [name for name, _ in plain if name == "check"]


def test_the_verdicts_of_turns_are_numbered_through_the_answer(speaking: RunningServer) -> None:
    turns = [{"text": GOOD, "pause_ms": 300}, {"text": WORSE}]
    with speaking.client() as client:
        answer = client.post("/tts", json={"turns": turns, "check": "report", "timestamps": "segment"}).json()
    assert [(each["index"], each["verdict"]) for each in answer["checks"]] == [(0, "passed"), (1, "failed")]
    assert answer["checks"][1]["faults"][0]["start_s"] == pytest.approx(answer["segments"][1]["start_s"], abs=0.001)


def test_a_socket_sends_the_verdict_of_each_sentence(speaking: RunningServer) -> None:
    verdicts: dict[int, str] = {}
    with connect(speaking.url.replace("http", "ws") + "/ws/tts") as socket:
        for message in (
            {"type": "start", "check": "report"},
            {"type": "text", "text": f"{GOOD} {WORSE}"},
            {"type": "end"},
        ):
            socket.send(json.dumps(message))
        while True:
            frame = socket.recv(timeout=60)
            if isinstance(frame, bytes):
                continue
            message = json.loads(frame)
            if message["type"] == "checked":
                verdicts[message["index"]] = message["verdict"]
            if message["type"] == "done":
                break
    assert verdicts == {0: "passed", 1: "failed"}


def test_routes_of_other_servers_are_checked_as_the_server_is_set(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path, check="report")
    with serve(settings, FakeEngine, make_recognizer=FakeRecognizer) as server, server.client() as client:
        body = {"model": "tts-1", "input": GOOD, "voice": "heart"}
        assert client.post("/v1/audio/speech", json=body).headers["X-Chorus-Check"] == "mode=report"
        whole = client.post("/v1/audio/speech", json=body | {"stream": False})
        assert whole.headers["X-Chorus-Check"].startswith("mode=report, passed=1,")
        off = client.post("/v1/audio/speech", json=body | {"check": "off"})
        assert "X-Chorus-Check" not in off.headers


def test_a_text_without_words_is_silence_that_nobody_checks(speaking: RunningServer) -> None:
    num_before = len(fake(speaking).known)
    body = {"input": "…", "voice": "heart", "check": "retry", "stream": False, "response_format": "wav"}
    with speaking.client() as client:
        answer = client.post("/v1/audio/speech", json=body)
    assert answer.status_code == 200
    assert not samples_of(answer).any()
    assert len(fake(speaking).known) == num_before
    check(post(speaking, text="…", check="retry"), 422, "nothing_to_speak", "text")


def test_a_language_that_the_recogniser_does_not_know_is_spoken_unchecked(tmp_path: Path) -> None:
    recognizer = FakeRecognizer(fails=UnsupportedLanguage("the recogniser does not know the language 'de'"))
    with serve(Settings(data=tmp_path), FakeEngine, make_recognizer=lambda: recognizer) as server:
        answer = post(server, check="report", timestamps="segment", language="de").json()
    assert {each["verdict"] for each in answer["checks"]} == {"unchecked"}
    assert "does not know the language" in answer["warnings"][0]


def test_without_a_recogniser_a_check_is_refused_and_the_default_is_not(embedded_server: RunningServer) -> None:
    for mode in ("report", "retry"):
        check(post(embedded_server, check=mode), 501, "transcription_unavailable", "check", says="recognizer_missing")
    assert post(embedded_server, check="off").status_code == 200
    check(post(embedded_server, check="maybe"), 400, "invalid_field", "check")
    with connect(embedded_server.url.replace("http", "ws") + "/ws/tts") as socket:
        socket.send(json.dumps({"type": "start", "check": "retry"}))
        assert json.loads(socket.recv(timeout=30))["error"]["code"] == "transcription_unavailable"


@pytest.mark.slow
def test_damaged_segments_are_heard_and_mended_and_the_others_keep_their_samples(tmp_path: Path) -> None:
    """Whisper base and a voice that damages many of its attempts."""
    needs_embedded_model()
    text = " ".join(SENTENCES[:4])
    settings = Settings(data=tmp_path)
    body = {"text": text, "seed": 2, "timestamps": "segment", "format": "pcm"}
    with serve(settings, EmbeddedEngine) as server, server.client(timeout=240.0) as client:
        whole = client.post("/tts", json=body).json()
    damaged = serve(settings, lambda: DamagingEngine(0.4), make_recognizer=open_embedded)
    with damaged as server, server.client(timeout=240.0) as client:
        mended = client.post("/tts", json=body | {"check": "retry"}).json()
    assert isinstance(server.engine, DamagingEngine)
    first = dict(reversed(server.engine.attempts))
    assert any(first.values())
    assert not all(first.values())
    for expected, given, checked in zip(whole["segments"], mended["segments"], mended["checks"], strict=True):
        assert checked["verdict"] == "passed", checked
        if checked["num_attempts"] == 1:
            assert segment_of(mended, given) == segment_of(whole, expected)
    assert sum(each["num_attempts"] > 1 for each in mended["checks"]) == sum(map(bool, first.values()))


def segment_of(answer: Any, segment: Any) -> bytes:
    pcm = base64.b64decode(answer["audio"]["data"])
    return pcm[2 * round(24_000 * segment["start_s"]) : 2 * round(24_000 * segment["end_s"])]
