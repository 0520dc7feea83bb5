"""The voice at OpenAI's speech route: names, aliases, recordings, and fields that are refused."""

import base64
import io
import json
import socket
from collections.abc import Iterator
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
import soundfile

from app.settings import load_settings
from tests.support.fake_engine import FakeEngine
from tests.support.http import check, get, post
from tests.support.recordings import voice_like, wav
from tests.support.samples import sample_bytes
from tests.support.server import RunningServer, serve
from tests.support.voices import save

SPEECH = "/v1/audio/speech"
RECORDING = wav(voice_like(3))
BASE64 = base64.b64encode(RECORDING).decode()
DATA_URL = f"data:audio/wav;base64,{BASE64}"


def serving(data: Path) -> AbstractContextManager[RunningServer]:
    environ = {"CHORUS_VOICE_ALIASES": "alloy=Harald, onyx=0123456789abcdef", "CHORUS_MODEL_NAMES": "kokoro"}
    return serve(load_settings(environ, data=data, max_upload_mb=2, asr_model="off"), FakeEngine)


@pytest.fixture(scope="module")
def aliased(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """No test saves a voice here."""
    with serving(tmp_path_factory.mktemp("data")) as server:
        yield server


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[RunningServer]:
    with serving(tmp_path) as server:
        yield server


def speak(server: RunningServer, **fields: Any) -> httpx.Response:
    return post(server, {"input": "Hello there.", "response_format": "wav"} | fields, SPEECH)


def voice_of(server: RunningServer, **fields: Any) -> tuple[str, Any]:
    answer = speak(server, **fields)
    assert answer.status_code == 200, answer.text
    voice = server.engine.requests[-1].voice  # type: ignore[union-attr]
    return voice.id, answer.headers.get("X-Chorus-Warnings")


@pytest.mark.parametrize(
    ("name", "id"), [("alloy", "harald"), ("ALLOY", "harald"), ("HEART", "heart"), ("echo", "heart"), (None, "heart")]
)
def test_a_name_means_its_alias_then_a_voice_and_openais_names_else_the_first(
    aliased: RunningServer, name: str | None, id: str
) -> None:
    assert voice_of(aliased, voice=name) == (id, None)


def test_a_stock_name_of_a_voice_that_is_gone_speaks_in_no_other(aliased: RunningServer) -> None:
    check(speak(aliased, voice="onyx"), 404, "unknown_speaker", "voice", "'0123456789abcdef', which the alias 'onyx'")


def test_a_saved_voice_is_found_by_name_and_alias_and_every_list_shows_them(fresh: RunningServer) -> None:
    saved = save(fresh, RECORDING, aliases="Verse, narrator").json()
    assert saved["aliases"] == ["Verse", "narrator"]
    for name in ("ada", "ADA", "verse", "Narrator", saved["id"]):
        assert voice_of(fresh, voice=name) == (saved["id"], None)
    assert get(fresh, f"/voices/{saved['id']}") == saved
    assert get(fresh, "/voices")["voices"] == [saved]
    shown = {speaker["id"]: speaker["aliases"] for speaker in get(fresh, "/speakers")["speakers"]}
    assert shown == {"heart": [], "harald": ["alloy"], saved["id"]: ["Verse", "narrator"]}
    names = ["heart", "harald", "alloy", saved["id"], "Verse", "narrator"]
    assert [voice["id"] for voice in get(fresh, "/v1/audio/voices")["voices"]] == names
    assert get(fresh, "/speakers_list") == names
    assert [voice["voice_id"] for voice in get(fresh, "/sillytavern/speakers")] == names


def test_the_same_recordings_sent_again_replace_the_aliases(fresh: RunningServer) -> None:
    first = save(fresh, RECORDING, aliases="one").json()
    assert save(fresh, RECORDING).json()["aliases"] == ["one"]
    again = save(fresh, RECORDING, aliases="two, TWO, three")
    assert (again.status_code, again.json()["aliases"]) == (200, ["TWO", "three"])
    assert get(fresh, f"/voices/{first['id']}") == again.json()
    assert voice_of(fresh, voice="three") == (first["id"], None)


@pytest.mark.parametrize("aliases", ["harald", "Heart", "alloy", "a=b", "x" * 81, "\x00"])
def test_an_alias_that_is_taken_or_cannot_be_said_is_refused(aliased: RunningServer, aliases: str) -> None:
    check(save(aliased, RECORDING, aliases=aliases), 400, "invalid_field", "aliases")


@pytest.mark.slow
def test_two_voices_of_one_name_are_told_apart_by_their_ids(fresh: RunningServer) -> None:
    ids = [save(fresh, wav(voice_like(3 + seconds))).json()["id"] for seconds in (0, 1)]
    refusal = speak(fresh, voice="Ada")
    check(refusal, 409, "ambiguous_speaker", "voice", "2 voices are called 'Ada'")
    assert all(id in refusal.json()["error"]["message"] for id in ids)


@pytest.mark.parametrize(
    "fields",
    [
        {"ref_audio": BASE64},
        {"ref_audio": DATA_URL, "ref_text": "Hello.", "task_type": "Base", "voice": "heart"},
        {"ref_audio": [DATA_URL]},
        {"reference_audio": [BASE64], "stream": False},
        {"references": [{"audio": BASE64, "text": "Hello."}]},
        {"ref_audio": BASE64, "stream_format": "sse"},
    ],
)
def test_a_recording_is_the_voice(aliased: RunningServer, fields: dict[str, Any]) -> None:
    assert voice_of(aliased, **fields) == ("clone of 1", None)


def test_a_recording_larger_than_a_text_may_be_is_the_voice_too(aliased: RunningServer) -> None:
    large = wav(voice_like(15))
    assert len(large) > 2**20 / 2
    data = base64.b64encode(large).decode()
    assert voice_of(aliased, references=[{"audio": data}, {"audio": data}])[0] == "clone of 2"


@pytest.mark.parametrize("field", ["ref_audio", "reference_audio", "references"])
@pytest.mark.parametrize(
    "address",
    ["https://example.com/a.wav", "HTTP://example.com/a.wav", " file:///etc/passwd", "s3://bucket/a.wav", "blob:x"],
)
def test_an_address_is_refused_and_says_why(
    aliased: RunningServer, embedded_server: RunningServer, field: str, address: str
) -> None:
    sent: Any = {"ref_audio": address, "reference_audio": [address], "references": [{"audio": address}]}[field]
    for server in (aliased, embedded_server):
        named = "ref_audio" if field == "reference_audio" else field
        check(speak(server, **{field: sent}), 400, "invalid_field", named, "nothing is ever fetched")


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"ref_audio": "data:audio/wav;base64,abc"}, "ref_audio"),
        ({"ref_audio": "/srv/voices/ada.wav"}, "ref_audio"),
        ({"ref_audio": ""}, "ref_audio"),
        ({"ref_audio": []}, "ref_audio"),
        ({"ref_audio": ["AAAA"] * 17}, "ref_audio"),
        ({"ref_audio": 7}, "ref_audio"),
        ({"references": [{"text": "Hello."}]}, "references"),
        ({"task_type": "Base"}, "task_type"),
        ({"task_type": "VoiceDesign", "instructions": "An old man."}, "task_type"),
        ({"task_type": "CustomVoice", "ref_audio": BASE64}, "task_type"),
        ({"ref_text": "Hello."}, "ref_text"),
        ({"speaker_embedding": [0.1] * 512}, "speaker_embedding"),
        ({"gpt_cond_latent": [[0.1]]}, "gpt_cond_latent"),
        ({"gpt_cond_latent_b64": "AAAA"}, "gpt_cond_latent_b64"),
        ({"speaker_wav": "ada.wav"}, "speaker_wav"),
        ({"speaker": "ada"}, "speaker"),
        ({"voice_id": "ada"}, "voice_id"),
        ({"referenceId": "ada"}, "referenceId"),
        ({"audio_prompt_path": "ada.wav"}, "audio_prompt_path"),
    ],
)
def test_no_field_that_says_who_speaks_is_dropped(
    aliased: RunningServer, embedded_server: RunningServer, fields: dict[str, Any], param: str
) -> None:
    for server in (aliased, embedded_server):
        answer = speak(server, **fields)
        if answer.status_code == 415:  # "" is base64 of nothing
            check(answer, 415, "unreadable_audio", "ref_audio")
        elif answer.status_code == 501:
            assert fields == {"ref_audio": ""}
        else:
            check(answer, 400, "invalid_field", param)


