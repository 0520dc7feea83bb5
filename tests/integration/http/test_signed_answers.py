"""Whole answers are signed, streams are not, and `POST /provenance` tells whether a file is as it was signed."""

import base64
import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click.testing
import httpx
import numpy as np
import pytest

pytest.importorskip("c2pa", reason="c2pa-python is not installed (make c2pa)")

import c2pa

from app.cli import main
from app.setting_values import Marks
from app.settings import Settings
from tests.fuzz.media import damaged_files
from tests.fuzz.sending import send_files
from tests.support.book_server import create, wait_for
from tests.support.c2pa_certificates import write_certificate
from tests.support.fake_engine import FakeEngine
from tests.support.http import check
from tests.support.live import live_caller
from tests.support.samples import decoded
from tests.support.server import RunningServer, serve

MEDIA_TYPES = {"wav": "audio/wav", "mp3": "audio/mpeg", "flac": "audio/flac"}
TURNS = [{"text": "Hello.", "speaker_id": voice} for voice in ("heart", "harald")]
OPENAI = {"model": "tts-1", "voice": "alloy", "input": "Hello there.", "stream": False}
ELEVENLABS = "/v1/text-to-speech/heart"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="module")
def server(data: Path) -> Iterator[RunningServer]:
    settings = Settings(data=data, marks=Marks("metadata,c2pa"), max_upload_mb=1, asr_model="off")
    with serve(settings, FakeEngine) as server:
        yield server


def state_of(file: bytes, audio_format: str = "wav") -> str | None:
    """The verdict of C2PA's own reader; None for a file without credentials."""
    try:
        with c2pa.Reader(MEDIA_TYPES[audio_format], io.BytesIO(file)) as reader:
            return reader.get_validation_state()
    except c2pa.C2paError.ManifestNotFound:
        return None


def signature_of(answer: httpx.Response) -> Any:
    assert answer.status_code == 200, answer.text
    return answer.json()["marks"][-1]["signature"]


@pytest.mark.parametrize("audio_format", list(MEDIA_TYPES))
def test_a_whole_answer_is_signed_and_has_the_samples_of_the_stream(server: RunningServer, audio_format: str) -> None:
    body = {"text": "Hello there.", "seed": 1, "format": audio_format}
    with server.client() as client:
        whole = client.post("/tts", json=body)
        streamed = client.post("/tts", json=body | {"stream": True})
        told = client.post("/provenance", content=whole.content).json()
    assert state_of(whole.content, audio_format) == "Valid"
    assert state_of(streamed.content, audio_format) is None
    assert np.array_equal(decoded(whole.content), decoded(streamed.content))
    mark = told["marks"][-1]
    assert (mark["kind"], mark["signature"]["status"]) == ("c2pa", "intact")
    statement = {name: value for name, value in mark["statement"].items() if value is not None}
    assert statement == json.loads(whole.headers["X-Chorus-Provenance"])


def test_every_route_of_whole_answers_signs_them(server: RunningServer) -> None:
    with server.client() as client:
        timed = client.post("/tts", json={"text": "Hello.", "timestamps": "segment"}).json()
        with_times = client.post(f"{ELEVENLABS}/with-timestamps", json={"text": "Hello."}).json()
        files = {
            "openai": (client.post("/v1/audio/speech", json=OPENAI | {"response_format": "wav"}).content, "wav"),
            "elevenlabs": (client.post(ELEVENLABS, json={"text": "Hello."}).content, "mp3"),
            "elevenlabs with times": (base64.b64decode(with_times["audio_base64"]), "mp3"),
            "coqui": (client.get("/api/tts", params={"text": "Hello."}).content, "wav"),
            "sillytavern": (client.post("/tts_to_audio/", json={"text": "Hello."}).content, "wav"),
            "dialogue": (client.post("/tts", json={"turns": TURNS}).content, "wav"),
            "timed": (base64.b64decode(timed["audio"]["data"]), "wav"),
        }
    assert {name: state_of(*file) for name, file in files.items()} == dict.fromkeys(files, "Valid")


def test_the_file_of_an_address_stays_unsigned_whole_and_in_parts(server: RunningServer) -> None:
    with server.client() as client:
        whole = client.get("/tts_stream", params={"text": "Hello there."})
        part = client.get("/tts_stream", params={"text": "Hello there."}, headers={"Range": "bytes=0-99"})
    assert state_of(whole.content) is None
    assert part.content == whole.content[:100]


def test_what_has_no_place_for_a_signature_or_is_a_stream_is_not_signed(server: RunningServer) -> None:
    with server.client() as client:
        streamed = client.post("/v1/audio/speech", json={**OPENAI, "stream": True, "response_format": "mp3"})
        by_default = {name: value for name, value in OPENAI.items() if name != "stream"} | {"response_format": "flac"}
        assert b"jumb" not in streamed.content + client.post("/v1/audio/speech", json=by_default).content
        for audio_format in ("opus", "aac", "pcm", "ulaw", "alaw"):
            assert b"jumb" not in client.post("/tts", json={"text": "Hello.", "format": audio_format}).content
    with live_caller(server) as caller:
        caller.say("start", format="wav")
        caller.say("text", text="Hello there.")
        caller.say("end")
        audio, _ = caller.until("done")
    assert audio
    assert b"jumb" not in audio


