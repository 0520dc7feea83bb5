"""Each way to clone a voice asks for a statement of consent in its dialect; saved voices show theirs."""

import base64
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import msgspec
import pytest

from app.settings import Settings
from app.voices.voice_file import read_manifest, with_manifest
from tests.support.fake_engine import FakeEngine
from tests.support.fake_server import fake
from tests.support.http import check, get
from tests.support.recordings import voice_like, wav
from tests.support.server import RunningServer, serve
from tests.support.speaking import speak
from tests.support.voices import CONSENT, export, save

RECORDING = wav(voice_like(3))
IN_BASE64 = base64.b64encode(RECORDING).decode()


class Way(NamedTuple):
    """A route that clones: the part of its recording in a form, or None where the body is JSON."""

    path: str
    file_field: str | None
    fields: dict[str, Any]
    consent_field: str = "consent"
    is_kept: bool = False


SPEECH = {"model": "tts-1", "input": "Hello."}
WAYS = [
    Way("/voice-clone", "reference_audio", {"text": "Hello."}),
    Way("/voice-clone", None, {"text": "Hello.", "reference_audio": [IN_BASE64]}),
    Way("/v1/audio/speech", None, SPEECH | {"ref_audio": IN_BASE64}),
    Way("/v1/audio/speech", None, SPEECH | {"reference_audio": [IN_BASE64], "consent": None}),
    Way("/v1/audio/speech", None, SPEECH | {"references": [{"audio": IN_BASE64}], "stream_format": "sse"}),
    Way("/v1/audio/speech/upload", "voice_file", SPEECH),
    Way("/clone_speaker", "wav_file", {}),
    Way("/v1/tts/conditioning", None, {"speaker_files": [IN_BASE64]}),
    Way("/voices", "reference_audio", {"name": "Ada"}, is_kept=True),
    Way("/voices", None, {"name": "Ada", "reference_audio": [IN_BASE64]}, is_kept=True),
    Way("/v1/audio/voices", "audio_sample", {"name": "Ada"}, is_kept=True),
    Way("/v1/voices/add", "files", {"name": "Ada"}, "description", is_kept=True),
    Way("/elevenlabs/v1/voices/add", "files", {"name": "Ada"}, "description", is_kept=True),
]
IDS = [f"{way.path} {way.file_field or 'JSON'}" for way in WAYS]


def ask(server: RunningServer, way: Way, **more: str) -> httpx.Response:
    fields = way.fields | more
    with server.client() as client:
        if way.file_field is None:
            return client.post(way.path, json=fields)
        return client.post(way.path, data=fields, files={way.file_field: ("a.wav", RECORDING)})


@pytest.fixture(scope="module")
def strict_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with serve(Settings(data=tmp_path_factory.mktemp("data"), require_consent=True, asr_model="off"), FakeEngine) as it:
        yield it


@pytest.mark.parametrize("way", WAYS, ids=IDS)
def test_no_voice_is_cloned_without_a_statement_where_one_is_required(strict_server: RunningServer, way: Way) -> None:
    before = fake(strict_server).num_cloned
    refused = ask(strict_server, way)
    assert refused.status_code == 400, refused.text
    assert way.consent_field in refused.text
    if not way.is_kept:
        check(refused, 400, "consent_required", "consent", "CHORUS_REQUIRE_CONSENT")
    assert fake(strict_server).num_cloned == before
    given = ask(strict_server, way, **{way.consent_field: CONSENT})
    assert given.is_success, given.text
    if way.is_kept:
        (voice,) = get(strict_server, "/voices")["voices"]
        assert voice["consent"] == CONSENT
        with strict_server.client() as client:
            client.delete(f"/voices/{voice['id']}")


@pytest.mark.slow
@pytest.mark.parametrize("way", [way for way in WAYS if not way.is_kept], ids=lambda way: way.path)
def test_a_statement_is_asked_for_but_not_needed_elsewhere(fake_server: RunningServer, way: Way) -> None:
    assert ask(fake_server, way).is_success
    status = 422 if way.path.endswith("/upload") else 400  # chatterbox-tts-api's
    check(ask(fake_server, way, consent="yes"), status, "invalid_field", "consent", "10 characters")
    check(ask(fake_server, way, consent="cons_0123456789abcdef"), 404, "unknown_consent")


def test_every_route_that_clones_is_tried_here(strict_server: RunningServer) -> None:
    paths = get(strict_server, "/openapi.json")["paths"]
    unable = {path for path, methods in paths.items() if "501" in methods.get("post", {}).get("responses", {})}
    hearing = {path for path in unable if re.search("transcri|translations|alignments|^/jobs$", path)}
    assert unable - hearing == {way.path for way in WAYS} | {"/voices/import"}


def test_speech_without_a_recording_needs_no_statement(strict_server: RunningServer) -> None:
    assert speak(strict_server, text="Hello.").status_code == 200
    with strict_server.client() as client:
        assert client.post("/v1/audio/speech", json=SPEECH).status_code == 200


