"""`POST /transcribe`, and what every route that transcribes does with recordings and refusals."""

import io
import logging
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from app.asr.installation import HOW_TO_INSTALL
from app.errors import EngineFailure
from app.settings import ApiKeys
from tests.support.fake_recognizer import FakeRecognizer
from tests.support.http import check, get
from tests.support.recordings import voice_like, wav
from tests.support.server import RunningServer
from tests.support.transcribing import (
    RECORDING,
    ROUTE,
    TEXT,
    TRANSLATIONS,
    fake,
    send,
    transcribing,
)

PATHS = ["/transcribe", ROUTE, TRANSLATIONS]


def test_one_answer_has_text_language_length_segments_and_words(server: RunningServer) -> None:
    answer = send(server, "/transcribe")
    assert answer.status_code == 200
    transcript = answer.json()
    assert (transcript["text"], transcript["language"], transcript["duration_s"]) == (TEXT, "en", 2.5)
    assert [segment["text"] for segment in transcript["segments"]] == ["Good morning.", "The river is wide."]
    assert [word["text"] for word in transcript["words"]] == TEXT.split()
    assert transcript["warnings"] == []
    assert answer.headers["X-Audio-Seconds"] == "2.500"
    assert answer.headers["Server-Timing"] == "queue;dur=10.0, total;dur=100.0"


def test_a_body_that_is_no_form_is_the_recording_and_the_query_has_the_options(server: RunningServer) -> None:
    for content_type in ("audio/wav", "application/octet-stream", "application/x-www-form-urlencoded", None):
        headers = {"Content-Type": content_type} if content_type else {}
        with server.client() as client:
            answer = client.post("/transcribe?language=de&words=false&prompt=Ada", content=RECORDING, headers=headers)
        assert (answer.status_code, answer.json()["language"]) == (200, "de")
        asked = fake(server).requests[-1]
        assert (asked.language, asked.word_timestamps, asked.prompt) == ("de", False, "Ada")


def test_the_recogniser_gets_16_khz_mono_of_any_recording(server: RunningServer) -> None:
    stereo = np.stack([voice_like(3)] * 2, axis=1)
    for rate_hz, container in ((8_000, "WAV"), (44_100, "FLAC"), (48_000, "OGG")):
        file = io.BytesIO()
        soundfile.write(file, stereo[: 3 * rate_hz], rate_hz, format=container)
        assert send(server, "/transcribe", file.getvalue()).status_code == 200
        samples = fake(server).requests[-1].samples
        assert samples.dtype == np.int16
        assert len(samples) == pytest.approx(len(stereo[: 3 * rate_hz]) / rate_hz * 16_000, abs=200)
        assert np.std(samples / 32_768) == pytest.approx(0.1, rel=0.5)


def test_options_reach_the_recogniser(server: RunningServer) -> None:
    send(server, "/transcribe", task="translate", temperature="0.5", language="en_US", words="0", prompt="Chorus")
    asked = fake(server).requests[-1]
    assert (asked.task, asked.temperature, asked.language) == ("translate", 0.5, "en")
    assert (asked.word_timestamps, asked.prompt) == (False, "Chorus")


@pytest.mark.parametrize(
    ("named", "code"), [("de", "de"), ("DE", "de"), ("de-AT", "de"), ("de_de", "de"), ("German", "de"), ("", None)]
)
@pytest.mark.parametrize("path", ["/transcribe", ROUTE])
def test_a_language_is_a_code_or_its_english_name(
    server: RunningServer, path: str, named: str, code: str | None
) -> None:
    assert send(server, path, language=named).status_code == 200
    assert fake(server).requests[-1].language == code


