"""Checkpoint folders: both forms load alike, and what is wrong with one is told by the name of the file."""

import json
import os
import pickle
import shutil
import stat
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from app.engine.xtts.checkpoint.convert import convert_checkpoint
from app.engine.xtts.checkpoint.load import load_checkpoint
from app.engine.xtts.engine import XttsEngine
from app.errors import UnusableCheckpoint
from tests.support.checkpoints import tensors_of


@pytest.fixture(scope="module")
def converted(tiny_checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("converted")
    convert_checkpoint(tiny_checkpoint, folder, model="coqui/XTTS-v2", revision="0123456789abcdef")
    return folder


@pytest.fixture
def copy(tiny_checkpoint: Path, tmp_path: Path) -> Path:
    """A checkpoint as published, to be damaged."""
    return Path(shutil.copytree(tiny_checkpoint, tmp_path / "checkpoint"))


@pytest.fixture
def converted_copy(converted: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(converted, tmp_path / "converted"))


def test_the_converted_form_holds_the_same_tensors_and_voices(tiny_checkpoint: Path, converted: Path) -> None:
    published, ours = load_checkpoint(tiny_checkpoint), load_checkpoint(converted)
    theirs = tensors_of(published.networks)
    assert tensors_of(ours.networks).keys() == theirs.keys()
    for name, tensor in tensors_of(ours.networks).items():
        assert torch.equal(tensor, theirs[name]), name
    assert list(ours.speakers) == list(published.speakers)
    for name, voice in ours.speakers.items():
        assert torch.equal(voice.gpt_conditioning_latents, published.speakers[name].gpt_conditioning_latents)
        assert torch.equal(voice.speaker_embedding, published.speakers[name].speaker_embedding)
    assert ours.name == "coqui/XTTS-v2@0123456789ab"
    assert ours.identity == published.identity
    assert not any(tensor.requires_grad for tensor in theirs.values())


def test_a_folder_that_was_converted_before_identities_were_recorded_has_one(converted_copy: Path) -> None:
    path = converted_copy / "manifest.json"
    manifest = json.loads(path.read_text())
    del manifest["identity"]
    path.write_text(json.dumps(manifest))
    assert load_checkpoint(converted_copy).identity == manifest["files"]["model.safetensors"]["sha256"][:32]


def test_a_manifest_without_weights_is_told(converted_copy: Path) -> None:
    path = converted_copy / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"files": {}}))
    with pytest.raises(UnusableCheckpoint, match=r"manifest\.json does not list model\.safetensors"):
        load_checkpoint(converted_copy)


def test_loading_reads_no_pickle_once_converted(converted: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a pickle was read")

    monkeypatch.setattr(pickle, "Unpickler", refuse)
    monkeypatch.setattr(torch, "load", refuse)
    assert load_checkpoint(converted).speakers


def test_a_checkpoint_without_speakers_loads_and_has_none(copy: Path) -> None:
    (copy / "speakers_xtts.pth").unlink()
    assert load_checkpoint(copy).speakers == {}


class Malicious:
    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[str]]:
        return (os.mkdir, (str(self.trace),))


def damage_config(**changes: object) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        config = json.loads((folder / "config.json").read_text())
        for name, value in changes.items():
            (config["model_args"] if name in config["model_args"] else config)[name] = value
        (folder / "config.json").write_text(json.dumps(config))

    return damage


def damage_weights(change: Callable[[dict[str, torch.Tensor]], object]) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        file = torch.load(folder / "model.pth", weights_only=True)
        change(file["model"])
        torch.save(file, folder / "model.pth")

    return damage


def as_in_v1(tensors: dict[str, torch.Tensor]) -> None:
    for name in [name for name in tensors if name.startswith("gpt.conditioning_perceiver.")]:
        del tensors[name]


