"""`timestamps: "word"`: each word of an answer with its time in the delivered samples."""

import base64
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import soundfile
from click.testing import CliRunner
from websockets.sync.client import connect

from app.cli import main
from app.engine.embedded import EmbeddedEngine
from app.errors import EngineFailure
from app.settings import Settings
from tests.support.fake_recognizer import FakeRecognizer
from tests.support.http import check
from tests.support.server import RunningServer, serve
from tests.support.transcribing import fake

TEXT = "The quick fox jumps over 24 lazy dogs. Then it sleeps in the warm sun."
BODY = {"text": TEXT, "seed": 3, "timestamps": "word"}


@pytest.fixture(scope="module")
def speaking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    settings = Settings(data=tmp_path_factory.mktemp("data"))
    with serve(settings, EmbeddedEngine, make_recognizer=FakeRecognizer) as server:
        yield server


def post(server: RunningServer, **fields: Any) -> httpx.Response:
    with server.client() as client:
        return client.post("/tts", json=BODY | fields)


def events(answer: httpx.Response) -> list[tuple[str, Any]]:
    assert answer.status_code == 200, answer.text
    pairs = [block.split("\n") for block in answer.text.strip().split("\n\n")]
    return [(name.removeprefix("event: "), json.loads(data.removeprefix("data: "))) for name, data in pairs]


def test_every_word_lies_in_its_segment_and_captions_have_a_cue_for_each(speaking: RunningServer) -> None:
    answer = post(speaking).json()
    assert [each["index"] for each in answer["words"]] == [0, 1]
    words = [word for each in answer["words"] for word in each["words"]]
    assert " ".join(word["text"] for word in words) == TEXT
    for segment, each in zip(answer["segments"], answer["words"], strict=True):
        for word in each["words"]:
            assert segment["start_s"] <= word["start_s"] < word["end_s"] <= segment["end_s"] + 0.001
            assert word["probability"] == 0.95
    assert answer["srt"].count("-->") == answer["vtt"].count("-->") == len(words)
    assert answer["warnings"] == []


def test_the_recogniser_hears_the_delivered_samples_of_each_segment_and_the_text_in_both_forms(
    speaking: RunningServer,
) -> None:
    answer = post(speaking, speed=1.5).json()
    samples, rate_hz = soundfile.read(io.BytesIO(base64.b64decode(answer["audio"]["data"])))
    heard_of = {known.written: known for known in fake(speaking).known[-2:]}  # two at a time, in any order
    for segment in answer["segments"]:
        known = heard_of[segment["text"]]
        assert known.language == "en"
        heard = samples[round(segment["start_s"] * rate_hz) : round(segment["end_s"] * rate_hz)]
        samples_heard = known.samples[3_200:-3_200]  # with 0.2 s of silence around them
        assert len(samples_heard) == pytest.approx(len(heard) * 16_000 / rate_hz, abs=2)
        at = np.arange(len(samples_heard)) * rate_hz / 16_000
        delivered = np.interp(at, np.arange(len(heard)), heard)
        assert np.corrcoef(samples_heard, delivered)[0, 1] > 0.99
    assert "twenty four" in heard_of[answer["segments"][0]["text"]].spoken


def test_a_stream_has_the_words_of_each_segment_after_it_and_the_same_audio(speaking: RunningServer) -> None:
    found = events(post(speaking, stream=True, format="pcm"))
    names = [name for name, _ in found if name != "audio"]
    assert sorted(names) == ["done", "segment", "segment", "words", "words"]
    assert names[-1] == "done"
    for index in (0, 1):
        ended = found.index(
            ("segment", next(data for name, data in found if name == "segment" and data["index"] == index))
        )
        timed = next(at for at, (name, data) in enumerate(found) if name == "words" and data["index"] == index)
        assert ended < timed
    assert found[-1][1]["words"] == [data for name, data in found if name == "words"]
    plain = events(post(speaking, stream=True, format="pcm", timestamps="segment"))
    assert audio_of(found) == audio_of(plain)


