"""`chorus doctor` on the recogniser: what is missing, and the server's message where it would not start."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.command import chorus
from tests.support.whisper_models import make_whisper

WITHOUT_RECOGNISER = """
import importlib.util, importlib.metadata
find, version = importlib.util.find_spec, importlib.metadata.version
missing = ("ctranslate2", "faster_whisper", "faster-whisper")
importlib.util.find_spec = lambda name, *more: None if name in missing else find(name, *more)
def told(name):
    if name in missing:
        raise importlib.metadata.PackageNotFoundError(name)
    return version(name)
importlib.metadata.version = told
from app.cli import main
main()
"""


@pytest.mark.slow
def test_doctor_without_packages_names_the_command_that_adds_them(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", WITHOUT_RECOGNISER, "doctor"],
        env=os.environ | {"CHORUS_DATA": str(tmp_path), "CHORUS_ENGINE": "embedded"},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (ended.returncode, ended.stderr) == (0, ""), ended.stdout
    assert "-  faster-whisper is not installed (speech to text needs it: `make asr`, or" in ended.stdout
    assert "-  speech to text: none, because no speech recogniser is installed: `make asr` adds one" in ended.stdout


@pytest.mark.slow
def test_doctor_ends_with_the_line_with_which_transcribing_would(tmp_path: Path) -> None:
    folder = make_whisper(tmp_path / "model")
    (folder / "vocabulary.json").write_text("[]")
    environ = {"CHORUS_DATA": str(tmp_path / "data"), "CHORUS_ENGINE": "embedded", "CHORUS_ASR_MODEL": str(folder)}
    ended = chorus("doctor", "--quiet", **environ)
    assert (ended.returncode, ended.stderr) == (1, "")
    [line] = ended.stdout.splitlines()
    assert line.startswith(f"PROBLEM  CHORUS_ASR_MODEL: {folder / 'vocabulary.json'} has 0 tokens")
    ended = chorus("transcribe", "speech.wav", **environ)
    assert (ended.returncode, ended.stderr) == (1, f"Error: {line.removeprefix('PROBLEM  ')}\n")


@pytest.mark.slow
def test_doctor_tells_the_faults_of_both_models(tmp_path: Path) -> None:
    wrong = {"CHORUS_MODEL": str(tmp_path / "a"), "CHORUS_ASR_MODEL": str(tmp_path / "b")}
    own = {"CHORUS_DATA": str(tmp_path / "data"), "CHORUS_ENGINE": "xtts"}
    ended = chorus("doctor", "--quiet", **own, **wrong)
    assert ended.returncode == 1
    lines = ended.stdout.splitlines()
    assert len(lines) == 2
    assert lines[-1].startswith(f"PROBLEM  CHORUS_ASR_MODEL: there is no folder '{tmp_path / 'b'}'")