@pytest.mark.slow
def test_a_voice_shows_the_name_of_the_caller_who_sent_it_and_never_a_key(tmp_path: Path) -> None:
    keys = tmp_path / "keys.toml"
    keys.write_text('[ada-laptop]\nkey = "first-secret"\n[bea]\nkey = "second-secret"\n')
    data = tmp_path / "data"
    settings = Settings(data=data, api_keys_file=str(keys), asr_model="off")
    with serve(settings, FakeEngine) as server, server.client() as client:
        client.headers["Authorization"] = "Bearer first-secret"
        form = {"name": "Ada", "consent": CONSENT}
        saved = client.post("/voices", data=form, files={"reference_audio": ("a.wav", RECORDING)}).json()
        file = client.get(f"/voices/{saved['id']}/export").content
        client.headers["Authorization"] = "Bearer second-secret"
        client.post("/voices", data=form | {"consent": "It is mine."}, files={"reference_audio": RECORDING})
        shown = client.get(f"/voices/{saved['id']}").json()
        assert (shown["sent_by"], shown["consent"], shown["stated_at"]) == ("ada-laptop", CONSENT, None)
        assert shown == saved == client.get("/voices").json()["voices"][0]
        client.delete(f"/voices/{saved['id']}")
        again = client.post("/voices/import", files={"voice": ("a", file)}).json()
        assert (again["sent_by"], again["imported_by"], again["consent"]) == ("ada-laptop", "bea", CONSENT)
    (record,) = [path.read_text() for path in (data / "deleted_voices").iterdir()]
    assert '"sent_by":"ada-laptop"' in record
    assert '"deleted_by":"bea"' in record
    assert not any(b"secret" in path.read_bytes() for path in data.rglob("*") if path.is_file())


@pytest.mark.slow
def test_a_voice_without_a_statement_is_spoken_says_so_and_gets_one(strict_server: RunningServer) -> None:
    id = save(strict_server, RECORDING).json()["id"]
    file = without_consent(export(strict_server, id).content)
    with strict_server.client() as client:
        client.delete(f"/voices/{id}")
        check(client.post("/voices/import", content=file), 400, "consent_required", "consent", "'consent'")
        assert get(strict_server, "/voices")["count"] == 0
        form: dict[str, Any] = {"data": {"consent": CONSENT}, "files": {"voice": ("a", file)}}
        imported = client.post("/voices/import", **form)
        assert (imported.status_code, imported.json()["consent"]) == (201, CONSENT)
        assert imported.json()["stated_at"] == imported.json()["imported_at"]
        whole = export(strict_server, id).content
        twice: dict[str, Any] = {"data": {"consent": CONSENT}, "files": {"voice": ("a", whole)}}
        check(client.post("/voices/import", **twice), 400, "invalid_field", "consent", "of its own")
        client.delete(f"/voices/{id}")


@pytest.mark.slow
def test_a_voice_that_was_imported_without_a_statement_gets_one_with_its_file(tmp_path: Path) -> None:
    with serve(Settings(data=tmp_path, asr_model="off"), FakeEngine) as server, server.client() as client:
        id = save(server, RECORDING).json()["id"]
        file = without_consent(export(server, id).content)
        client.delete(f"/voices/{id}")
        bare = client.post("/voices/import", content=file)
        assert (bare.status_code, bare.json()["consent"]) == (201, None)
        given = client.post("/voices/import", data={"consent": CONSENT}, files={"voice": ("a", file)})
        assert (given.status_code, given.json()["consent"]) == (200, CONSENT)
        assert given.json()["stated_at"] > given.json()["imported_at"]
        other = client.post("/voices/import", data={"consent": "It is mine, too."}, files={"voice": ("a", file)})
        assert other.json() == given.json() == get(server, f"/voices/{id}")


@pytest.mark.slow
def test_an_old_voice_without_a_statement_stays_usable_and_is_given_one_by_its_recordings(tmp_path: Path) -> None:
    with serve(Settings(data=tmp_path, asr_model="off"), FakeEngine) as server:
        id = save(server, RECORDING).json()["id"]
    path = tmp_path / "voices" / f"{id}.safetensors"
    path.write_bytes(without_consent(path.read_bytes()))
    with serve(Settings(data=tmp_path, require_consent=True, asr_model="off"), FakeEngine) as server:
        shown = get(server, f"/voices/{id}")
        assert (shown["consent"], shown["usable"]) == (None, True)
        assert speak(server, text="Hello.", speaker_id=id).status_code == 200
        assert get(server, f"/v1/audio/voices/{id}")["voice"]["consent"] == ""
        again = save(server, RECORDING)
        assert (again.status_code, again.json()["consent"]) == (200, CONSENT)
        assert again.json()["stated_at"] > again.json()["created_at"]
        assert fake(server).num_cloned == 0
        assert get(server, f"/voices/{id}") == again.json()


def without_consent(file: bytes) -> bytes:
    return with_manifest(file, msgspec.structs.replace(read_manifest(io.BytesIO(file)), consent=None))
