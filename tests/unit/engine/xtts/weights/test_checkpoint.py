"""Checkpoint folders: both forms load alike, and what is wrong with one is told by the name of the file."""

import json
import os
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from TTS.tts.configs.xtts_config import XttsConfig

from app.engine.xtts.engine import XttsEngine
from app.engine.xtts.weights.checkpoint import load_checkpoint
from app.engine.xtts.weights.convert import convert_checkpoint
from app.engine.xtts.weights.networks import Networks
from app.errors import UnusableCheckpoint
from tests.support.xtts import Pair


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


def tensors_of(networks: Networks) -> dict[str, torch.Tensor]:
    return {
        f"{part}.{name}": tensor
        for part in ("decoder", "conditioning_encoder", "perceiver", "speaker_encoder", "generator")
        for name, tensor in getattr(networks, part).state_dict().items()
    } | {"mel_stats": networks.mel_stats}


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


def test_what_older_tools_put_into_a_file_is_read_or_passed_over(copy: Path, tiny: Pair) -> None:
    """The trainer's prefix and its own networks; the config as an object; weight norm's older names; aliases."""
    file = torch.load(copy / "model.pth", weights_only=True)
    older: dict[str, torch.Tensor] = {}
    for name, tensor in file["model"].items():
        plain = name.replace("parametrizations.weight.original0", "weight_g")
        older[f"xtts.{plain.replace('parametrizations.weight.original1', 'weight_v')}"] = tensor
    older["dvae.codebook"] = torch.zeros(3)
    older["torch_mel_spectrogram_dvae.mel_stft.window"] = torch.zeros(3)
    older["xtts.gpt.gpt_inference.lm_head.weight"] = torch.zeros(3)
    older["xtts.gpt.gpt.wte.weight"] = torch.zeros(3)
    torch.save({"model": older, "config": XttsConfig()}, copy / "model.pth")
    theirs = tensors_of(tiny.checkpoint.networks)
    for name, tensor in tensors_of(load_checkpoint(copy).networks).items():
        if not name.startswith("generator."):  # another test may have laid those out for the vocoder
            assert torch.equal(tensor, theirs[name]), name


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


def cut(name: str) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        data = (folder / name).read_bytes()
        (folder / name).write_bytes(data[: len(data) // 2])

    return damage


def write(name: str, data: bytes) -> Callable[[Path], None]:
    return lambda folder: (folder / name).write_bytes(data) and None


def save(name: str, value: object) -> Callable[[Path], None]:
    return lambda folder: torch.save(value, folder / name)


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
        (write("model.pth", b"<html>not found</html>" * 99), "model.pth is refused"),
        (write("vocab.json", b"{}"), "vocab.json is no vocabulary"),
        (save("model.pth", [1, 2]), "model.pth holds no XTTS weights"),
        (save("model.pth", {"model": {"a": 1}}), "model.pth holds no XTTS weights"),
        (save("speakers_xtts.pth", {"Ada": 1}), "speakers_xtts.pth holds no XTTS speakers"),
        (
            save(
                "speakers_xtts.pth",
                {"Ada": {"gpt_cond_latent": torch.zeros(1, 32, 8), "speaker_embedding": torch.zeros(1, 512, 1)}},
            ),
            "'Ada' has 8 channels instead of 64",
        ),
        (damage_config(model="vits"), "of a 'vits' model"),
        (damage_config(gpt_use_perceiver_resampler=False), "XTTS v1"),
        (damage_config(gpt_n_heads=7), "do not fit together"),
        (damage_config(gpt_layers=4), r"gpt\.gpt\.h\.3\.attn\.c_attn\.bias is missing"),
        (damage_config(gpt_layers=2), r"gpt\.gpt\.h\.2\.attn\.c_attn\.bias has no place"),
        (damage_config(gpt_max_audio_tokens=99), r"mel_pos_embedding\.emb\.weight has shape \[128, 64\]"),
        (damage_config(gpt_layers="many"), "config.json cannot be read"),
        (damage_weights(lambda tensors: tensors.pop("mel_stats")), "mel_stats is missing"),
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
    with pytest.raises(UnusableCheckpoint, match=rf"{name} is refused: it wants to run posix\.mkdir"):
        load_checkpoint(copy)
    assert not trace.exists()


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


def test_half_precision_weights_are_widened(copy: Path) -> None:
    damage_weights(lambda tensors: tensors.update({k: v.half() for k, v in tensors.items() if v.is_floating_point()}))(
        copy
    )
    assert load_checkpoint(copy).networks.decoder.mel_head.weight.dtype is torch.float32


def test_what_was_converted_once_is_not_changed_by_saving_it_again(converted: Path, tmp_path: Path) -> None:
    tensors = load_file(converted / "model.safetensors")
    save_file(tensors, tmp_path / "again.safetensors")
    assert (tmp_path / "again.safetensors").read_bytes() == (converted / "model.safetensors").read_bytes()
