"""`chorus transcribe` on the fake recogniser."""

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner

from app.cli.transcribe import choose_targets, transcribe, transcribe_to_files
from app.errors import InvalidField
from app.settings import Settings
from app.transcription.request import TranscriptionOptions
from tests.support.fake_recognizer import FakeRecognizer
from tests.support.recordings import voice_like, wav

TEXT = "Good morning. The river is wide.\n"


def run(
    tmp_path: Path, files: Sequence[Path], output: str | None, *, words: bool = False, form: str | None = None
) -> bool:
    targets, write = choose_targets(files, output, form, words=words)
    recognizer = FakeRecognizer()
    options = TranscriptionOptions(words=words)
    done = asyncio.run(transcribe_to_files(recognizer, Settings(data=tmp_path), files, targets, options, write))
    assert recognizer.is_closed
    return done


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    path = tmp_path / "speech.wav"
    path.write_bytes(wav(voice_like(1)))
    return path


@pytest.mark.parametrize(
    ("ending", "begins"),
    [
        ("txt", TEXT),
        ("srt", "1\n00:00:00,000 --> 00:00:01,000\nGood morning.\n"),
        ("vtt", "WEBVTT\n\n00:00:00.000 -->"),
    ],
)
def test_the_ending_of_the_output_gives_its_format(tmp_path: Path, recording: Path, ending: str, begins: str) -> None:
    assert run(tmp_path, [recording], str(tmp_path / f"out.{ending}"))
    assert (tmp_path / f"out.{ending}").read_text().startswith(begins)


def test_words_are_captions_of_their_own_and_in_json(tmp_path: Path, recording: Path) -> None:
    assert run(tmp_path, [recording], str(tmp_path / "out.srt"), words=True)
    assert (tmp_path / "out.srt").read_text().count("-->") == 6
    assert run(tmp_path, [recording], str(tmp_path / "out.json"), words=True)
    assert [word["text"] for word in json.loads((tmp_path / "out.json").read_text())["words"]] == TEXT.split()


def test_without_an_output_the_text_goes_to_standard_output_and_the_rest_beside_it(
    tmp_path: Path, recording: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    assert run(tmp_path, [recording], None)
    out, err = capfdbinary.readouterr()
    assert out.decode() == TEXT
    assert b"1.0 s of audio in" in err


def test_several_files_go_into_a_folder_under_their_names(tmp_path: Path, recording: Path) -> None:
    other = tmp_path / "other.wav"
    other.write_bytes(recording.read_bytes())
    folder = tmp_path / "texts"
    folder.mkdir()
    assert run(tmp_path, [recording, other], str(folder), form="srt")
    assert sorted(path.name for path in folder.iterdir()) == ["other.srt", "speech.srt"]


def test_several_texts_on_standard_output_have_their_names_above_them(
    tmp_path: Path, recording: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    assert run(tmp_path, [recording, recording], None)
    assert capfdbinary.readouterr().out.decode() == f"==> {recording} <==\n{TEXT}" * 2


def test_a_file_that_cannot_be_read_is_reported_and_the_others_are_written(
    tmp_path: Path, recording: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    assert not run(tmp_path, [tmp_path / "missing.wav", recording], None)
    out, err = capfdbinary.readouterr()
    assert TEXT.encode() in out
    assert b"Error: " in err
    assert b"missing.wav cannot be read" in err


@pytest.mark.parametrize(
    ("files", "output", "says"),
    [
        (["a.wav"], "out.doc", r"out\.doc has no ending that gives a format; known are \.txt, \.srt, \.vtt, \.json"),
        (["a.wav"], "out", "has no ending"),
        (["a.wav", "b.wav"], "out.srt", r"out\.srt is no folder"),
        (["a.wav", "sub/a.mp3"], ".", r"two of the files would be written to a\.txt"),
    ],
)
def test_an_output_that_does_not_fit_is_refused_before_anything_is_loaded(
    files: list[str], output: str, says: str
) -> None:
    with pytest.raises(InvalidField, match=says):
        choose_targets([Path(file) for file in files], output, None, words=False)


def test_help_says_what_it_takes() -> None:
    shown = CliRunner().invoke(transcribe, ["--help"])
    assert shown.exit_code == 0
    for option in ("--output", "--language", "--words", "--format", "--translate"):
        assert option in shown.output
