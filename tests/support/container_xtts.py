"""XTTS in a container, on the tiny checkpoint: speech and saved voices."""

from pathlib import Path
from typing import Any

from tests.support.container import RunningContainer
from tests.support.recordings import voice_like, wav
from tests.support.samples import sample_bytes
from tests.support.speaking import samples_of

TEXT = "Hello there."


def save_voice(running: RunningContainer) -> str:
    with running.client() as client:
        answer = client.post(
            "/voices",
            data={"name": "Ada", "consent": "This is my own voice."},
            files={"reference_audio": ("ada.wav", wav(voice_like(3)))},
        )
    assert answer.status_code in (200, 201), answer.text
    return answer.json()["id"]


def say(running: RunningContainer, **body: object) -> bytes:
    """The samples of an answer."""
    with running.client() as client:
        answer = client.post("/tts", json={"text": TEXT, "seed": 1} | body)
    assert len(samples_of(answer)) > 5000
    return sample_bytes(answer.content)


def with_checkpoint(checkpoint: Path) -> dict[str, Any]:
    return {"mounts": [(checkpoint, "/models/tiny")], "environ": {"CHORUS_MODEL": "/models/tiny"}}