def test_fields_that_change_the_sound_only_are_reported(aliased: RunningServer) -> None:
    _, warnings = voice_of(aliased, exaggeration=0.5, voice_settings={"stability": 1}, preference="x", speaker=None)
    assert [warning.split()[0] for warning in warnings.split("; ")] == [
        *("exaggeration", "voice_settings", "preference", "speaker")
    ]


def test_an_engine_that_cannot_clone_says_so(embedded_server: RunningServer) -> None:
    check(speak(embedded_server, ref_audio=DATA_URL, task_type="Base"), 501, "cloning_unavailable")
    with embedded_server.client() as client:
        form = {"input": "Hello."}
        answer = client.post(f"{SPEECH}/upload", data=form, files={"voice_file": ("a.wav", RECORDING)})
    check(answer, 501, "cloning_unavailable")


def test_what_is_no_audio_is_refused_with_the_field(aliased: RunningServer) -> None:
    check(speak(aliased, ref_audio=base64.b64encode(b"no audio").decode()), 415, "unreadable_audio", "ref_audio")


def test_a_data_url_of_100_mb_is_refused_before_it_is_read(aliased: RunningServer) -> None:
    host, port = aliased.url.removeprefix("http://").split(":")
    head = f"POST {SPEECH} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        connection.sendall(f"{head}Content-Length: {100 * 2**20}\r\n\r\n".encode())
        assert connection.recv(100).startswith(b"HTTP/1.1 413 ")
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        connection.sendall(f"{head}Transfer-Encoding: chunked\r\n\r\n".encode())
        chunk = b"%x\r\n%s\r\n" % (2**16, b" " * 2**16)
        sent = 0
        connection.settimeout(30)
        with suppress(OSError):  # the server closes
            while sent < 100 * 2**20:
                connection.sendall(chunk)
                sent += 2**16
        assert sent < 20 * 2**20


