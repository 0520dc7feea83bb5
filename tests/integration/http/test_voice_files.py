import io
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from safetensors.numpy import load, save

from app.settings import Settings
from app.voices.manifest import voice_id
from app.voices.voice_file import read_manifest, with_manifest
from tests.support.fake_engine import FakeEngine, packed_content, packed_voice
from tests.support.http import check, get
from tests.support.recordings import voice_like, wav
from tests.support.samples import sample_bytes
from tests.support.server import RunningServer, serve
from tests.support.speaking import speak
from tests.support.voices import export, send
from tests.support.voices import save as clone


def changed(file: bytes, conditioning: bytes | None = None, **changes: Any) -> bytes:
    """The file with another manifest, whose id is right unless it is given."""
    voice = msgspec.structs.replace(read_manifest(io.BytesIO(file)), **changes)
    if "id" not in changes:
        voice = msgspec.structs.replace(voice, id=voice_id(voice.key, voice.recordings))
    return with_manifest(file if conditioning is None else conditioning, voice)


def test_a_voice_speaks_on_another_server_with_the_same_bytes(tiny_checkpoint: Path, tmp_path: Path) -> None:
    said: list[bytes] = []
    files: list[bytes] = []
    with serve(Settings(engine="xtts", model=str(tiny_checkpoint), data=tmp_path / "a")) as ours:
        voice = clone(ours, wav(voice_like(3)), name="Zoë").json()
        answer = export(ours, voice["id"])
        assert answer.headers["Content-Disposition"] == (
            "attachment; filename=\"Zo_.safetensors\"; filename*=UTF-8''Zo%C3%AB.safetensors"
        )
        files.append(answer.content)
        said.append(sample_bytes(speak(ours, text="Hello there.", speaker_id=voice["id"], seed=7).content))
    with serve(Settings(engine="xtts", model=str(tiny_checkpoint), data=tmp_path / "b")) as theirs:
        answer = send(theirs, files[0])
        assert answer.status_code == 201, answer.text
        imported = answer.json()
        assert imported["imported_at"] is not None
        assert imported | {"imported_at": None} == voice
        assert send(theirs, files[0]).json() == imported
        assert send(theirs, files[0]).status_code == 200
        assert get(theirs, "/speakers")["speakers"][-1]["id"] == voice["id"]
        files.append(export(theirs, voice["id"]).content)
        said.append(sample_bytes(speak(theirs, text="Hello there.", speaker_id=voice["id"], seed=7).content))
        with theirs.client() as client:
            body = {"model": "tts-1", "voice": voice["id"], "input": "Hello there.", "seed": 7}
            streamed = client.post("/v1/audio/speech", json=body | {"response_format": "pcm"})
        assert streamed.content == said[0]
    assert said[0] == said[1]
    sent, kept = (read_manifest(io.BytesIO(file)) for file in files)
    assert with_manifest(files[1], sent) == files[0]
    assert msgspec.structs.replace(kept, imported_at=None) == sent


def test_conditioning_that_the_engine_cannot_speak_with_is_refused(tiny_checkpoint: Path, tmp_path: Path) -> None:
    with serve(Settings(engine="xtts", model=str(tiny_checkpoint), data=tmp_path)) as server:
        id = clone(server, wav(voice_like(3))).json()["id"]
        file = export(server, id).content
        with server.client() as client:
            client.delete(f"/voices/{id}")
        arrays = load(file)
        latents = arrays["gpt_conditioning_latents"]
        # A type that safetensors has and numpy has not.
        header = b'{"a":{"dtype":"BF16","shape":[2],"data_offsets":[0,4]}}'
        bfloat16 = len(header).to_bytes(8, "little") + header + bytes(4)
        for wrong, says in (
            (save(arrays)[:-4], "not safetensors"),
            (save({"speaker_embedding": arrays["speaker_embedding"]}), "it holds"),
            (save(arrays | {"more": np.zeros(1, np.float32)}), "it holds"),
            (save(arrays | {"gpt_conditioning_latents": latents[:, :-1].copy()}), "it holds"),
            (save(arrays | {"gpt_conditioning_latents": latents * np.float32(np.nan)}), "not numbers"),
            (save(arrays | {"gpt_conditioning_latents": latents.astype(np.float16)}), "it holds"),
            (save(arrays).replace(b'"F32"', b'"I32"', 1), "it holds"),
            (bfloat16, "values of the type 'BF16'"),
        ):
            check(send(server, changed(file, wrong)), 422, "unusable_voice_file", "voice", says)
        assert get(server, "/voices")["count"] == 0
        assert send(server, file).status_code == 201


