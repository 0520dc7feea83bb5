"""The whole server on the XTTS path: a checkpoint as published, a real server, a real socket."""

import io
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from app.settings import Settings
from tests.support.command import chorus
from tests.support.http import check, clone
from tests.support.recordings import voice_like, wav
from tests.support.server import RunningServer, chorus_serve, serve
from tests.support.speaking import TEXT, samples_of, speak
from tests.support.tiny_xtts import RELEASED_FILES
from tests.support.xtts import WITHOUT_INT8

VOICE = wav(voice_like(4))


def test_health_and_speakers_say_what_speaks(xtts_server: RunningServer) -> None:
    with xtts_server.client() as client:
        health = client.get("/health").json()
        assert (health["status"], health["engine"], health["device"]) == ("ok", "xtts", "cpu")
        assert health["precision"] == "float32"
        assert "a folder as published is not checked in int8" in health["precision_reason"]
        speakers = client.get("/speakers").json()
        assert [speaker["id"] for speaker in speakers["speakers"]] == ["Ada Tiny", "Björn Small"]
        assert len(speakers["speakers"][0]["languages"]) == 17


def test_a_stream_has_the_samples_of_a_whole_answer(xtts_server: RunningServer) -> None:
    whole = speak(xtts_server, format="pcm")
    streamed = speak(xtts_server, format="pcm", stream=True)
    assert whole.headers["X-Chorus-Engine"] == "xtts"
    assert whole.headers["X-Chorus-Precision"] == streamed.headers["X-Chorus-Precision"] == "float32"
    assert len(whole.content) > 48_000
    assert streamed.content == whole.content


@pytest.mark.slow
def test_a_dialogue_of_two_voices_has_the_samples_of_its_turns_joined(xtts_server: RunningServer) -> None:
    """Decoded in one batch, each turn from the same seed. The chunks of the vocoder change the last bit of a sum."""
    turns = [
        {"text": "Is anybody there?", "speaker_id": "Ada Tiny", "language": "en"},
        {"text": "Nur der Wind.", "speaker_id": "Björn Small", "language": "de", "speed": 1.2},
        {"text": "Then I will wait. It is late.", "speaker_id": "Ada Tiny"},
    ]
    with xtts_server.client(timeout=300.0) as client:
        asked = {"format": "pcm", "seed": 7}
        joined = b"".join(client.post("/tts", json=turn | asked).raise_for_status().content for turn in turns)
        for stream in (False, True):
            body = {"turns": turns, "stream": stream} | asked
            content = client.post("/tts", json=body).raise_for_status().content
            samples = [np.frombuffer(each, "<i2").astype(int) for each in (content, joined)]
            np.testing.assert_allclose(*samples, atol=1, rtol=0)


@WITHOUT_INT8
def test_a_server_in_int8_says_so_and_streams_the_samples_of_a_whole_answer(
    tiny_checkpoint: Path, tmp_path: Path
) -> None:
    settings = Settings(engine="xtts", model=str(tiny_checkpoint), data=tmp_path, precision="int8")
    with serve(settings) as server:
        with server.client() as client:
            health = client.get("/health").json()
        assert health["precision"] == "int8"
        assert health["precision_reason"].startswith("CHORUS_PRECISION=int8 asks for it")
        whole = speak(server, format="pcm")
        streamed = speak(server, format="pcm", stream=True)
        assert whole.headers["X-Chorus-Precision"] == streamed.headers["X-Chorus-Precision"] == "int8"
        samples = [np.frombuffer(answer.content, "<i2").astype(int) for answer in (streamed, whole)]
        np.testing.assert_allclose(*samples, atol=1, rtol=0)


def test_callers_at_the_same_time_hear_what_they_would_hear_alone(xtts_server: RunningServer) -> None:
    bodies = [
        {"seed": 1}, {"seed": 2}, {"seed": 1, "speaker_id": "Björn Small"}, {"seed": 3, "speed": 1.5},
        {"seed": 4, "temperature": 0.2, "top_k": 5, "top_p": 0.5, "repetition_penalty": 9}, {"seed": 5, "stream": True},
    ]  # fmt: skip
    alone = [samples_of(speak(xtts_server, **body)) for body in bodies]
    with ThreadPoolExecutor(12) as pool:
        together = list(pool.map(lambda body: samples_of(speak(xtts_server, **body)), bodies * 2))
    for ours, expected in zip(together, alone * 2, strict=True):
        # A product over other rows rounds otherwise: a sample may fall on the next of 65,536 steps.
        np.testing.assert_allclose(ours, expected, atol=2 / 32768)
    assert len({len(samples) for samples in alone}) > 3


@pytest.mark.parametrize("language", ["de", "zh-cn", "ja", "ko", "hi", "ar"])
def test_other_languages_are_spoken(xtts_server: RunningServer, language: str) -> None:
    texts = {"de": "Guten Tag, liebe Leute.", "zh-cn": "你好，世界。", "ja": "こんにちは。", "ko": "안녕하세요.",
             "hi": "नमस्ते, आप कैसे हैं 3।", "ar": "مرحبا بكم جميعا."}  # fmt: skip
    answer = speak(xtts_server, text=texts[language], language=language)
    if language == "ar" and RELEASED_FILES is None:  # the project's own vocabulary has no Arabic letters
        check(answer, 422, "nothing_to_speak", "text", "no sound")
    else:
        assert len(samples_of(answer)) > 10_000