def test_the_tags_before_a_signed_file_are_those_that_the_page_names(server: RunningServer) -> None:
    with server.client() as client:
        files = {name: client.post("/tts", json={"text": "Hello.", "format": name}).content for name in MEDIA_TYPES}
    assert files["mp3"][:4] == files["flac"][:4] == b"ID3\x04"
    assert files["wav"][:4] == b"RIFF"


@pytest.mark.parametrize("audio_format", list(MEDIA_TYPES))
def test_one_changed_sample_is_seen_by_route_and_command(
    server: RunningServer, audio_format: str, tmp_path: Path
) -> None:
    with server.client() as client:
        body = {"text": "Hello there, and good morning to you.", "format": audio_format}
        changed = bytearray(client.post("/tts", json=body).content)
        changed[-5_000 if audio_format == "wav" else -500] ^= 1
        told = client.post("/provenance", files={"file": ("a", bytes(changed))})
    assert signature_of(told)["status"] == "broken"
    assert signature_of(told)["faults"] == ["assertion.dataHash.mismatch"]
    assert "it was changed, or they are damaged" in told.json()["summary"]
    path = tmp_path / "changed"
    path.write_bytes(changed)
    printed = click.testing.CliRunner().invoke(main, ["provenance", str(path)])
    assert printed.exit_code == 0
    assert "broken, Chorus, self-made, Chorus server, assertion.dataHash.mismatch" in printed.output


def test_the_certificate_is_made_at_the_first_start_and_kept(data: Path, server: RunningServer) -> None:
    made = (data / "c2pa.pem").read_bytes()
    settings = Settings(data=data, marks=Marks("metadata,c2pa"), asr_model="off")
    with serve(settings, FakeEngine) as again, again.client() as client:
        assert client.get("/health").json()["marks"] == "metadata,c2pa"
        assert client.get("/health").json()["unsigned"] is None
    assert (data / "c2pa.pem").read_bytes() == made


def test_metadata_alone_signs_nothing_and_makes_no_certificate(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path, marks=Marks("metadata"), asr_model="off")
    with serve(settings, FakeEngine) as server, server.client() as client:
        assert client.get("/health").json()["marks"] == "metadata"
        assert state_of(client.post("/tts", json={"text": "Hello."}).content) is None
    assert not (tmp_path / "c2pa.pem").exists()


def test_an_expired_certificate_leaves_answers_unsigned_and_health_says_so(tmp_path: Path) -> None:
    certificate, key = write_certificate(tmp_path, starts=datetime(2026, 1, 1, tzinfo=UTC), days=1)
    settings = Settings(
        data=tmp_path, marks=Marks("metadata,c2pa"), c2pa_cert=str(certificate), c2pa_key=str(key), asr_model="off"
    )
    with serve(settings, FakeEngine) as server, server.client() as client:
        answer = client.post("/tts", json={"text": "Hello."})
        assert (answer.status_code, state_of(answer.content)) == (200, None)
        assert "ended on 2026-01-02; renew it" in client.get("/health").json()["unsigned"]


def test_the_signer_of_the_settings_is_named(tmp_path: Path) -> None:
    certificate, key = write_certificate(tmp_path)
    settings = Settings(
        data=tmp_path, marks=Marks("metadata,c2pa"), c2pa_cert=str(certificate), c2pa_key=str(key), asr_model="off"
    )
    with serve(settings, FakeEngine) as server, server.client() as client:
        answer = client.post("/tts", json={"text": "Hello."}, headers={"X-Request-Id": b"a\tb\xff<x>"})
        told = client.post("/provenance", content=answer.content)
    assert signature_of(told) == {"status": "intact", "signer": "Operator", "faults": []}
    assert told.json()["marks"][-1]["statement"]["request"] == answer.headers["X-Request-Id"]


@pytest.mark.slow
def test_500_damaged_signed_files_are_answered_without_a_fault_of_the_server(server: RunningServer) -> None:
    with server.client() as client:
        whole = {
            audio_format: client.post("/tts", json={"text": "Hello.", "format": audio_format}).content
            for audio_format in MEDIA_TYPES
        }
        box = b"c2pa.signature"
        pieces = {f"{name} box": file[file.index(box) - 2_000 :] for name, file in whole.items()}
        heads = {f"{name} box": file[: file.index(box) - 2_000] for name, file in whole.items()}
        damaged = [
            *damaged_files(whole, 200, seed=23),
            *((name, heads[name.rpartition("-")[0]] + file) for name, file in damaged_files(pieces, 300, seed=24)),
        ]
        statuses, failures = send_files(client, damaged, path="/provenance", field="file")
        assert not failures
        assert set(statuses) <= {200, 415}
        assert client.get("/health/live").status_code == 200


def test_credentials_in_what_is_no_audio_are_refused_as_before(server: RunningServer) -> None:
    with server.client() as client:
        check(client.post("/provenance", content=b"jumb c2pa" * 50), 415, "unreadable_audio", "file")


@pytest.mark.slow
def test_a_finished_book_is_signed(server: RunningServer) -> None:
    with server.client() as client:
        job = create(client)
        wait_for(client, job["id"], "finished")
        told = client.post("/provenance", content=client.get(f"/jobs/{job['id']}/audio").content)
    assert signature_of(told)["status"] == "intact"
    assert [mark["kind"] for mark in told.json()["marks"]] == ["metadata", "c2pa"]
