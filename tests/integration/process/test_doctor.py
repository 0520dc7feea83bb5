"""`chorus doctor` on a checkpoint: its findings, and the server's message where it would not start."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from app.engine.xtts.checkpoint.files import PINNED_REVISIONS, XTTS_V2, installed_folder
from tests.support.command import chorus
from tests.support.recordings import voice_like, wav

WITHOUT_TORCH = """
import importlib.util
find = importlib.util.find_spec
importlib.util.find_spec = lambda name, *more: None if name in ("torch", "torchaudio", "TTS") else find(name, *more)
from app.cli import main
main()
"""


@pytest.fixture
def copy(tiny_checkpoint: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_checkpoint, tmp_path / "checkpoint"))


def problems(printed: str) -> list[str]:
    return [line.removeprefix("PROBLEM  ") for line in printed.splitlines() if line.startswith("PROBLEM")]


def test_doctor_tells_what_a_published_checkpoint_would_speak(copy: Path, tmp_path: Path) -> None:
    ended = chorus("doctor", CHORUS_MODEL=str(copy), CHORUS_DATA=str(tmp_path))
    assert ended.returncode == 0, ended.stdout
    assert f"ok  checkpoint: XTTS v2 as published, which needs no conversion, 3 layers of 64 channels, in {copy}" in (
        ended.stdout
    )
    assert "it speaks 17 languages: en, es, fr," in ended.stdout
    assert "2 voices of its own; a request that names none is spoken with 'Ada Tiny'" in ended.stdout
    assert ended.stderr == ""


def test_doctor_tells_that_a_downloaded_checkpoint_has_no_voices(copy: Path, tmp_path: Path) -> None:
    from app.engine.xtts.checkpoint.convert import convert_checkpoint

    (copy / "speakers_xtts.pth").unlink()
    folder = installed_folder(tmp_path, XTTS_V2, PINNED_REVISIONS[XTTS_V2])
    convert_checkpoint(copy, folder, model=XTTS_V2, revision=PINNED_REVISIONS[XTTS_V2])
    ended = chorus("doctor", CHORUS_DATA=str(tmp_path))
    assert ended.returncode == 0, ended.stdout
    assert f"checkpoint: XTTS v2 converted, 3 layers of 64 channels, in {folder}" in ended.stdout
    assert "-  it has no voices of its own: a request must name a saved voice, or send recordings" in ended.stdout


def test_doctor_tells_that_a_recording_beside_the_model_is_its_first_voice(copy: Path, tmp_path: Path) -> None:
    (copy / "speakers_xtts.pth").unlink()
    (copy / "ref.wav").write_bytes(wav(voice_like(4)))
    ended = chorus("doctor", CHORUS_MODEL=str(copy), CHORUS_DATA=str(tmp_path))
    assert ended.returncode == 0, ended.stdout
    assert f"ok  its first voice is made from {copy / 'ref.wav'} and called 'reference'" in ended.stdout
    assert "1 voice of its own; a request that names none is spoken with 'reference'" in ended.stdout


def test_doctor_tells_that_the_server_would_download_first(tmp_path: Path) -> None:
    ended = chorus("doctor", CHORUS_ENGINE="xtts", CHORUS_ACCEPT_CPML="1", CHORUS_DATA=str(tmp_path))
    assert ended.returncode == 0, ended.stdout
    assert "-  coqui/XTTS-v2 is not downloaded: the server downloads it when it starts" in ended.stdout


def change_config(**changes: object) -> Callable[[Path], object]:
    def change(folder: Path) -> None:
        config = json.loads((folder / "config.json").read_text())
        config["model_args"] |= changes
        (folder / "config.json").write_text(json.dumps(config))

    return change


def exchange(name: str, old: str, new: str) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_text((folder / name).read_text().replace(old, new))


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda folder: (folder / "model.pth").rename(folder / "best_model.pth"), "best_model.pth is there: copy it"),
        (lambda folder: (folder / "model.pth").write_bytes(b"version https://git-lfs.github.com/"), "`git lfs pull`"),
        (lambda folder: (folder / "model.pth").write_bytes(b"no checkpoint"), "model.pth is refused"),
        (lambda folder: torch.save({"a": 1}, folder / "speakers_xtts.pth"), "holds no XTTS speakers"),
        (change_config(gpt_layers=4), "gpt.gpt.h.3.attn.c_attn.bias is missing"),
        (exchange("vocab.json", "[START]", "[BEGIN]"), "vocab.json has [START] and [STOP] at"),
    ],
    ids=["training", "pointer", "text", "speakers", "layers", "vocabulary"],
)
def test_doctor_ends_with_the_line_with_which_speaking_would(
    copy: Path, tmp_path: Path, damage: Callable[[Path], object], says: str
) -> None:
    damage(copy)
    environ = {"CHORUS_MODEL": str(copy), "CHORUS_DATA": str(tmp_path)}
    ended = chorus("doctor", "--quiet", **environ)
    assert ended.returncode == 1
    (line,) = problems(ended.stdout)
    assert says in line
    assert ended.stdout.splitlines() == [f"PROBLEM  {line}"]
    assert ended.stderr == ""
    said = chorus("say", "Hello.", "-o", str(tmp_path / "hello.wav"), **environ)
    assert (said.returncode, said.stderr) == (1, f"Error: {line}\n")


@pytest.mark.parametrize("content", [b"no checkpoint", b"PK\x03\x04"], ids=["text", "cut short"])
def test_a_server_with_an_unusable_checkpoint_logs_one_line_about_it_and_no_trace(
    copy: Path, tmp_path: Path, content: bytes
) -> None:
    """Found out while the engine is loaded, when the port is open already."""
    (copy / "model.pth").write_bytes(content)
    environ = {"CHORUS_MODEL": str(copy), "CHORUS_DATA": str(tmp_path), "CHORUS_PORT": "0"}
    ended = chorus("serve", CHORUS_LOG_LEVEL="error", **environ)
    assert ended.returncode == 1
    assert "weights_only" not in ended.stderr
    (line,) = [line for line in ended.stderr.splitlines() if "ERROR" in line]
    assert line.endswith("copy or download it again")
    assert ended.stderr.endswith(f"{line}\n"), "a trace follows"


def test_without_torch_doctor_tells_what_it_could_not_read(copy: Path, tmp_path: Path) -> None:
    def doctor() -> str:
        ended = subprocess.run(
            [sys.executable, "-c", WITHOUT_TORCH, "doctor"],
            env=os.environ | {"CHORUS_MODEL": str(copy), "CHORUS_DATA": str(tmp_path)},
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert (ended.returncode, ended.stderr) == (0, "")  # the server starts, with the embedded voice
        return ended.stdout

    printed = doctor()
    assert "ok  engine: embedded, because XTTS needs torch" in printed
    assert "ok  checkpoint: XTTS v2 as published" in printed
    assert "-  vocabulary, tensors and speakers were not read: that needs torch, TTS, which is not installed" in printed
    (copy / "model.pth").unlink()
    assert f"-  {copy / 'model.pth'} is missing: an XTTS v2 checkpoint has" in doctor()
