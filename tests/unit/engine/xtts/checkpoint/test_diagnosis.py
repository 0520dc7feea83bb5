"""A folder that is no checkpoint: one line says what is wrong and what to do, in the light environment too."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from app.engine.xtts.checkpoint.diagnosis import check_folder
from app.engine.xtts.checkpoint.files import folder_of
from app.errors import UnusableCheckpoint
from app.weights.names import is_folder

PUBLISHED = ("model.pth", "config.json", "vocab.json")
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:c7ea20001c6a\nsize 1867929118\n"


def make(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"content")
    return folder


def trained_with(folder: Path, tokenizer_file: object) -> None:
    (folder / "config.json").write_text(json.dumps({"model_args": {"tokenizer_file": tokenizer_file}}))


def line_about(folder: Path) -> str:
    with pytest.raises(UnusableCheckpoint) as refusal:
        check_folder(folder)
    assert "\n" not in refusal.value.message
    assert refusal.value.param == "CHORUS_MODEL"
    return refusal.value.message


@pytest.mark.parametrize(
    "names",
    [
        PUBLISHED,
        (*PUBLISHED, "speakers_xtts.pth", "dvae.pth"),
        ("manifest.json", "model.safetensors", "config.json", "vocab.json"),
    ],
)
def test_a_folder_with_the_files_of_a_checkpoint_passes(tmp_path: Path, names: tuple[str, ...]) -> None:
    check_folder(make(tmp_path, *names))


@pytest.mark.parametrize("missing", PUBLISHED)
def test_a_missing_file_is_named(tmp_path: Path, missing: str) -> None:
    make(tmp_path, *(name for name in PUBLISHED if name != missing))
    assert line_about(tmp_path).startswith(f"{tmp_path / missing} is missing: ")


def test_a_converted_folder_without_its_weights_is_not_told_to_get_a_pickle(tmp_path: Path) -> None:
    make(tmp_path, "manifest.json", *PUBLISHED[1:])
    line = line_about(tmp_path)
    assert "model.safetensors is missing: an XTTS v2 checkpoint has model.safetensors, config.json, vocab.json" in line


@pytest.mark.parametrize(
    ("names", "says"),
    [
        (("best_model.pth",), "best_model.pth is there: copy it to model.pth"),
        (
            ("best_model_900.pth", "best_model_1234.pth", "checkpoint_2000.pth"),
            "3 others are there: copy the one to speak with, usually best_model_1234.pth, to model.pth",
        ),
        (
            ("best_model.pth", "checkpoint_1234.pth"),
            "2 others are there: copy the one to speak with, usually best_model.pth, to model.pth",
        ),
        (("checkpoint_900.pth", "checkpoint_1000.pth"), "usually checkpoint_1000.pth, to model.pth"),
        (("unoptimize_model.pth", "dvae.pth", "mel_stats.pth"), "unoptimize_model.pth is there: copy it to model.pth"),
        (("my voice.ckpt", "speakers_xtts.pth"), "my voice.ckpt is there: copy it to model.pth"),
    ],
)
def test_weights_under_another_name_are_named_with_what_to_call_them(
    tmp_path: Path, names: tuple[str, ...], says: str
) -> None:
    make(tmp_path, "config.json", "vocab.json", *names)
    line = line_about(tmp_path)
    assert line.startswith(f"{tmp_path / 'model.pth'} is missing and ")
    assert says in line
    assert line.endswith("to model.pth")


def test_of_a_training_the_vocabulary_is_where_its_config_says(tmp_path: Path) -> None:
    run = make(tmp_path / "run", "best_model.pth")
    vocabulary = make(tmp_path / "base model", "vocab.json") / "vocab.json"
    trained_with(run, str(vocabulary))
    assert line_about(run).endswith(f"copy it to model.pth; copy {vocabulary} to vocab.json")
    (run / "best_model.pth").rename(run / "model.pth")
    assert line_about(run) == f"{run / 'vocab.json'} is missing: copy {vocabulary} to vocab.json"


@pytest.mark.parametrize(
    "elsewhere",
    ["/content/XTTS_v2.0_original_model_files/vocab.json", r"C:\run\XTTS_v2.0_original_model_files\vocab.json"],
)
def test_of_a_training_on_another_machine_the_vocabulary_is_found_beside_it(tmp_path: Path, elsewhere: str) -> None:
    run = make(tmp_path / "GPT_XTTS_FT-1234", "best_model.pth")
    trained_with(run, elsewhere)
    assert f"config.json names {elsewhere}, which is not here" in line_about(run)
    beside = make(tmp_path / "XTTS_v2.0_original_model_files", "vocab.json") / "vocab.json"
    assert line_about(run).endswith(f"copy {beside} to vocab.json")


@pytest.mark.parametrize(
    "config", ["{", "[]", '{"model_args": null}', '{"model_args": {"tokenizer_file": null}}', "\xff"]
)
def test_a_config_that_names_no_vocabulary_leads_to_the_base_models(tmp_path: Path, config: str) -> None:
    make(tmp_path, "model.pth")
    (tmp_path / "config.json").write_text(config, encoding="latin-1")
    assert line_about(tmp_path).endswith("from which it was trained, such as that of coqui/XTTS-v2")


@pytest.mark.parametrize(
    "names", [("core_xttsv2/xtts-v2.safetensors", "gpt/gpt2_model.safetensors"), ("xtts-v2.safetensors",)]
)
def test_auraliss_form_is_told_by_its_name(tmp_path: Path, names: tuple[str, ...]) -> None:
    make(tmp_path, "config.json", "vocab.json", *names)
    assert "was converted for Auralis" in line_about(tmp_path)
    assert "the folder of the original" in line_about(tmp_path)


def test_safetensors_that_chorus_did_not_write_are_told(tmp_path: Path) -> None:
    make(tmp_path, "config.json", "vocab.json", "model.safetensors")
    line = line_about(tmp_path)
    assert "has model.safetensors and no manifest.json" in line
    assert "put the model.pth there from which it was made" in line


@pytest.mark.parametrize(
    "setting", ["model", "model/huggingface", "model/huggingface/hub", "model/huggingface/hub/models--coqui--XTTS-v2"]
)
def test_a_folder_above_the_checkpoint_is_told_which_folder_has_it(tmp_path: Path, setting: str) -> None:
    """The hub's cache: the files of a snapshot are links to blobs."""
    cache = make(tmp_path / "model/huggingface/hub/models--coqui--XTTS-v2", "blobs/a", "refs/main", "blobs/b")
    snapshot = cache / "snapshots" / "6c2b0d75"
    snapshot.mkdir(parents=True)
    for name in PUBLISHED:
        (snapshot / name).symlink_to("../../blobs/a")
    if setting == "model":  # five levels
        assert "model.pth is missing" in line_about(tmp_path / setting)
    else:
        assert line_about(tmp_path / setting).endswith(f"the folder below it that does: {snapshot}")


