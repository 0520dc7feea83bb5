"""A fine-tune with the recording of its speaker beside it speaks in that voice by default."""

import shutil
from pathlib import Path

import httpx
import pytest

from app.settings import Settings
from tests.support.http import check, get
from tests.support.recordings import voice_like, wav
from tests.support.samples import sample_bytes
from tests.support.server import RunningServer, serve
from tests.support.speaking import speak

TRAINED = wav(voice_like(4))


@pytest.fixture
def folder(tiny_checkpoint: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_checkpoint, tmp_path / "ready"))


def settings(folder: Path) -> Settings:
    return Settings(engine="xtts", model=str(folder), data=folder.parent / "data")


def speakers(server: RunningServer) -> list[str]:
    return [speaker["id"] for speaker in get(server, "/speakers")["speakers"]]


def clone(server: RunningServer, recording: bytes) -> httpx.Response:
    with server.client() as client:
        form = {"text": "Hello there.", "seed": "7"}
        return client.post("/voice-clone", data=form, files={"reference_audio": ("a.wav", recording)})


def test_a_model_without_speakers_speaks_in_the_voice_of_the_recording_beside_it(folder: Path) -> None:
    (folder / "speakers_xtts.pth").unlink()
    (folder / "ref.wav").write_bytes(TRAINED)
    with serve(settings(folder)) as server:
        assert speakers(server) == ["reference"]
        plain = speak(server, text="Hello there.", seed=7)
        named = speak(server, text="Hello there.", seed=7, speaker_id="Reference")
        assert plain.status_code == 200, plain.text
        assert len({sample_bytes(each.content) for each in (plain, named, clone(server, TRAINED))}) == 1
        assert "recording" in get(server, "/health")["startup_s"]


def test_the_trained_voice_comes_before_stock_speakers(folder: Path) -> None:
    with serve(settings(folder)) as server:
        assert speakers(server) == ["Ada Tiny", "Björn Small"]
    (folder / "reference.wav").write_bytes(TRAINED)
    with serve(settings(folder)) as server:
        assert speakers(server) == ["reference", "Ada Tiny", "Björn Small"]
        spoken = speak(server, text="Hello there.", seed=7)
        assert sample_bytes(spoken.content) == sample_bytes(clone(server, TRAINED).content)


def test_what_gives_no_voice_is_told_and_the_next_recording_is_taken(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (folder / "reference.wav").write_bytes(b"no audio at all")
    (folder / "wavs").mkdir()
    (folder / "wavs" / "1.wav").write_bytes(wav(voice_like(0.5)))
    (folder / "wavs" / "2.wav").write_bytes(TRAINED)
    (folder / "wavs" / "metadata.csv").write_text("1|one")
    with serve(settings(folder)) as server:
        assert speakers(server)[0] == "reference"
        spoken = speak(server, text="Hello there.", seed=7)
        assert sample_bytes(spoken.content) == sample_bytes(clone(server, TRAINED).content)
    passed_over = [record.args for record in caplog.records if "is not offered as a voice" in record.msg]
    assert [str(args[0]) for args in passed_over if args] == [
        str(folder / "reference.wav"),
        str(folder / "wavs" / "1.wav"),
    ]


def test_a_recording_of_no_use_is_no_reason_to_fail(folder: Path) -> None:
    (folder / "speakers_xtts.pth").unlink()
    (folder / "audio.wav").write_bytes(b"")
    with serve(settings(folder)) as server:
        assert speakers(server) == []
        check(speak(server, text="Hello there."), 404, "unknown_speaker", "speaker_id", "no voices of its own")
