"""`POST /voices/check` on speech that is spoiled on purpose."""

import base64
import io
from typing import Any

import httpx
import numpy as np
import pytest
import soundfile

from app.audio.loudness import speech_level_dbfs
from tests.support.http import check
from tests.support.http import clone as speak_as
from tests.support.recordings import voice_like, wav
from tests.support.server import RunningServer

RATE_HZ = 24_000
TEXT = "The quick brown fox jumps over the lazy dog. Then it sleeps in the warm sun. Nothing more was said about it."


@pytest.fixture(scope="module")
def speech(embedded_server: RunningServer) -> Any:
    """Six seconds of the embedded voice with three silent pauses in it."""
    with embedded_server.client() as client:
        answer = client.post("/tts", json={"text": TEXT + " It is late.", "seed": 1})
    samples, _ = soundfile.read(io.BytesIO(answer.content), dtype="float32")
    return samples


def measure(server: RunningServer, *recordings: bytes) -> Any:
    files = [("reference_audio", (f"{number}.wav", data)) for number, data in enumerate(recordings)]
    with server.client() as client:
        answer = client.post("/voices/check", files=files)
    assert answer.status_code == 200, answer.text
    return answer.json()


def measure_one(server: RunningServer, samples: Any, rate_hz: int = RATE_HZ) -> Any:
    checked = measure(server, wav(samples, rate_hz))
    assert checked["verdict"] == checked["recordings"][0]["verdict"]
    return checked["recordings"][0]


def with_noise(speech: Any, snr_db: float) -> Any:
    noise_rms = 10 ** ((speech_level_dbfs(speech, RATE_HZ) - snr_db) / 20)
    return speech + np.random.default_rng(0).normal(0, noise_rms, len(speech))


@pytest.mark.parametrize(("snr_db", "verdict"), [(10, "usable"), (15, "usable"), (30, "good"), (40, "good")])
def test_noise_is_measured_to_three_decibels(
    embedded_server: RunningServer, speech: Any, snr_db: float, verdict: str
) -> None:
    measured = measure_one(embedded_server, with_noise(speech, snr_db))
    assert measured["snr_db"] == pytest.approx(snr_db, abs=3)
    assert measured["noise_dbfs"] == pytest.approx(speech_level_dbfs(speech, RATE_HZ) - snr_db, abs=3)
    assert measured["verdict"] == verdict
    assert [sentence[:12] for sentence in measured["advice"]] == (["It is noisy:"] if verdict == "usable" else [])


def test_speech_with_silent_pauses_is_good_and_its_noise_is_the_least_there_is(
    embedded_server: RunningServer, speech: Any
) -> None:
    measured = measure_one(embedded_server, speech)
    assert measured["level_dbfs"] == pytest.approx(speech_level_dbfs(speech, RATE_HZ), abs=0.1)
    assert measured == {
        "name": "0.wav",
        "seconds": round(len(speech) / RATE_HZ, 3),
        "sample_rate_hz": RATE_HZ,
        "level_dbfs": measured["level_dbfs"],
        "clipped_share": 0.0,
        "noise_dbfs": -100.0,
        "snr_db": pytest.approx(100 + measured["level_dbfs"], abs=0.2),
        "verdict": "good",
        "advice": [],
    }


def test_where_there_is_no_pause_the_noise_is_unknown(embedded_server: RunningServer) -> None:
    measured = measure_one(embedded_server, voice_like(8))
    assert (measured["noise_dbfs"], measured["snr_db"], measured["verdict"]) == (None, None, "usable")
    assert "no pauses" in measured["advice"][0]


def test_silence_has_no_level(embedded_server: RunningServer) -> None:
    measured = measure_one(embedded_server, np.zeros(RATE_HZ * 8))
    assert (measured["level_dbfs"], measured["noise_dbfs"], measured["snr_db"]) == (None, None, None)
    assert measured["advice"] == [
        "It is silent: its level is below -70 dBFS, at least -50 dBFS are needed; record it louder."
    ]


def test_clipping_is_measured_and_its_share_decides(embedded_server: RunningServer, speech: Any) -> None:
    a_little, much = (np.clip(speech * gain, -1, 1) for gain in (3, 40))
    assert measure_one(embedded_server, speech)["clipped_share"] == 0
    usable = measure_one(embedded_server, a_little)
    assert 0.001 < usable["clipped_share"] < 0.01
    assert (usable["verdict"], "It is clipped" in usable["advice"][0]) == ("usable", True)
    assert measure_one(embedded_server, much)["verdict"] == "unusable"


def test_what_is_called_unusable_is_what_is_refused_and_in_the_same_words(
    fake_server: RunningServer, speech: Any
) -> None:
    square = np.sign(np.sin(np.arange(RATE_HZ * 8) / 20))
    recordings = {
        "good": wav(speech),
        "noisy": wav(with_noise(speech, 5)),
        "quiet": wav(speech * 0.05),
        "short": wav(speech[: RATE_HZ * 3]),
        "too short": wav(speech[:RATE_HZ]),
        "too quiet": wav(speech * 0.01),
        "silent": wav(np.zeros(RATE_HZ * 4)),
        "clipped": wav(square),
        "4 kHz": wav(speech[::6], 4000),
    }
    verdicts = {}
    for name, recording in recordings.items():
        measured = measure(fake_server, recording)["recordings"][0]
        verdicts[name] = measured["verdict"]
        refusal = speak_as(fake_server, recording)
        assert (measured["verdict"] == "unusable") == (refusal.status_code == 422)
        if refusal.status_code == 422:
            says = measured["advice"][0].removeprefix("It ").removesuffix(".")
            assert refusal.json()["error"]["message"] == f"clip.wav {says}"
    assert verdicts == dict.fromkeys(recordings, "unusable") | {
        "good": "good", "noisy": "usable", "quiet": "usable", "short": "usable",
    }  # fmt: skip


def test_the_verdict_on_several_recordings_is_that_of_the_worst(embedded_server: RunningServer, speech: Any) -> None:
    good, usable, unusable = wav(speech), wav(speech[: RATE_HZ * 3]), wav(speech[:RATE_HZ])
    assert measure(embedded_server, good, good)["verdict"] == "good"
    assert measure(embedded_server, good, usable)["verdict"] == "usable"
    checked = measure(embedded_server, unusable, good, usable)
    assert [each["verdict"] for each in checked["recordings"]] == ["unusable", "good", "usable"]
    assert checked["verdict"] == "unusable"


def test_what_is_not_used_is_told(embedded_server: RunningServer, speech: Any) -> None:
    measured = measure_one(embedded_server, np.tile(speech, 6))
    assert measured["seconds"] == 30.0
    assert (measured["verdict"], measured["advice"]) == ("good", ["Of it the first 30 s are used."])


def test_json_with_base64_is_measured_too_and_what_is_no_audio_is_refused(
    embedded_server: RunningServer, speech: Any
) -> None:
    def ask(**body: object) -> httpx.Response:
        with embedded_server.client() as client:
            return client.post("/voices/check", json=body)

    checked = ask(reference_audio=[base64.b64encode(wav(speech)).decode()]).json()
    assert (checked["recordings"][0]["name"], checked["verdict"]) == ("clip 1", "good")
    no_audio = base64.b64encode(b"no audio at all").decode()
    check(ask(reference_audio=[no_audio]), 415, "unreadable_audio", "reference_audio", "clip 1")
    check(ask(reference_audio=[]), 400, "invalid_field", "reference_audio")
    check(ask(reference_audio=[no_audio], name="Ada"), 400, "invalid_field", "name")