def test_a_voice_of_another_model_is_refused_and_both_are_named(fake_server: RunningServer) -> None:
    file = export(fake_server, clone(fake_server, wav(voice_like(3))).json()["id"]).content
    answer = send(fake_server, changed(file, model="other 2"))
    check(answer, 422, "unusable_voice_file", "voice", "it is a voice of 'other 2', and 'fake 1' speaks here")


def test_a_file_that_names_itself_is_refused(fake_server: RunningServer) -> None:
    file = export(fake_server, clone(fake_server, wav(voice_like(3))).json()["id"]).content
    check(send(fake_server, changed(file, id="0" * 16)), 422, "unusable_voice_file", "voice", "its id '0000")


def test_an_engine_that_cannot_clone_takes_no_voices_in(
    embedded_server: RunningServer, fake_server: RunningServer
) -> None:
    file = export(fake_server, clone(fake_server, wav(voice_like(3))).json()["id"]).content
    check(send(embedded_server, file), 501, "cloning_unavailable", None, "XTTS")


def test_the_real_recordings_take_the_place_of_a_file_that_claims_them(fake_server: RunningServer) -> None:
    recording = wav(voice_like(3))
    cloned = clone(fake_server, recording).json()
    forged = changed(export(fake_server, cloned["id"]).content, packed_voice(b"clone of somebody else"), name="Mallory")
    with fake_server.client() as client:
        client.delete(f"/voices/{cloned['id']}")
    assert send(fake_server, forged).json()["name"] == "Mallory"
    answer = clone(fake_server, recording)
    assert answer.status_code == 201
    assert (answer.json()["name"], answer.json()["imported_at"]) == ("Ada", None)
    assert packed_content(export(fake_server, cloned["id"]).content) == b"clone of 1"
    assert send(fake_server, forged).json() == answer.json()  # and a file never takes the place of a clone
    assert get(fake_server, "/voices")["count"] == 1


def test_a_voice_is_taken_from_a_form_or_from_the_body_itself(fake_server: RunningServer) -> None:
    id = clone(fake_server, wav(voice_like(3))).json()["id"]
    file = export(fake_server, id).content
    with fake_server.client() as client:
        client.delete(f"/voices/{id}")
        raw = client.post("/voices/import", content=file, headers={"Content-Type": "application/octet-stream"})
        assert (raw.status_code, raw.json()["id"]) == (201, id)
        assert send(fake_server, file).status_code == 200
        two = client.post("/voices/import", files=[("voice", ("a", file)), ("voice", ("b", file))])
        check(two, 400, "invalid_field", "voice", "one file")
        more = client.post("/voices/import", files={"voice": ("a", file)}, data={"name": "Ada"})
        check(more, 400, "invalid_field", "name", "unknown field")
        other = client.post("/voices/import", files={"other": ("a", file)})
        check(other, 400, "invalid_field", "other", "files go into voice")
        check(client.post("/voices/import"), 422, "unusable_voice_file", "voice", "safetensors")
        check(client.post("/voices/import", json={"a": 1}), 422, "unusable_voice_file", "voice", "safetensors")


def test_as_many_voices_as_may_be_however_many_callers_save_at_once(tmp_path: Path) -> None:
    with serve(Settings(data=tmp_path, max_voices=3), FakeEngine) as server:
        recordings = [wav(voice_like(3 + number / 100)) for number in range(8)]
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda recording: clone(server, recording).status_code, recordings))
        assert sorted(answers) == [201] * 3 + [409] * 5
        assert get(server, "/voices")["count"] == 3
        saved = get(server, "/voices")["voices"][0]["id"]
        file = changed(export(server, saved).content, recordings=("0" * 64,))
        check(send(server, file), 409, "too_many_voices")


@pytest.mark.parametrize(
    "id",
    ["%2e%2e", "..%2f..%2fetc%2fpasswd", "%2fetc", "a%00b", "%00", "世", "0" * 15, "A" * 16, "x" * 200],
)
def test_what_is_no_id_is_not_found(fake_server: RunningServer, id: str) -> None:
    clone(fake_server, wav(voice_like(3)))
    with fake_server.client() as client:
        for answer in (client.get(f"/voices/{id}/export"), client.get(f"/voices/{id}"), client.delete(f"/voices/{id}")):
            assert answer.status_code == 404
            assert answer.json()["error"]["code"] in ("unknown_speaker", "not_found")
            assert "passwd:" not in answer.text
    assert get(fake_server, "/voices")["count"] == 1