def test_a_body_without_a_length_is_read_too(aliased: RunningServer) -> None:
    body = json.dumps({"input": "Hello.", "voice": "alloy"}).encode()
    with aliased.client() as client:
        answer = client.post(SPEECH, content=iter([body[:10], body[10:]]))
    assert answer.status_code == 200, answer.text
    assert aliased.engine.requests[-1].voice.id == "harald"  # type: ignore[union-attr]


@pytest.mark.parametrize("model", ["xtts", "xtts_v2", "xtts-v2", "tts-1", "kokoro", None])
def test_known_models_those_of_the_setting_and_none_mean_the_engine(aliased: RunningServer, model: str | None) -> None:
    assert voice_of(aliased, model=model)[0] == "heart"
    check(speak(aliased, model="bark"), 404, "model_not_found", "model", "kokoro")
    if model is not None:
        assert get(aliased, f"/v1/models/{model}")["id"] == model
        assert model in [listed["id"] for listed in get(aliased, "/v1/models")["data"]]


@pytest.mark.slow
def test_any_model_is_taken_where_the_setting_says_so(tmp_path: Path) -> None:
    settings = load_settings({"CHORUS_MODEL_NAMES": "*"}, data=tmp_path, asr_model="off")
    with serve(settings, FakeEngine) as server:
        assert voice_of(server, model="openai/tts-1")[0] == "heart"


@pytest.mark.parametrize("name", ["wav", "flac", "mp3", "opus", "aac", "pcm", "ulaw", "alaw"])
def test_without_streaming_a_file_is_whole_and_states_its_length(aliased: RunningServer, name: str) -> None:
    whole = speak(aliased, response_format=name, stream=False, seed=1)
    assert int(whole.headers["Content-Length"]) == len(whole.content)
    assert float(whole.headers["X-Audio-Seconds"]) == pytest.approx(0.2, abs=0.1)
    streamed = speak(aliased, response_format=name, stream=True, seed=1)
    assert "Content-Length" not in streamed.headers
    assert "X-Chorus-Warnings" not in streamed.headers
    if name in ("wav", "flac"):
        assert soundfile.info(io.BytesIO(whole.content)).duration == pytest.approx(0.2, abs=0.1)
    else:
        assert sample_bytes(whole.content) == sample_bytes(streamed.content)


@pytest.mark.parametrize("language", ["German", "german", "GERMAN", "de", "DE-at"])
def test_a_language_is_known_by_its_name_too(aliased: RunningServer, language: str) -> None:
    assert voice_of(aliased, language=language) == ("heart", None)
    assert aliased.engine.requests[-1].sequences[0].language == "de"  # type: ignore[union-attr]


def test_auto_is_the_default_language_with_a_warning(aliased: RunningServer) -> None:
    _, warnings = voice_of(aliased, language="Auto")
    assert "not found out" in warnings
    check(speak(aliased, language="Klingon"), 400, "unsupported_language", "language")


def test_a_form_speaks_as_json_does_and_takes_a_recording_as_a_file(aliased: RunningServer) -> None:
    fields = {"input": "Hello there.", "voice": "alloy", "response_format": "pcm", "seed": "1", "speed": "1.0"}
    with aliased.client() as client:
        plain = client.post(f"{SPEECH}/upload", data=fields)
        assert plain.status_code == 200, plain.text
        assert aliased.engine.requests[-1].voice.id == "harald"  # type: ignore[union-attr]
        assert plain.content == speak(aliased, voice="alloy", response_format="pcm", seed=1).content
        cloned = client.post(f"{SPEECH}/upload", data=fields, files={"voice_file": ("a.wav", RECORDING)})
        assert cloned.status_code == 200, cloned.text
        assert aliased.engine.requests[-1].voice.id == "clone of 1"  # type: ignore[union-attr]
        for bad, param in (
            ({"voice": "alloy"}, "input"),
            ({"input": ""}, "input"),
            ({"input": "Hello.", "speed": "fast"}, "speed"),
            ({"input": "Hello.", "ref_audio": BASE64}, "ref_audio"),
        ):
            check(client.post(f"{SPEECH}/upload", data=bad), 422, "invalid_field", param)
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        twice = client.post(f"{SPEECH}/upload", content=b"input=a&input=b", headers=headers)
        check(twice, 422, "invalid_field", "input")
        for content in (b"input=%ff", b"&".join(b"a%d=1" % number for number in range(200))):
            check(client.post(f"{SPEECH}/upload", content=content, headers=headers), 400, "invalid_body")
        check(client.post(f"{SPEECH}/upload", json=fields), 400, "invalid_body")
