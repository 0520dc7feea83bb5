"""The way of a user with the released model: download, start, speak, clone, save a voice, start again.

The checkpoint has the released config and vocabulary where these lie beside the project, the file names of the hub, and
a `model.pth` with a config object of the TTS package; sizes and weights are a test's own.
"""

import json
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.downloads import check_installed, download, installed
from tests.support.hub import Hub, running_hub
from tests.support.recordings import voice_like, wav
from tests.support.samples import sample_bytes
from tests.support.server import chorus_serve
from tests.support.speaking import samples_of

TEXT = "The old grey house stood by the sea."


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the TTS package and its imports deprecate each other
        from tests.support.tiny_xtts import write_checkpoint

        folder = write_checkpoint(tmp_path_factory.mktemp("hub"), is_as_on_hub=True)
    with running_hub(folder) as hub:
        yield hub


def speak(client: httpx.Client, **body: Any) -> bytes:
    answer = client.post("/tts", json={"text": TEXT, "seed": 1} | body)
    assert len(samples_of(answer)) > 10_000
    return sample_bytes(answer.content)


def test_the_released_model_is_downloaded_served_and_cloned_with_and_a_saved_voice_outlives_a_restart(
    hub: Hub, tmp_path: Path
) -> None:
    assert b"Infinity" in hub.files["config.json"]
    assert b"XttsConfig" in hub.files["model.pth"]
    status, printed = download(hub, tmp_path, "--accept-licence")
    assert status == 0, printed
    check_installed(tmp_path)
    assert not list(installed(tmp_path).glob("*.pth"))
    config = json.loads((installed(tmp_path) / "config.json").read_bytes())
    recording = {"reference_audio": ("ada.wav", wav(voice_like(4)), "audio/wav")}

    with chorus_serve(tmp_path) as (url, _), httpx.Client(base_url=url, timeout=120) as client:
        health = client.get("/health").json()
        assert (health["engine"], health["model"]) == ("xtts", "coqui/XTTS-v2@6c2b0d75eae4")
        speakers = client.get("/speakers").json()["speakers"]
        assert [speaker["id"] for speaker in speakers] == ["Ada Tiny", "Björn Small"]
        assert speakers[0]["languages"] == config["languages"]
        speak(client)
        speak(client, language="de", text="Guten Tag, liebe Leute.")
        cloned = client.post("/voice-clone", data={"text": TEXT, "seed": "1"}, files=recording)
        assert len(samples_of(cloned)) > 10_000
        saved = client.post("/voices", data={"name": "Ada", "consent": "This is my own voice."}, files=recording)
        assert saved.status_code == 201, saved.text
        spoken = speak(client, speaker_id=saved.json()["id"])
        assert spoken == sample_bytes(cloned.content)

    with chorus_serve(tmp_path) as (url, _), httpx.Client(base_url=url, timeout=120) as client:
        assert speak(client, speaker_id=saved.json()["id"]) == spoken