@pytest.mark.parametrize("path", ["/transcribe", ROUTE])
def test_a_wrong_language_is_refused_by_its_name(server: RunningServer, path: str) -> None:
    check(send(server, path, language="klingon"), 400, "unsupported_language", "language", "en, de")


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"temperature": "1.5"}, "temperature"),
        ({"temperature": "-0.1"}, "temperature"),
        ({"temperature": "warm"}, "temperature"),
        ({"task": "summarise"}, "task"),
        ({"words": "perhaps"}, "words"),
        ({"prompt": "x" * 10_001}, "prompt"),
        ({"language": "x" * 200}, "language"),
        ({"langauge": "de"}, "langauge"),
    ],
)
def test_a_field_out_of_bounds_or_unknown_is_named(server: RunningServer, fields: dict[str, str], param: str) -> None:
    check(send(server, "/transcribe", **fields), 400, "invalid_field", param)
    with server.client() as client:
        check(client.post("/transcribe", params=fields, content=RECORDING), 400, "invalid_field", param)


def test_a_field_that_comes_twice_is_refused(server: RunningServer) -> None:
    with server.client() as client:
        twice = client.post("/transcribe?language=de&language=en", content=RECORDING)
        check(twice, 400, "invalid_field", "language", "once")
        both = client.post("/transcribe?language=de", data={"language": "en"}, files={"file": ("a.wav", RECORDING)})
        check(both, 400, "invalid_field", "language", "once")


GOOD = wav(voice_like(3))


def not_a_number() -> bytes:
    file = io.BytesIO()
    soundfile.write(file, np.full(24_000, math.nan, np.float32), 24_000, format="WAV", subtype="FLOAT")
    return file.getvalue()


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    ("recording", "says"),
    [
        (b"", "empty"),
        (b"this is a text file, not a recording of anybody", "not audio"),
        (np.random.default_rng(0).bytes(100_000), "not audio"),
        (bytes(100_000), "not audio"),
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + bytes(300), "no audio track"),
        (GOOD[:20], "not audio"),
        (GOOD[:44], "holds no audio"),
        (wav([]), "holds no audio"),
        (not_a_number(), "NaN"),
        (b"ffconcat version 1.0\nfile other.wav\n", "not audio"),
    ],
    ids=["empty", "text", "noise", "zeros", "png", "cut header", "header", "no samples", "nan", "playlist"],
)
def test_what_is_not_audio_is_refused_as_the_field_file(
    server: RunningServer, path: str, recording: bytes, says: str
) -> None:
    check(send(server, path, recording, name="clip.wav"), 415, "unreadable_audio", "file", says)


@pytest.mark.parametrize("path", PATHS)
def test_a_recording_without_speech_is_200_with_an_empty_text(tmp_path: Path, path: str) -> None:
    with transcribing(tmp_path, FakeRecognizer(segments=())) as server:
        answer = send(server, path, wav(np.zeros(24_000)))
        assert (answer.status_code, answer.json()["text"]) == (200, "")