def test_a_recording_becomes_a_voice_and_the_same_one_again(xtts_server: RunningServer) -> None:
    with xtts_server.client() as client:
        files = [("reference_audio", ("a.wav", VOICE)), ("reference_audio", ("b.wav", wav(voice_like(3, 0.2))))]
        both = client.post("/voice-clone", data={"text": TEXT, "seed": "1"}, files=files)
    one = clone(xtts_server, VOICE, text=TEXT, seed="1")
    again = clone(xtts_server, VOICE, text=TEXT, seed="1")
    built_in = samples_of(speak(xtts_server))
    assert np.array_equal(samples_of(one), samples_of(again))
    for other in (samples_of(both), built_in):
        assert len(other) != len(samples_of(one)) or np.abs(other - samples_of(one)).max() > 0.01


def test_of_a_recording_of_twenty_minutes_the_first_seconds_are_used_and_it_is_told(xtts_server: RunningServer) -> None:
    file = io.BytesIO()
    with soundfile.SoundFile(file, "w", 8_000, 1, format="FLAC") as writer:
        for _ in range(120):
            writer.write(voice_like(10)[::3])
    answer = clone(xtts_server, file.getvalue())
    assert len(samples_of(answer)) > 10_000
    assert "of recording 1 the first 30 s are used" in answer.headers["X-Chorus-Warnings"]


@pytest.mark.parametrize(
    ("body", "status", "code", "param", "says"),
    [
        ({"speaker_id": "Ada Tny"}, 404, "unknown_speaker", "speaker_id", "Ada Tiny"),
        ({"language": "sv"}, 400, "unsupported_language", "language", "sv"),
        ({"text": "ж" * 180 + " ж" * 30, "language": "ru"}, 200, "", None, ""),
        ({"text": "\u0416" * 1500, "language": "fr"}, 200, "", None, ""),
        ({"text": "世界"}, 422, "nothing_to_speak", "text", "no sound"),
        ({"temperature": 0}, 400, "invalid_field", "temperature", "0"),
    ],
)
def test_what_cannot_be_spoken_is_refused_before_the_first_byte(
    xtts_server: RunningServer, body: dict[str, Any], status: int, code: str, param: str | None, says: str
) -> None:
    for stream in (False, True):
        answer = speak(xtts_server, stream=stream, **body)
        if status == 200:
            assert answer.status_code == 200, answer.text
        else:
            check(answer, status, code, param, says)


@pytest.mark.parametrize(
    ("recording", "status", "code"),
    [
        (b"", 415, "unreadable_audio"),
        (b"no recording at all", 415, "unreadable_audio"),
        (VOICE[:200], 422, "unusable_reference"),
        (wav(np.zeros(24_000 * 4)), 422, "unusable_reference"),
        (wav(np.sign(np.sin(np.arange(24_000 * 4) / 20))), 422, "unusable_reference"),
        (wav(voice_like(0.5)), 422, "unusable_reference"),
    ],
    ids=["empty", "text", "cut off", "silent", "clipped", "too short"],
)
def test_recordings_that_give_no_voice_are_refused_while_others_are_spoken_to(
    xtts_server: RunningServer, recording: bytes, status: int, code: str
) -> None:
    with ThreadPoolExecutor(2) as pool:
        speaking = pool.submit(speak, xtts_server)
        answer = clone(xtts_server, recording)
        assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
        assert len(samples_of(speaking.result())) > 24_000


def test_a_server_without_usable_weights_ends_with_one_line_and_is_never_ok(
    tmp_path: Path, tiny_checkpoint: Path
) -> None:
    missing = chorus("serve", CHORUS_ENGINE="xtts", CHORUS_MODEL=str(tmp_path / "none"), CHORUS_PORT="0")
    assert missing.returncode == 1
    assert "there is no folder" in missing.stderr.splitlines()[-1]
    unaccepted = chorus("serve", CHORUS_ENGINE="xtts", CHORUS_DATA=str(tmp_path), CHORUS_PORT="0")
    assert unaccepted.returncode == 1
    assert "CHORUS_ACCEPT_CPML=1" in unaccepted.stderr.splitlines()[-1]
    broken = tmp_path / "broken"
    broken.mkdir()
    for name in ("config.json", "vocab.json"):
        (broken / name).write_bytes((tiny_checkpoint / name).read_bytes())
    (broken / "model.pth").write_bytes((tiny_checkpoint / "model.pth").read_bytes()[:1_000_000])
    server = chorus_serve(tmp_path / "data", CHORUS_ENGINE="xtts", CHORUS_MODEL=str(broken))
    with pytest.raises(AssertionError, match="the server ended with 1"), server:
        pass


def test_the_commands_speak_with_xtts_too(tiny_checkpoint: Path, tmp_path: Path) -> None:
    environ = {"CHORUS_MODEL": str(tiny_checkpoint), "CHORUS_DATA": str(tmp_path)}
    said = chorus("say", "Hello there.", "-o", str(tmp_path / "hello.wav"), **environ)
    assert said.returncode == 0, said.stderr
    assert soundfile.info(tmp_path / "hello.wav").duration > 0.4
    doctor = chorus("doctor", **environ)
    assert "engine: xtts, because its weights are in" in doctor.stdout
    voices = chorus("voices", **environ)
    assert "Björn Small" in voices.stdout