def cut(name: str) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        data = (folder / name).read_bytes()
        (folder / name).write_bytes(data[: len(data) // 2])

    return damage


def write(name: str, data: bytes) -> Callable[[Path], None]:
    return lambda folder: (folder / name).write_bytes(data) and None


def save(name: str, value: object) -> Callable[[Path], None]:
    return lambda folder: torch.save(value, folder / name)


def speaker(channels: int, *, latents: int = 32, embedding: int = 512) -> dict[str, dict[str, torch.Tensor]]:
    return {
        "Ada": {
            "gpt_cond_latent": torch.zeros(1, latents, channels),
            "speaker_embedding": torch.zeros(1, embedding, 1),
        }
    }


@pytest.mark.slow
@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda folder: (folder / "model.pth").unlink(), "model.pth is missing"),
        (lambda folder: (folder / "config.json").unlink(), "config.json is missing"),
        (lambda folder: (folder / "vocab.json").unlink(), "vocab.json is missing"),
        (shutil.rmtree, "there is no folder"),
        (cut("model.pth"), "model.pth is (damaged|refused)"),
        (cut("config.json"), "config.json cannot be read"),
        (cut("vocab.json"), "vocab.json is no vocabulary"),
        (cut("speakers_xtts.pth"), "speakers_xtts.pth is (damaged|refused)"),
        (write("model.pth", b""), "model.pth is damaged"),
        (write("model.pth", b"Entry not found"), "model.pth is refused: it is damaged or no checkpoint; copy or"),
        (write("vocab.json", b"{}"), "vocab.json is no vocabulary"),
        (save("model.pth", [1, 2]), "model.pth holds no XTTS weights"),
        (save("model.pth", {}), "model.pth holds no XTTS weights"),
        (save("model.pth", {"model": {"a": 1}}), "model.pth holds no XTTS weights"),
        (save("model.pth", {"model": {1: torch.zeros(1)}}), "model.pth holds no XTTS weights"),
        (save("model.pth", {"model": {"a": np.zeros(3)}}), "model.pth holds no XTTS weights"),
        (save("model.pth", {"a": torch.zeros(1)}), r"model.pth does not fit XTTS v2: 'gpt\.text_embedding\.weight' is"),
        (save("speakers_xtts.pth", {"Ada": 1}), "speakers_xtts.pth holds no XTTS speakers: remove it"),
        (save("speakers_xtts.pth", torch.zeros(1)), "speakers_xtts.pth holds no XTTS speakers: remove it"),
        (
            save("speakers_xtts.pth", speaker(8)),
            r"'Ada' has latents \[32, 8\] and .* the model reads \[32, 64\] and 512",
        ),
        (save("speakers_xtts.pth", speaker(64, latents=1)), r"'Ada' has latents \[1, 64\]"),
        (save("speakers_xtts.pth", speaker(64, embedding=256)), "'Ada' has .* an embedding of 256 values"),
        (damage_config(model="vits"), "of a 'vits' model"),
        (damage_config(gpt_use_perceiver_resampler=False), "XTTS v1"),
        (damage_config(gpt_n_heads=7), "do not fit together"),
        (damage_config(gpt_layers=4), r"gpt\.gpt\.h\.3\.attn\.c_attn\.bias is missing"),
        (damage_config(gpt_layers=2), r"gpt\.gpt\.h\.2\.attn\.c_attn\.bias has no place"),
        (damage_config(gpt_max_audio_tokens=99), r"mel_pos_embedding\.emb\.weight has shape \[128, 64\]"),
        (damage_config(gpt_layers="many"), "config.json cannot be read"),
        (damage_weights(lambda tensors: tensors.pop("mel_stats")), "mel_stats is missing"),
        (damage_weights(as_in_v1), r"does not fit XTTS v2: gpt\.conditioning_perceiver\.latents is missing"),
        (damage_weights(lambda tensors: tensors.update(more=torch.zeros(1))), "more has no place in XTTS v2"),
    ],
)
def test_what_is_wrong_with_a_published_folder_is_told_by_file(
    copy: Path, damage: Callable[[Path], None], says: str
) -> None:
    damage(copy)
    with pytest.raises(UnusableCheckpoint, match=says) as refusal:
        XttsEngine(copy)
    assert "\n" not in refusal.value.message
    assert str(copy) in refusal.value.message


@pytest.mark.parametrize("name", ["model.pth", "speakers_xtts.pth"])
def test_code_inside_a_file_is_never_run(copy: Path, tmp_path: Path, name: str) -> None:
    trace = tmp_path / "was here"
    torch.save({"model": Malicious(trace)}, copy / name)
    with pytest.raises(UnusableCheckpoint, match=rf"{name} is refused: it wants to run posix\.mkdir; save the tensors"):
        load_checkpoint(copy)
    assert not trace.exists()


def told_by(error: BaseException | None) -> Iterator[str]:
    """The messages that a trace of the error would show."""
    while error is not None:
        yield str(error)
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def write_torch_script(path: Path) -> None:
    """As `torch.jit.save` lays it out; torch deprecates that function with a warning."""
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("data.pkl", "constants.pkl", "version"):
            archive.writestr(f"archive/{name}", b"\x80\x02}q\x00.")


@pytest.mark.parametrize(
    "write_weights",
    [
        lambda path: torch.save({"model": Malicious(path)}, path),
        lambda path: path.write_bytes(b"Entry not found"),
        lambda path: path.write_bytes(pickle.dumps({"model": {}}, protocol=2)),
        lambda path: path.write_bytes(path.read_bytes()[:1_000_000]),
        write_torch_script,
    ],
    ids=["code", "text", "another pickle", "cut short", "TorchScript"],
)
def test_torchs_advice_to_run_what_is_in_a_file_is_not_passed_on(
    copy: Path, write_weights: Callable[[Path], object]
) -> None:
    write_weights(copy / "model.pth")
    with pytest.raises(UnusableCheckpoint) as refusal:
        load_checkpoint(copy)
    assert "model.pth" in refusal.value.message
    assert not any("weights_only" in message for message in told_by(refusal.value))


