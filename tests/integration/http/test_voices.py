"""Saved voices over HTTP, on an engine that the test drives and on the tiny XTTS checkpoint."""

from pathlib import Path
from typing import cast

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import save as save_arrays

from app.settings import Settings
from tests.support.fake_engine import FakeEngine
from tests.support.http import check, get
from tests.support.recordings import voice_like, wav
from tests.support.samples import sample_bytes
from tests.support.server import RunningServer, serve
from tests.support.speaking import samples_of, speak
from tests.support.voices import CONSENT, save


def test_a_voice_is_saved_listed_used_and_deleted(fake_server: RunningServer) -> None:
    answer = save(fake_server, wav(voice_like(3)))
    assert answer.status_code == 201
    saved = answer.json()
    assert (saved["name"], saved["consent"], saved["model"], len(saved["recordings"])) == ("Ada", CONSENT, "fake 1", 1)
    id = saved["id"]
    assert save(fake_server, wav(voice_like(3)), name="Again").json() == saved
    assert save(fake_server, wav(voice_like(3)), name="Again").status_code == 200
    assert cast("FakeEngine", fake_server.engine).num_cloned == 1  # the same recordings are listened to once
    assert get(fake_server, "/voices") == {"voices": [saved], "count": 1}
    assert get(fake_server, f"/voices/{id}") == saved
    listed = get(fake_server, "/speakers")
    assert listed["count"] == len(listed["speakers"]) == 3
    ada = {"id": id, "name": "Ada", "languages": ["en", "de"], "source": "saved", "aliases": []}
    assert listed["speakers"][-1] == ada
    assert {"id": id, "name": "Ada"} in get(fake_server, "/v1/audio/voices")["voices"]
    with fake_server.client() as client:
        assert client.post("/tts", json={"text": "Hello.", "speaker_id": id}).status_code == 200
        body = {"model": "tts-1", "input": "Hello.", "voice": id}
        assert client.post("/v1/audio/speech", json=body).status_code == 200
        voices = [request.voice for request in fake_server.engine.requests]  # type: ignore[union-attr]
        assert [(voice.id, voice.conditioning) for voice in voices] == [(id, "clone of 1")] * 2
        gone = client.delete(f"/voices/{id}")
        assert (gone.status_code, gone.content) == (204, b"")
        check(client.post("/tts", json={"text": "Hello.", "speaker_id": id}), 404, "unknown_speaker", "speaker_id")
        check(client.delete(f"/voices/{id}"), 404, "unknown_speaker", "speaker_id")
        check(client.get("/voices/..%2F..%2Fetc"), 404, "not_found")
        check(client.get("/voices/%2e%2e"), 404, "unknown_speaker", "speaker_id")
    assert get(fake_server, "/speakers")["count"] == 2


def test_a_near_name_leads_to_the_id(fake_server: RunningServer) -> None:
    id = save(fake_server, wav(voice_like(3)), name="Ada Lovelace").json()["id"]
    with fake_server.client() as client:
        check(client.get("/voices/Ada Lovelac"), 404, "unknown_speaker", "speaker_id", f"near ones: {id}")


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"name": ""}, "name"),
        ({"name": "x" * 81}, "name"),
        ({"name": "a\nb"}, "name"),
        ({"consent": ""}, "consent"),
        ({"consent": "yes"}, "consent"),
        ({"text": "Hello."}, "text"),
    ],
)
def test_fields_of_a_voice_are_checked(fake_server: RunningServer, fields: dict[str, str], param: str) -> None:
    check(save(fake_server, wav(voice_like(3)), **fields), 400, "invalid_field", param)
    assert get(fake_server, "/voices")["count"] == 0


def test_recordings_of_a_voice_are_checked(fake_server: RunningServer) -> None:
    check(save(fake_server), 400, "invalid_field")
    check(save(fake_server, b"no audio at all"), 415, "unreadable_audio", "reference_audio")
    check(save(fake_server, wav(voice_like(1))), 422, "unusable_reference", "reference_audio")
    with fake_server.client() as client:
        check(client.post("/voices", json={"name": "Ada", "consent": CONSENT}), 400, "invalid_field", "reference_audio")
        check(
            client.post("/voices", json={"reference_audio": ["!"], "name": "A"}),
            400,
            "invalid_field",
            "reference_audio",
        )
        check(client.post("/voices", json=[]), 400, "invalid_body")


