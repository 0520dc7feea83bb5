"""`POST /provenance` and `chorus provenance`: files of this server, of others, and damaged ones."""

import json
from collections.abc import Iterator
from pathlib import Path

import click.testing
import pytest

from app.cli import main
from app.settings import Settings
from tests.fuzz.sending import send_damaged
from tests.support.fake_engine import FakeEngine
from tests.support.http import check
from tests.support.recordings import voice_like, wav
from tests.support.server import RunningServer, serve


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    settings = Settings(data=tmp_path_factory.mktemp("data"), max_upload_mb=1, asr_model="off")
    with serve(settings, FakeEngine) as server:
        yield server


@pytest.mark.parametrize("audio_format", ["wav", "mp3", "flac", "opus"])
@pytest.mark.parametrize("stream", [False, True])
def test_a_file_of_the_server_names_its_request(server: RunningServer, audio_format: str, stream: bool) -> None:
    with server.client() as client:
        spoken = client.post("/tts", json={"text": "Hello there.", "format": audio_format, "stream": stream})
        as_form = client.post("/provenance", files={"file": ("speech", spoken.content)})
        as_body = client.post("/provenance", content=spoken.content)
    assert as_form.status_code == 200, as_form.text
    assert as_form.json() == as_body.json()
    assert json.loads(spoken.headers["X-Chorus-Provenance"]) in [
        {name: value for name, value in (mark["statement"] or {}).items() if value is not None}
        for mark in as_form.json()["marks"]
    ]


def test_none_found_is_an_answer(server: RunningServer) -> None:
    with server.client() as client:
        answer = client.post("/provenance", files={"file": ("a.wav", wav(voice_like(1)))})
    assert (answer.status_code, answer.json()["marks"]) == (200, [])
    assert "does not show that a person spoke" in answer.json()["summary"]


def test_other_files_and_fields_are_refused(server: RunningServer) -> None:
    with server.client() as client:
        check(client.post("/provenance", content=b"no audio at all" * 50), 415, "unreadable_audio", "file")
        check(client.post("/provenance", files={"file": ("a.wav", b"")}), 415, "unreadable_audio", "file")
        check(client.post("/provenance", files={"clip": ("a.wav", b"x")}), 400, "invalid_field", "clip")
        check(client.post("/provenance", files={"file": ("a", b"x")}, data={"b": "c"}), 400, "invalid_field", "file")
        check(client.post("/provenance", content=bytes(1024 * 1024 + 1)), 413, "body_too_large")


@pytest.mark.slow
def test_500_damaged_files_are_answered_without_a_fault_of_the_server(server: RunningServer) -> None:
    with server.client(timeout=60) as client:
        statuses, failures = send_damaged(client, 500, seed=23, path="/provenance", field="file", seconds=0.3)
        assert not failures
        assert set(statuses) <= {200, 415}
        assert client.get("/health/live").status_code == 200


def test_the_command_tells_the_marks_of_a_file(server: RunningServer, tmp_path: Path) -> None:
    with server.client() as client:
        spoken = client.post("/tts", json={"text": "Hello there.", "format": "mp3"})
    path = tmp_path / "speech.mp3"
    path.write_bytes(spoken.content)
    told = click.testing.CliRunner().invoke(main, ["provenance", str(path)])
    assert told.exit_code == 0
    assert f"for request {spoken.headers['X-Request-Id']}" in told.output
    as_json = click.testing.CliRunner().invoke(main, ["provenance", "--json", str(path)])
    places = [mark["place"] for mark in json.loads(as_json.output)["marks"] if mark["kind"] == "metadata"]
    assert places == ["comment", "DIGITALSOURCETYPE", "XMP"]
    missing = click.testing.CliRunner().invoke(main, ["provenance", str(tmp_path / "missing.mp3")])
    assert missing.exit_code == 1
    assert "missing.mp3 cannot be read: No such file" in missing.output
