"""Two models of one name on one data folder: each speaks with the voices that were cloned with its own weights."""

import warnings
from pathlib import Path

import httpx
import msgspec
import pytest

from app.settings import Settings
from app.voices.manifest import voice_id
from app.voices.voice_file import read_manifest, with_manifest
from tests.support.fake_engine import FakeEngine
from tests.support.http import check, get
from tests.support.recordings import voice_like, wav
from tests.support.samples import sample_bytes
from tests.support.server import RunningServer, serve
from tests.support.voices import export, save, send

RECORDING = wav(voice_like(3))
COMMIT = "6c2b0d75eae4b7047358e3b6bd9325f857d43f77"


def ready(weights: str) -> FakeEngine:
    return FakeEngine(model="ready", identity=weights * 32)


def speak(server: RunningServer, voice: str) -> httpx.Response:
    with server.client() as client:
        return client.post("/tts", json={"text": "Hello there.", "seed": 7, "speaker_id": voice})


def speakers(server: RunningServer) -> list[str]:
    return [speaker["id"] for speaker in get(server, "/speakers")["speakers"]]


def test_a_voice_of_other_weights_is_listed_with_a_mark_and_not_spoken_with(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path, max_voices=1)
    with serve(settings, lambda: ready("a")) as server:
        first = save(server, RECORDING).json()
        assert (first["model"], first["identity"], first["usable"]) == ("ready", "a" * 32, True)
        assert get(server, "/health")["identity"] == get(server, "/speakers")["identity"] == "a" * 32
        file = export(server, first["id"]).content
    with serve(settings, lambda: ready("b")) as server:
        assert get(server, "/voices")["voices"] == [first | {"usable": False}]
        assert get(server, f"/voices/{first['id']}") == first | {"usable": False}
        assert first["id"] not in speakers(server)
        says = (
            f"the saved voice {first['id']} (Ada) was cloned with 'ready' (weights aaaaaaaa), and 'ready' (weights "
            "bbbbbbbb) speaks here: clone it again from its recordings"
        )
        check(speak(server, first["id"]), 409, "voice_of_another_model", "speaker_id", says)
        with server.client() as client:
            body = {"model": "tts-1", "input": "Hello.", "voice": first["id"]}
            check(client.post("/v1/audio/speech", json=body), 409, "voice_of_another_model", "voice", says)
        assert export(server, first["id"]).content == file
        check(send(server, file), 422, "unusable_voice_file", "voice", "weights bbbbbbbb")
        again = save(server, RECORDING)  # the limit of one counts the voices of this model only
        assert again.status_code == 201
        assert again.json()["id"] != first["id"]
        assert speak(server, again.json()["id"]).status_code == 200
        assert [voice["usable"] for voice in get(server, "/voices")["voices"]] == [False, True]
        assert save(server, RECORDING).status_code == 200
    with serve(settings, lambda: ready("a")) as server:
        assert speak(server, first["id"]).status_code == 200
        check(speak(server, again.json()["id"]), 409, "voice_of_another_model", "speaker_id")
        with server.client() as client:
            assert client.delete(f"/voices/{again.json()['id']}").status_code == 204
        assert [voice["id"] for voice in get(server, "/voices")["voices"]] == [first["id"]]


def forget_identity(data: Path, model: str) -> str:
    """Rewrite the one saved voice as an older version saved it under that name; return its id."""
    (path,) = (data / "voices").iterdir()
    with path.open("rb") as file:
        voice = read_manifest(file)
    voice = msgspec.structs.replace(voice, identity=None, model=model, id=voice_id(model, voice.recordings))
    path.with_name(f"{voice.id}.safetensors").write_bytes(with_manifest(path.read_bytes(), voice))
    path.unlink()
    return voice.id


@pytest.mark.parametrize("model", [f"coqui/XTTS-v2@{COMMIT[:12]}", COMMIT])
def test_a_voice_of_an_older_version_is_spoken_where_the_name_holds_a_commit(tmp_path: Path, model: str) -> None:
    settings = Settings(data=tmp_path)
    with serve(settings, lambda: FakeEngine(model=model, identity="a" * 32)) as server:
        save(server, RECORDING)
    id = forget_identity(tmp_path, model)
    with serve(settings, lambda: FakeEngine(model=model, identity="a" * 32)) as server:
        assert id in speakers(server)
        assert speak(server, id).status_code == 200
        again = save(server, RECORDING)
        assert (again.status_code, again.json()["id"]) == (200, id)
        assert send(server, export(server, id).content).status_code == 200


def test_a_voice_of_an_older_version_is_not_spoken_where_the_name_is_a_folders(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path)
    with serve(settings, lambda: ready("a")) as server:
        save(server, RECORDING)
    id = forget_identity(tmp_path, "ready")
    with serve(settings, lambda: ready("a")) as server:
        assert id not in speakers(server)
        check(speak(server, id), 409, "voice_of_another_model", "speaker_id", "which weights is not recorded")
        assert save(server, RECORDING).status_code == 201


def test_two_trainings_in_folders_of_one_name_speak_each_with_its_own_latents(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the TTS package and its imports deprecate each other
        from tests.support.tiny_xtts import write_checkpoint

        folders = [write_checkpoint(tmp_path / name / "ready", seed=seed) for seed, name in enumerate("ab")]
    (folders[1] / "speakers_xtts.pth").unlink()
    saved: list[str] = []
    said: list[bytes] = []
    for folder in (*folders, folders[0]):
        with serve(Settings(engine="xtts", model=str(folder), data=tmp_path / "data")) as server:
            assert get(server, "/health")["model"] == "ready"
            for id in saved[-1:]:  # of the folder before, which has the same name
                check(speak(server, id), 409, "voice_of_another_model", "speaker_id")
            voice = save(server, RECORDING)
            assert voice.status_code == (201 if len(said) < 2 else 200)
            saved.append(voice.json()["id"])
            of_voice = sample_bytes(speak(server, saved[-1]).content)
            with server.client() as client:
                form = {"text": "Hello there.", "seed": "7"}
                cloned = client.post("/voice-clone", data=form, files={"reference_audio": ("a.wav", RECORDING)})
            assert of_voice == sample_bytes(cloned.content)
            said.append(of_voice)
            assert speakers(server) == [*(["Ada Tiny", "Björn Small"] if folder is folders[0] else []), saved[-1]]
    assert said[0] == said[2] != said[1]
    assert saved[0] == saved[2] != saved[1]