def test_the_embedded_voice_keeps_no_voices_and_says_so(embedded_server: RunningServer) -> None:
    check(save(embedded_server, wav(voice_like(3))), 501, "cloning_unavailable")
    assert get(embedded_server, "/voices") == {"voices": [], "count": 0}


def test_as_many_voices_as_may_be(tmp_path: Path) -> None:
    with serve(Settings(data=tmp_path, max_voices=1), FakeEngine) as server:
        assert save(server, wav(voice_like(3))).status_code == 201
        check(save(server, wav(voice_like(4))), 409, "too_many_voices")


def test_a_saved_voice_outlives_the_server_and_sounds_the_same(
    xtts_server: RunningServer, tiny_checkpoint: Path, tmp_path: Path
) -> None:
    recording = wav(voice_like(3))
    settings = Settings(engine="xtts", model=str(tiny_checkpoint), data=tmp_path)
    with serve(settings) as server:
        id = save(server, recording).json()["id"]
        before = samples_of(speak(server, text="Hello there.", speaker_id=id, seed=7))
    files = {"reference_audio": ("a.wav", recording)}
    with xtts_server.client() as client:
        data = {"text": "Hello there.", "seed": "7"}
        cloned = samples_of(client.post("/voice-clone", data=data, files=files))
    with serve(settings) as server:
        assert [voice["id"] for voice in get(server, "/voices")["voices"]] == [id]
        after = samples_of(speak(server, text="Hello there.", speaker_id=id, seed=7))
        np.testing.assert_array_equal(after, before)
        np.testing.assert_array_equal(after, cloned)
        path = tmp_path / "voices" / f"{id}.safetensors"
        whole = path.read_bytes()
        for damaged in (whole[:-4], whole.replace(b"speaker_e", b"spoiler_e"), whole[:-4] + b"\xff\xff\xff\xff"):
            path.write_bytes(damaged)
            check(speak(server, text="Hello.", speaker_id=id), 507, "storage_failure", None, "is damaged")
        path.write_bytes(b"")
        check(speak(server, text="Hello.", speaker_id=id), 404, "unknown_speaker", "speaker_id")
        assert speak(server, text="Hello.").status_code == 200


def test_a_voice_that_an_earlier_version_saved_is_one_file_after_the_start_and_sounds_the_same(
    tiny_checkpoint: Path, tmp_path: Path
) -> None:
    """Writes the files of an earlier version: tensors and manifest apart."""
    settings = Settings(engine="xtts", model=str(tiny_checkpoint), data=tmp_path)
    with serve(settings) as server:
        id = save(server, wav(voice_like(3))).json()["id"]
        before = sample_bytes(speak(server, text="Hello there.", speaker_id=id, seed=7).content)
    path = tmp_path / "voices" / f"{id}.safetensors"
    with safe_open(path, "np") as file:
        metadata = file.metadata()
        arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - it is no dictionary
    path.unlink()
    folder = path.with_suffix("")
    folder.mkdir()
    (folder / "manifest.json").write_text(metadata.pop("chorus.voice"))
    (folder / "conditioning.safetensors").write_bytes(save_arrays(arrays, metadata))
    with serve(settings) as server:
        assert [each.name for each in path.parent.iterdir()] == [path.name]
        assert sample_bytes(speak(server, text="Hello there.", speaker_id=id, seed=7).content) == before


@pytest.mark.parametrize("name", ["evil\n", "\n", "a\x00b", "tab\there"])
def test_a_name_holds_no_control_characters(fake_server: RunningServer, name: str) -> None:
    form = {"name": name, "consent": "This is my own voice."}
    with fake_server.client() as client:
        answer = client.post("/voices", data=form, files={"reference_audio": ("a.wav", wav(voice_like(4)))})
    check(answer, 400, "invalid_field", "name")