def test_speech_cut_short_is_transcribed_as_far_as_it_goes(server: RunningServer) -> None:
    assert send(server, "/transcribe", GOOD[: len(GOOD) // 2]).json()["duration_s"] == pytest.approx(1.5, abs=0.01)


@pytest.mark.parametrize("path", PATHS)
def test_without_a_file_the_field_is_named(server: RunningServer, path: str) -> None:
    with server.client() as client:
        form = {"model": (None, "whisper-1")} if path.startswith("/v1") else {"language": (None, "en")}
        check(client.post(path, files=form), 400, "invalid_field", "file", "0 came")
        two = [("file", ("a.wav", RECORDING)), ("file", ("b.wav", RECORDING))]
        check(client.post(path, data={"model": "x"}, files=two), 400, "invalid_field", "file", "2 came")


@pytest.mark.parametrize("path", PATHS)
def test_a_failure_of_the_recogniser_is_500(tmp_path: Path, path: str) -> None:
    with transcribing(tmp_path, FakeRecognizer(fails=EngineFailure("the recogniser failed"))) as server:
        check(send(server, path), 500, "engine_failure")
        assert fake(server).streams[0].is_closed


@pytest.mark.parametrize("path", PATHS)
def test_a_server_without_a_recogniser_says_which_command_adds_one(fake_server: RunningServer, path: str) -> None:
    check(send(fake_server, path), 501, "transcription_unavailable", says=HOW_TO_INSTALL)
    assert "make asr" in HOW_TO_INSTALL


def test_transcriptions_need_a_key_and_count_against_its_limits(tmp_path: Path) -> None:
    with transcribing(tmp_path, api_keys=ApiKeys("secret"), requests_per_minute=2) as server:
        check(send(server, "/transcribe"), 401, "invalid_api_key")
        with server.client() as client:
            client.headers["Authorization"] = "Bearer secret"
            statuses = [client.post("/transcribe", content=RECORDING).status_code for _ in range(3)]
    assert statuses == [200, 200, 429]


def test_the_log_has_the_figures_of_a_transcription_and_not_its_text(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO), transcribing(tmp_path) as server:
        send(server, "/transcribe")
        line = access_line(server, caplog)
    figures = {"segments": 2, "windows": 1, "fallbacks": 0, "audio_s": 2.5, "speech_s": 2.5}
    times = {"queue_s": 0.01, "total_s": 0.1}
    expected = {"language": "en", "stream": False} | figures | times
    assert {name: line[name] for name in expected} == expected
    assert "river" not in caplog.text


def test_the_log_has_the_length_of_a_recording_that_is_not_transcribed_to_its_end(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    broken = FakeRecognizer(fails=EngineFailure("the model is gone"))
    with caplog.at_level(logging.INFO), transcribing(tmp_path, broken) as server:
        assert send(server, "/transcribe").status_code == 500
        line = access_line(server, caplog)
    assert (line["status"], line["audio_s"], line["segments"], line["language"]) == (500, 2.5, 2, "en")
    assert line.keys() & {"speech_s", "queue_s", "total_s"} == set()


def access_line(server: RunningServer, caplog: pytest.LogCaptureFixture) -> dict[str, Any]:
    """Fields of the first line of a request, which comes a moment after its answer."""
    for _ in range(2000):
        if lines := [record for record in caplog.records if record.name == "app.access"]:
            return vars(lines[0])["fields"]
        get(server, "/health/live")
    raise AssertionError("no line in the log")


def test_metrics_count_recordings_and_their_length(tmp_path: Path) -> None:
    with transcribing(tmp_path) as server:
        send(server, "/transcribe")
        with server.client() as client:
            page = client.get("/metrics").text
    assert "chorus_transcribed_seconds_total 2.5" in page
    assert "chorus_transcription_queue_seconds_count 1.0" in page
    assert "chorus_transcriptions_limit 4.0" in page
    assert 'chorus_requests_total{route="/transcribe",status="200"} 1.0' in page
    assert "chorus_recognizer_slots_limit 2.0" in page
    assert "chorus_recognizer_busy_seconds_total 0.0" in page


def test_the_documentation_has_the_languages_and_formats_of_transcription(
    server: RunningServer, fake_server: RunningServer
) -> None:
    document: Any = get(server, "/docs/openapi.json")
    schemas = document["components"]["schemas"]
    upload = schemas["OpenAITranscriptionUpload"]["properties"]
    assert upload["file"]["format"] == "binary"
    assert upload["language"]["anyOf"][0]["enum"] == ["en", "de", ""]
    assert schemas["TranscribeUpload"]["properties"]["language"]["enum"] == ["en", "de", ""]
    assert "enum" not in str(schemas["TranscriptAnswer"]["properties"]["language"])
    without: Any = get(fake_server, "/docs/openapi.json")
    assert "enum" not in without["components"]["schemas"]["TranscribeUpload"]["properties"]["language"]
    answer = document["paths"][ROUTE]["post"]["responses"]["200"]
    assert set(answer["content"]) == {"application/json", "text/plain", "text/vtt", "text/event-stream"}
