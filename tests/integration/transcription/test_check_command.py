"""`chorus check`."""

import asyncio
from pathlib import Path

import pytest
from click.testing import CliRunner

from app.asr.alignment import Edit
from app.cli import main
from app.cli.check import check_recording, report
from app.errors import ChorusError, UnreadableAudio
from app.settings import Settings
from app.transcription.alignment import RecordingAlignment
from tests.support.fake_recognizer import FakeRecognizer
from tests.support.transcribing import RECORDING

TEXT = "The boat did not sink."


def checked(recognizer: FakeRecognizer, recording: Path, text: str = TEXT) -> RecordingAlignment:
    return asyncio.run(check_recording(recognizer, Settings(), recording, text, "en"))


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    path = tmp_path / "take.wav"
    path.write_bytes(RECORDING)
    return path


def test_a_recording_that_says_its_text_passes(recording: Path) -> None:
    recognizer = FakeRecognizer()
    found = checked(recognizer, recording)
    assert (found.verdict, report(found)) == ("passed", f"passed           0.00 s  {TEXT}")
    assert recognizer.is_closed


def test_each_fault_is_a_line_with_its_time_and_its_words(recording: Path) -> None:
    found = checked(FakeRecognizer(edits=[Edit(kind="missing", first=3, last=3, gain=9.0)]), recording)
    assert report(found).splitlines() == [
        f"failed           0.00 s  {TEXT}", "    missing, 1.50 to 1.95 s: not",
    ]  # fmt: skip


def test_an_inconclusive_verdict_says_why(recording: Path) -> None:
    found = checked(FakeRecognizer([]), recording, "word " * 150)
    assert found.verdict == "inconclusive"
    assert report(found).endswith(")")


def test_a_file_that_is_no_recording_is_refused_and_the_recogniser_closed(tmp_path: Path) -> None:
    recognizer = FakeRecognizer()
    with pytest.raises(UnreadableAudio, match=r"gone\.wav"):
        checked(recognizer, tmp_path / "gone.wav")
    assert recognizer.is_closed


def test_a_text_without_words_is_refused(recording: Path) -> None:
    with pytest.raises(ChorusError, match="no words"):
        checked(FakeRecognizer(), recording, "…")


@pytest.mark.parametrize("texts", [[], ["--text", "a", "--text-file", __file__]])
def test_exactly_one_text_is_needed(recording: Path, texts: list[str]) -> None:
    outcome = CliRunner().invoke(main, ["check", str(recording), *texts])
    assert outcome.exit_code == 2
    assert "--text" in outcome.output


def test_without_a_recogniser_the_command_says_how_to_add_one(recording: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHORUS_ASR_MODEL", "off")
    outcome = CliRunner().invoke(main, ["check", str(recording), "--text", TEXT])
    assert outcome.exit_code == 1
    assert "CHORUS_ASR_MODEL=off" in outcome.output
