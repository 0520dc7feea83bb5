"""Coqui's `/api/tts`, MaryTTS's `/process` and speaches' voices, as their clients ask for them."""

import io
from typing import Any
from urllib.parse import urlencode

import pytest
import soundfile

from tests.support.fake_server import fake
from tests.support.http import check
from tests.support.server import RunningServer

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
SPEAK2MARY = {
    "INPUT_TEXT": "The fox went home.",
    "OUTPUT_TYPE": "AUDIO",
    "INPUT_TYPE": "TEXT",
    "LOCALE": "en_US",
    "AUDIO": "WAVE_FILE",
    "VOICE": "cmu-slt-hsmm",
}
"""Query of speak2mary 1.5.0, which Home Assistant uses, without settings."""


def seconds(audio: bytes) -> float:
    samples, rate_hz = soundfile.read(io.BytesIO(audio))
    return len(samples) / rate_hz


def test_a_text_in_query_form_or_headers_is_a_whole_wav(embedded_server: RunningServer) -> None:
    asked = {"text": "The fox went home.", "speaker_id": "heart", "language_id": "en", "style_wav": ""}
    with embedded_server.client() as client:
        answers = [
            client.get("/api/tts", params=asked),
            client.post("/api/tts", data=asked),
            client.post("/api/tts", params=asked),
            client.get("/api/tts", headers={"text": asked["text"], "speaker-id": "heart", "language-id": "en"}),
        ]
    for answer in answers:
        assert (answer.status_code, answer.headers["Content-Type"]) == (200, "audio/wav")
        assert 0.7 < seconds(answer.content) < 2.5


def test_speak2mary_is_answered_as_it_asks(embedded_server: RunningServer) -> None:
    with embedded_server.client() as client:
        answer = client.post("/process", content=urlencode(SPEAK2MARY))  # it sends no Content-Type
        assert answer.status_code == 200
        assert 0.7 < seconds(answer.content) < 2.5
        assert client.get("/process", params=SPEAK2MARY).status_code == 200
        assert client.get("/locales").text == "en\n"


def test_voice_and_language_are_those_that_are_named(fake_server: RunningServer) -> None:
    with fake_server.client() as client:
        client.get("/api/tts", params={"text": "Eins zwei.", "speaker_id": "Harald", "language_id": "de"})
        client.get("/process", params={"INPUT_TEXT": "Eins zwei.", "VOICE": "Harald", "LOCALE": "de_DE"})
    assert [(each.voice.id, each.sequences[0].language) for each in fake(fake_server).requests] == [
        ("harald", "de")
    ] * 2


def test_ovos_plugin_names_its_voice_as_voice_and_none_as_default(fake_server: RunningServer) -> None:
    """tts-plugin-mozilla-remote 3.1.0."""
    with fake_server.client() as client:
        for voice in ("default", "Harald", "%48arald"):
            asked = {"text": "One two.", "voice": voice, "language_id": "en-US"}
            assert client.get("/api/tts", params=asked).status_code == 200
        both = {"text": "One two.", "voice": "heart", "speaker_id": "harald"}
        check(client.get("/api/tts", params=both), 400, "invalid_field", "voice")
    assert [each.voice.id for each in fake(fake_server).requests] == ["heart", "harald", "harald"]


def test_effects_of_mary_are_reported(embedded_server: RunningServer) -> None:
    asked = SPEAK2MARY | {"effect_Robot_selected": "on"}
    with embedded_server.client() as client:
        assert "effect_Robot_selected has no effect" in client.post("/process", data=asked).headers["X-Chorus-Warnings"]


@pytest.mark.parametrize(
    ("path", "fields", "status", "code", "param"),
    [
        ("/api/tts", {}, 400, "invalid_field", "text"),
        ("/api/tts", {"text": ""}, 400, "invalid_field", "text"),
        ("/api/tts", {"text": "Hi.", "speaker_id": "hibari"}, 404, "unknown_speaker", "speaker_id"),
        ("/api/tts", {"text": "Hi.", "speaker_wav": "/etc/passwd"}, 400, "invalid_field", "speaker_wav"),
        ("/api/tts", {"text": "Hi.", "language_id": "tlh"}, 400, "unsupported_language", "language_id"),
        ("/process", {}, 400, "invalid_field", "INPUT_TEXT"),
        ("/process", SPEAK2MARY | {"AUDIO": "AU_FILE"}, 400, "invalid_field", "AUDIO"),
        ("/process", SPEAK2MARY | {"INPUT_TYPE": "RAWMARYXML"}, 400, "invalid_field", "INPUT_TYPE"),
        ("/process", SPEAK2MARY | {"VOICE": "hibari"}, 404, "unknown_speaker", "VOICE"),
        ("/process", SPEAK2MARY | {"INPUT_TEXT": "x" * 1001}, 413, "text_too_long", "INPUT_TEXT"),
    ],
)
def test_a_bad_field_is_named_as_the_client_named_it(
    fake_server: RunningServer, path: str, fields: dict[str, Any], status: int, code: str, param: str
) -> None:
    with fake_server.client() as client:
        check(client.get(path, params=fields), status, code, param)
        check(client.post(path, content=urlencode(fields), headers=FORM), status, code, param)


def test_speaches_voices_are_listed_for_a_model(fake_server: RunningServer) -> None:
    with fake_server.client() as client:
        voices = client.get("/v1/audio/speech/voices", params={"model_id": "kokoro"}).json()
    assert [(voice["model_id"], voice["voice_id"]) for voice in voices] == [("kokoro", "heart"), ("kokoro", "harald")]