def test_of_several_folders_below_some_are_named(tmp_path: Path) -> None:
    for name in "dabc":
        make(tmp_path / name, *PUBLISHED)
    make(tmp_path / "run", "config.json", "best_model.pth")
    assert line_about(tmp_path).endswith(f": {tmp_path / 'a'} or {tmp_path / 'b'} or {tmp_path / 'c'} (there are 4)")


def test_a_folder_above_a_training_leads_to_the_training(tmp_path: Path) -> None:
    run = make(tmp_path / "GPT_XTTS_FT-1234", "config.json", "best_model_1234.pth")
    assert line_about(tmp_path).endswith(f"the folder below it that does: {run}")


def test_a_file_is_told_to_be_no_folder_and_is_not_looked_for_on_the_hub(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(tmp_path, *PUBLISHED)
    assert line_about(tmp_path / "model.pth") == (
        f"{tmp_path / 'model.pth'} is a file: CHORUS_MODEL names the folder that it is in, {tmp_path}"
    )
    monkeypatch.chdir(tmp_path.parent)
    setting = f"{tmp_path.name}/model.pth"
    assert is_folder(setting)
    assert line_about(folder_of(setting, tmp_path)).endswith(f"the folder that it is in, {tmp_path}")


@pytest.mark.parametrize("setting", ["/none", "~nobody-of-this-name/xtts", "./none", "/none/" + "x" * 300])
def test_a_folder_that_is_not_there_is_told(tmp_path: Path, setting: str) -> None:
    folder = folder_of(setting, tmp_path)
    assert str(folder) in line_about(folder)


def point(folder: Path, name: str) -> None:
    (folder / name).write_bytes(POINTER)


@pytest.mark.parametrize("name", [*PUBLISHED, "speakers_xtts.pth"])
@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (point, "is a Git LFS pointer, not the file itself: run `git lfs pull` in "),
        (lambda folder, name: (folder / name).write_bytes(b"\n<!DOCTYPE html><html>"), "is a web page, not the file"),
        (lambda folder, name: ((folder / name).unlink(), (folder / name).mkdir()), "is a folder and should be a file"),
        (
            lambda folder, name: ((folder / name).unlink(), (folder / name).symlink_to("../../blobs/a")),
            "is a link to ../../blobs/a, which is not there: copy the files",
        ),
    ],
    ids=["pointer", "web page", "folder", "dangling link"],
)
def test_a_file_that_is_not_what_its_name_says_is_told(
    tmp_path: Path, name: str, damage: Callable[[Path, str], object], says: str
) -> None:
    make(tmp_path, *PUBLISHED, "speakers_xtts.pth")
    damage(tmp_path, name)
    line = line_about(tmp_path)
    assert line.startswith(f"{tmp_path / name} ")
    assert says in line


def test_an_empty_speakers_file_may_be_removed_and_empty_weights_may_not(tmp_path: Path) -> None:
    make(tmp_path, *PUBLISHED)
    (tmp_path / "speakers_xtts.pth").touch()
    assert "speakers_xtts.pth is empty: remove it" in line_about(tmp_path)
    (tmp_path / "model.pth").write_bytes(b"")
    assert "model.pth is damaged: it is empty; copy or download it again" in line_about(tmp_path)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become a user who may not read")
@pytest.mark.parametrize(("shut", "mode"), [("model.pth", 0o600), (".", 0o700)])
def test_what_this_user_may_not_read_is_told(tmp_path: Path, shut: str, mode: int) -> None:
    folder = make(tmp_path / "checkpoint", *PUBLISHED)
    for parent in folder.parents:
        if parent.is_relative_to(tmp_path.parents[1]):
            parent.chmod(0o755)
    (folder / shut).chmod(mode)
    code = (
        "import os, sys; from pathlib import Path; from app.errors import UnusableCheckpoint;"
        "from app.engine.xtts.checkpoint.diagnosis import check_folder;"
        "from app.engine.xtts.checkpoint.files import is_installed; from app.weights.names import is_folder;"
        "os.setuid(65534); folder = Path(sys.argv[1]);"
        "is_folder(str(folder)); is_installed(str(folder), folder)\n"
        "try: check_folder(folder)\n"
        "except UnusableCheckpoint as error: print(error)\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code, str(folder)], capture_output=True, text=True, timeout=60, check=False
    )
    assert "cannot be read: Permission denied; make it readable for this user" in ended.stdout, ended.stderr
    assert ended.stderr == ""