def audio_of(found: list[tuple[str, Any]]) -> bytes:
    return b"".join(base64.b64decode(data["data"]) for name, data in found if name == "audio")


def test_the_words_of_turns_are_on_the_time_of_the_whole_answer(speaking: RunningServer) -> None:
    fields = {name: value for name, value in BODY.items() if name != "text"}
    turns = [{"text": "One boat came home.", "pause_ms": 500}, {"text": "Nobody saw the other one."}]
    with speaking.client() as client:
        answer = client.post("/tts", json=fields | {"turns": turns}).json()
    assert [each["index"] for each in answer["words"]] == [0, 1]
    for segment, each in zip(answer["segments"], answer["words"], strict=True):
        assert segment["start_s"] - 0.001 <= each["words"][0]["start_s"]
        assert each["words"][-1]["end_s"] <= segment["end_s"] + 0.001
    assert answer["srt"].count("-->") == 9


def test_segments_alone_ask_nothing_of_the_recogniser(speaking: RunningServer) -> None:
    num_before = len(fake(speaking).known)
    answer = post(speaking, timestamps="segment").json()
    assert "words" not in answer
    assert answer["srt"].count("-->") == 2
    assert len(fake(speaking).known) == num_before


def test_a_recogniser_that_fails_costs_the_words_and_says_so(tmp_path: Path) -> None:
    recognizer = FakeRecognizer(fails=EngineFailure("the recogniser failed"))
    with serve(Settings(data=tmp_path), EmbeddedEngine, make_recognizer=lambda: recognizer) as server:
        answer = post(server).json()
    assert len(answer["segments"]) == 2
    assert [each["words"] for each in answer["words"]] == [[], []]
    assert answer["warnings"] == [f"segment {index} has no times of words: the recogniser failed" for index in (0, 1)]


def test_without_a_recogniser_words_are_refused_before_any_audio(embedded_server: RunningServer) -> None:
    check(post(embedded_server), 501, "transcription_unavailable", says="need a speech recogniser")
    with connect(embedded_server.url.replace("http", "ws") + "/ws/tts") as socket:
        socket.send(json.dumps({"type": "start", "timestamps": "word"}))
        assert json.loads(socket.recv(timeout=30))["error"]["code"] == "transcription_unavailable"


def test_a_socket_sends_the_words_of_each_sentence_on_the_time_of_the_conversation(speaking: RunningServer) -> None:
    ended: dict[int, Any] = {}
    timed: dict[int, Any] = {}
    with connect(speaking.url.replace("http", "ws") + "/ws/tts") as socket:
        for message in ({"type": "start", "timestamps": "word"}, {"type": "text", "text": TEXT}, {"type": "end"}):
            socket.send(json.dumps(message))
        while True:
            frame = socket.recv(timeout=60)
            if isinstance(frame, bytes):
                continue
            message = json.loads(frame)
            if message["type"] == "segment_ended":
                ended[message["index"]] = message
            elif message["type"] == "words":
                timed[message["index"]] = message["words"]
            elif message["type"] == "done":
                break
    assert timed.keys() == ended.keys()
    assert " ".join(word["text"] for words in timed.values() for word in words) == TEXT
    for index, words in timed.items():
        assert ended[index]["start_s"] <= words[0]["start_s"] < words[-1]["end_s"] <= ended[index]["end_s"] + 0.001


def test_say_needs_a_file_for_the_words_and_a_recogniser(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHORUS_ASR_MODEL", "off")
    output = str(tmp_path / "a.wav")
    alone = CliRunner().invoke(main, ["say", "Hello.", "-o", output, "--words"])
    assert (alone.exit_code, "--captions" in alone.output) == (2, True)
    missing = CliRunner().invoke(main, ["say", "Hello.", "-o", output, "--captions", f"{output}.srt", "--words"])
    assert (missing.exit_code, "CHORUS_ASR_MODEL=off" in missing.output) == (1, True)
