"""Folders that hold no usable Whisper model, each with a line that says what to do."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from app.asr.model_file import DamagedModel, NotCTranslate2, read_model_file
from app.asr.model_folder import check_folder
from app.errors import UnusableCheckpoint
from tests.support.whisper_models import ENGLISH_ONLY, LARGE_V3, make_whisper

Damage = Callable[[Path], object]


def problem(folder: Path) -> str:
    with pytest.raises(UnusableCheckpoint) as refused:
        check_folder(folder)
    assert refused.value.param == "CHORUS_ASR_MODEL"
    assert refused.value.message.startswith("CHORUS_ASR_MODEL: ")
    assert "\n" not in refused.value.message
    return refused.value.message


def write(name: str, content: bytes) -> Damage:
    return lambda folder: (folder / name).write_bytes(content)


def cut(name: str, share: float) -> Damage:
    def act(folder: Path) -> None:
        content = (folder / name).read_bytes()
        (folder / name).write_bytes(content[: round(len(content) * share)])

    return act


def replace(old: bytes, new: bytes) -> Damage:
    def act(folder: Path) -> None:
        content = (folder / "model.bin").read_bytes()
        assert old in content
        (folder / "model.bin").write_bytes(content.replace(old, new, 1))

    return act


def without(*names: str, **others: bytes) -> Damage:
    """`others`: files that are there instead; `__` stands for a point."""

    def act(folder: Path) -> None:
        for name in names:
            (folder / name).unlink()
        for name, content in others.items():
            path = folder / name.replace("__", ".")
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(content)

    return act


def move_below(folder: Path) -> None:
    below = folder / "snapshots" / "536b"
    below.mkdir(parents=True)
    for path in [path for path in folder.iterdir() if path.is_file()]:
        path.rename(below / path.name)


def link_away(folder: Path) -> None:
    (folder / "model.bin").unlink()
    (folder / "model.bin").symlink_to("../../blobs/3e30")


def make_a_folder_of_it(folder: Path) -> None:
    (folder / "config.json").unlink()
    (folder / "config.json").mkdir()


@pytest.mark.parametrize(
    "shape",
    [{}, {"num_tokens": ENGLISH_ONLY}, {"num_tokens": LARGE_V3, "num_mels": 128, "num_layers": (4, 1)}],
    ids=["multilingual", "English only", "turbo"],
)
def test_models_of_every_kind_of_whisper_pass(tmp_path: Path, shape: dict[str, int]) -> None:
    check_folder(make_whisper(tmp_path, **shape))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (without("model.bin"), "lacks model.bin; name a converted one by its id, such as Systran/faster-whisper-small"),
        (without("config.json"), "lacks config.json; copy them from where the weights are from"),
        (without("tokenizer.json"), "lacks tokenizer.json; copy that of the model from which it was converted"),
        (without("vocabulary.json"), "lacks vocabulary.txt; copy them"),
        (without("config.json", "vocabulary.json"), "lacks config.json, vocabulary.txt"),
        (cut("model.bin", 0.9), "model.bin is damaged: it ends too early; copy or download it again"),
        (cut("model.bin", 0.001), "model.bin is damaged: it ends too early"),
        (write("model.bin", b""), "model.bin is damaged: it is empty"),
        (write("model.bin", b"\x06\0\0\0"), "model.bin is not a model of CTranslate2; convert the model"),
        (write("model.bin", b"version https://git-lfs.github.com/spec/v1"), "run `git lfs pull`"),
        (write("model.bin", b"<!doctype html><html>"), "is a web page, not the file itself"),
        (write("model.bin", b"PK\x03\x04" + bytes(100)), "but weights of PyTorch; convert the model"),
        (write("model.bin", b"lmgg" + bytes(100)), "but one of whisper.cpp"),
        (write("model.bin", os.urandom(3) + b"\xff" * 100), "is not a model of CTranslate2"),
        (replace(b"WhisperSpec", b"TransfoSpec"), "is not a Whisper model of CTranslate2, but a TransfoSpec"),
        (write("config.json", b"{"), "config.json is damaged: it is no JSON object"),
        (write("config.json", b"[" * 100_000), "config.json is damaged"),
        (write("tokenizer.json", b"[]"), "tokenizer.json is damaged: it is no JSON object"),
        (write("preprocessor_config.json", b"\xff{}"), "preprocessor_config.json is damaged"),
        (write("vocabulary.json", b'["a", "b"]'), "vocabulary.json has 2 tokens and model.bin 51865"),
        (write("vocabulary.json", b"{}"), "vocabulary.json has 0 tokens and model.bin 51865"),
        (without("vocabulary.json", vocabulary__txt=b"a\nb\n"), "vocabulary.txt has 2 tokens and model.bin 51865"),
        (link_away, "model.bin is a link to ../../blobs/3e30, which is not there"),
        (make_a_folder_of_it, "config.json is a folder and should be a file"),
        (move_below, "holds no checkpoint itself; set CHORUS_ASR_MODEL to the folder below it that does: "),
    ],
)  # fmt: skip
def test_a_damaged_model_is_told_with_its_file(copy: Path, damage: Damage, says: str) -> None:
    damage(copy)
    assert says in problem(copy)


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({"model__pth": b"x", "vocab__json": b"{}"}, "it holds an XTTS checkpoint, which CHORUS_MODEL names"),
        ({"manifest__json": b"{}", "model__safetensors": b"x"}, "it holds an XTTS checkpoint"),
        ({"model__safetensors": b"x", "config__json": b'{"model_type": "whisper"}'}, "`ct2-transformers-converter"),
        ({"pytorch_model__bin": b"x"}, "it holds a model of transformers: convert it"),
        ({"model-00001-of-00002__safetensors": b"x"}, "it holds a model of transformers: convert it"),
        ({"model__safetensors": b"x", "config__json": b'{"model_type": "wav2vec2"}'}, "a wav2vec2 model of transf"),
        ({"ggml-base__bin": b"x"}, "it holds a model of whisper.cpp or of openai-whisper"),
        ({"small__pt": b"x"}, "it holds a model of whisper.cpp or of openai-whisper"),
        ({"notes__txt": b"x"}, "such as Systran/faster-whisper-small"),
    ],
    ids=str,
)
def test_a_folder_of_another_kind_is_told_as_what_it_is(tmp_path: Path, files: dict[str, bytes], says: str) -> None:
    without(**files)(tmp_path)
    assert says in problem(tmp_path)


def test_what_is_no_folder_is_told(tmp_path: Path, whisper_folder: Path) -> None:
    assert "there is no folder" in problem(tmp_path / "missing")
    assert f"is a file: CHORUS_ASR_MODEL names the folder that it is in, {whisper_folder}" in problem(
        whisper_folder / "model.bin"
    )


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become a user who may not read")
@pytest.mark.parametrize(("shut", "mode"), [("model.bin", 0o600), ("vocabulary.json", 0o600), (".", 0o700)])
def test_what_this_user_may_not_read_is_told(copy: Path, tmp_path: Path, shut: str, mode: int) -> None:
    for parent in copy.parents:
        if parent.is_relative_to(tmp_path.parents[1]):
            parent.chmod(0o755)
    (copy / shut).chmod(mode)
    code = (
        "import os, sys; from pathlib import Path; from app.errors import UnusableCheckpoint;"
        "from app.asr.installation import choose_model; from app.settings import Settings;"
        "os.setuid(65534)\n"
        "try: choose_model(Settings(asr_model=sys.argv[1]))\n"
        "except UnusableCheckpoint as error: print(error)\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code, str(copy)], capture_output=True, text=True, timeout=60, check=False
    )
    assert "cannot be read: Permission denied; make it readable for this user" in ended.stdout, ended.stderr
    assert ended.stderr == ""


def test_a_table_of_contents_has_the_models_shape(tmp_path: Path) -> None:
    make_whisper(tmp_path, num_tokens=LARGE_V3, num_mels=128, num_layers=(4, 1))
    model = read_model_file(tmp_path / "model.bin")
    assert (model.version, model.revision, model.num_layers, model.num_mels) == (6, 3, (4, 1), 128)
    assert (model.num_tokens, model.is_multilingual, model.is_pruned) == (LARGE_V3, True, True)
    size = (tmp_path / "model.bin").stat().st_size
    assert model.num_bytes("float32") == pytest.approx(size, rel=0.01)
    assert model.num_bytes("float16") == pytest.approx(size / 2, rel=0.01)
    assert size / 4 < model.num_bytes("int8") < size / 2


def test_a_layout_that_is_not_known_is_not_taken_for_damage(tmp_path: Path) -> None:
    make_whisper(tmp_path, version=7)
    check_folder(tmp_path)
    assert read_model_file(tmp_path / "model.bin").shapes == {}


@pytest.mark.parametrize("share", [0.3, 0.7, 0.99999])
def test_a_model_that_ends_too_early_is_damaged_wherever_it_ends(copy: Path, share: float) -> None:
    cut("model.bin", share)(copy)
    with pytest.raises(DamagedModel):
        read_model_file(copy / "model.bin")
    with pytest.raises(NotCTranslate2):
        read_model_file(copy / "config.json")