@pytest.mark.parametrize("name", ["model.safetensors", "speakers.safetensors", "vocab.json"])
def test_a_converted_file_that_was_cut_short_is_told_by_its_size(converted_copy: Path, name: str) -> None:
    cut(name)(converted_copy)
    with pytest.raises(UnusableCheckpoint, match=rf"{name} has \d+ bytes instead of \d+"):
        load_checkpoint(converted_copy)


def test_a_converted_file_with_nonsense_in_it_is_told(converted_copy: Path) -> None:
    path = converted_copy / "model.safetensors"
    data = path.read_bytes()
    path.write_bytes(b"\xff" * 64 + data[64:])
    with pytest.raises(UnusableCheckpoint, match=r"model\.safetensors is damaged"):
        load_checkpoint(converted_copy)
    (converted_copy / "manifest.json").write_text("{")
    with pytest.raises(UnusableCheckpoint, match=r"manifest\.json cannot be read"):
        load_checkpoint(converted_copy)


def test_a_vocabulary_of_another_model_is_told(copy: Path) -> None:
    vocabulary = json.loads((copy / "vocab.json").read_text())
    vocabulary["model"]["vocab"]["surplus"] = 9999
    (copy / "vocab.json").write_text(json.dumps(vocabulary))
    with pytest.raises(UnusableCheckpoint, match=r"vocab\.json has 10000 tokens"):
        XttsEngine(copy)


def test_a_vocabulary_with_other_marks_is_told(copy: Path) -> None:
    text = (copy / "vocab.json").read_text()
    (copy / "vocab.json").write_text(text.replace("[START]", "[BEGIN]"))
    with pytest.raises(UnusableCheckpoint, match=r"vocab\.json has \[START\] and \[STOP\] at \(None, 0\)"):
        XttsEngine(copy)


def test_what_was_converted_once_is_not_changed_by_saving_it_again(converted: Path, tmp_path: Path) -> None:
    tensors = load_file(converted / "model.safetensors")
    save_file(tensors, tmp_path / "again.safetensors")
    assert (tmp_path / "again.safetensors").read_bytes() == (converted / "model.safetensors").read_bytes()


def test_converted_files_may_be_read_by_whom_their_neighbours_may_be_read(
    tiny_checkpoint: Path, tmp_path: Path
) -> None:
    before = os.umask(0o027)
    try:
        convert_checkpoint(tiny_checkpoint, tmp_path / "converted", model="tiny", revision=None)
    finally:
        os.umask(before)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "converted").iterdir()}
    assert len(modes) == 6
    assert set(modes.values()) == {0o640}, modes


def test_a_folder_whose_vocabulary_is_another_models_is_not_converted(copy: Path, tmp_path: Path) -> None:
    text = (copy / "vocab.json").read_text()
    (copy / "vocab.json").write_text(text.replace("[START]", "[BEGIN]"))
    with pytest.raises(UnusableCheckpoint, match=r"vocab\.json has \[START\]"):
        convert_checkpoint(copy, tmp_path / "converted", model="tiny", revision=None)
    assert not (tmp_path / "converted").exists()


def test_shapes_are_read_without_the_weights(tiny_checkpoint: Path, converted: Path) -> None:
    shapes = {name: tensor.shape for name, tensor in tensors_of(load_checkpoint(tiny_checkpoint).networks).items()}
    for folder in (tiny_checkpoint, converted):
        outline = load_checkpoint(folder, device="meta")
        tensors = tensors_of(outline.networks)
        assert all(tensor.is_meta for tensor in tensors.values())
        assert {name: tensor.shape for name, tensor in tensors.items()} == shapes
        assert list(outline.speakers) == ["Ada Tiny", "Björn Small"]


def test_a_converted_voice_of_another_model_is_told(converted_copy: Path) -> None:
    path = converted_copy / "speakers.safetensors"
    voice = {"0.gpt_conditioning_latents": torch.zeros(32, 8), "0.speaker_embedding": torch.zeros(512, 1)}
    save_file(voice, path, metadata={"names": '["Ada"]'})
    manifest = json.loads((converted_copy / "manifest.json").read_text())
    manifest["files"]["speakers.safetensors"]["size"] = path.stat().st_size
    (converted_copy / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(
        UnusableCheckpoint, match=r"speakers\.safetensors is of another model: 'Ada' has latents \[32, 8\]"
    ):
        load_checkpoint(converted_copy)
