"""Forms of checkpoints that lie on people's disks: each loads as the released form does."""

import argparse
import json
import logging
import pathlib
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from TTS.tts.configs.xtts_config import XttsConfig
from TTS.tts.layers.xtts.trainer.gpt_trainer import GPTArgs, GPTTrainerConfig

from app.engine.xtts.checkpoint.load import Checkpoint, load_checkpoint
from app.engine.xtts.checkpoint.vocabulary import read_tokenizer
from tests.support.checkpoints import tensors_of
from tests.support.own_xtts import own_config
from tests.support.tiny_xtts import RELEASED_FILES, write_checkpoint

pytestmark = pytest.mark.slow

Tensors = dict[str, torch.Tensor]


@pytest.fixture
def copy(tiny_checkpoint: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_checkpoint, tmp_path / "checkpoint"))


@pytest.fixture(scope="module")
def usual(tiny_checkpoint: Path) -> Tensors:
    return tensors_of(load_checkpoint(tiny_checkpoint).networks)


def check(folder: Path, usual: Tensors) -> Checkpoint:
    """The folder loads, its vocabulary fits, and its weights are those of the usual form."""
    checkpoint = load_checkpoint(folder)
    read_tokenizer(checkpoint.vocabulary, checkpoint.networks.decoder, checkpoint.config)
    tensors = tensors_of(checkpoint.networks)
    assert tensors.keys() == usual.keys()
    for name, tensor in tensors.items():
        assert torch.equal(tensor, usual[name]), name
    return checkpoint


def rewrite(folder: Path, change: Callable[[Tensors], object], **options: Any) -> None:
    """Write `model.pth` again with what `change` makes of its tensors."""
    tensors = torch.load(folder / "model.pth", weights_only=True)["model"]
    torch.save(change(tensors), folder / "model.pth", **options)


def renamed(tensors: Tensors, prefix: str) -> Tensors:
    return {f"{prefix}{name}": tensor for name, tensor in tensors.items()}


def of_the_trainer(tensors: Tensors) -> dict[str, Any]:
    """`trainer.io.save_model`: the trainer's prefix and networks, and what it needs to go on."""
    more = {"dvae.codebook": torch.zeros(3), "torch_mel_spectrogram_dvae.mel_stft.window": torch.zeros(3)}
    own = {"xtts.gpt.gpt_inference.lm_head.weight": torch.zeros(3), "xtts.gpt.gpt.wte.weight": torch.zeros(3)}
    return {
        "config": own_config(),
        "model": renamed(tensors, "xtts.") | own | more,
        "optimizer": {"state": {0: {"step": torch.zeros(1)}}, "param_groups": [{"lr": 5e-6, "betas": (0.9, 0.96)}]},
        "scaler": None,
        "step": 1234,
        "epoch": 3,
        "date": "November 25, 2026",
        "model_loss": {"train_loss": None, "eval_loss": 2.5},
    }


def with_older_weight_norm(tensors: Tensors) -> dict[str, Any]:
    def older(name: str) -> str:
        name = name.replace("parametrizations.weight.original0", "weight_g")
        return name.replace("parametrizations.weight.original1", "weight_v")

    return {"config": XttsConfig(), "model": {older(name): tensor for name, tensor in tensors.items()}}


def with_foreign_objects(tensors: Tensors) -> dict[str, Any]:
    return {
        "config": GPTTrainerConfig(model_args=GPTArgs()),
        "model": tensors,
        "model_loss": {"train_loss": np.float64(2.5), "eval_loss": np.float32(2.5), "steps": np.int64(7)},
        "history": np.arange(6, dtype=np.float32).reshape(2, 3),
        "output_path": pathlib.PosixPath("run/training"),
        "arguments": argparse.Namespace(epochs=3),
    }


@pytest.mark.parametrize(
    "change",
    [
        of_the_trainer,
        with_older_weight_norm,
        with_foreign_objects,
        lambda tensors: tensors,
        lambda tensors: {"model": renamed(tensors, "module.")},
        lambda tensors: {"model": renamed(tensors, "module.xtts.")},
        lambda tensors: {"model": renamed(tensors, "_orig_mod.")},
    ],
    ids=["trainer", "2023", "foreign objects", "bare state dict", "data parallel", "data parallel trainer", "compiled"],
)
@pytest.mark.parametrize("is_zip", [True, False], ids=["zip", "legacy"])
def test_what_tools_put_around_the_tensors_is_passed_over(
    copy: Path, usual: Tensors, change: Callable[[Tensors], object], is_zip: bool
) -> None:
    rewrite(copy, change, _use_new_zipfile_serialization=is_zip)
    check(copy, usual)


def test_numbers_of_numpy_1_are_passed_over_too(copy: Path, usual: Tensors) -> None:
    """It pickles them under `numpy.core`; in the legacy form names end at the line's end, so they can be exchanged."""
    rewrite(copy, with_foreign_objects, _use_new_zipfile_serialization=False)
    content = (copy / "model.pth").read_bytes()
    assert b"cnumpy._core.multiarray\n" in content
    (copy / "model.pth").write_bytes(content.replace(b"cnumpy._core.multiarray\n", b"cnumpy.core.multiarray\n"))
    check(copy, usual)


def test_a_checkpoint_as_on_the_hub_loads(tmp_path: Path, usual: Tensors) -> None:
    folder = write_checkpoint(tmp_path / "hub", is_as_on_hub=True)
    content = (folder / "model.pth").read_bytes()
    for name in (b"TTS.tts.models.xtts", b"XttsArgs", b"XttsAudioConfig", b"BaseDatasetConfig", b"XttsConfig"):
        assert name in content
    checkpoint = check(folder, usual)
    assert list(checkpoint.speakers) == ["Ada Tiny", "Björn Small"]


@pytest.mark.slow
@pytest.mark.parametrize("tag", ["v2.0.0", "v2.0.2"])
def test_older_tags_of_the_released_model_load(tmp_path: Path, tag: str) -> None:
    """16 languages and 6,153 tokens; v2.0.0 has no `gpt_cond_chunk_len`, fields of a diffusion decoder, older names."""
    if RELEASED_FILES is None:
        pytest.skip("no released files of older tags beside the project (shared/data/xtts_v2)")
    released = tmp_path / tag
    released.mkdir()
    shutil.copyfile(RELEASED_FILES / f"config-{tag}.json", released / "config.json")
    shutil.copyfile(RELEASED_FILES / "vocab-v2.0.2.json", released / "vocab.json")
    folder = write_checkpoint(tmp_path / "model", released_files=released)
    usual = tensors_of(load_checkpoint(folder, in_memory=True).networks)  # the file is written anew
    rewrite(folder, with_older_weight_norm)
    checkpoint = check(folder, usual)
    assert checkpoint.networks.decoder.text_embedding.num_embeddings == 6153
    assert len(checkpoint.config.languages) == 16


def test_tensors_saved_on_a_gpu_load_on_a_cpu(copy: Path, usual: Tensors) -> None:
    """The device is a string of the pickle; the legacy form, which is not compressed, can be edited."""
    rewrite(copy, lambda tensors: {"model": tensors}, _use_new_zipfile_serialization=False)
    content = (copy / "model.pth").read_bytes()
    assert b"X\x03\x00\x00\x00cpu" in content
    (copy / "model.pth").write_bytes(content.replace(b"X\x03\x00\x00\x00cpu", b"X\x06\x00\x00\x00cuda:0"))
    check(copy, usual)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_weights_are_widened(copy: Path, usual: Tensors, dtype: torch.dtype) -> None:
    rewrite(
        copy, lambda tensors: {"model": {k: v.to(dtype) if v.is_floating_point() else v for k, v in tensors.items()}}
    )
    tensors = tensors_of(load_checkpoint(copy).networks)
    assert {tensor.dtype for tensor in tensors.values() if tensor.is_floating_point()} == {torch.float32}
    assert tensors.keys() == usual.keys()


def test_entries_of_the_speakers_file_without_a_voice_are_passed_over_and_named(
    copy: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """xtts-speaker-forge keeps its notes there, beside the voices and inside them."""
    speakers = torch.load(copy / "speakers_xtts.pth", weights_only=True)
    speakers["Ada Tiny"]["speaker_metadata"] = {"description": "calm"}
    more = {
        "__speaker_metadata__": {"Ada Tiny": {"description": "calm"}},
        "half": {"gpt_cond_latent": torch.zeros(1, 32, 64)},
    }
    numbers = dict.fromkeys(range(9), speakers["Ada Tiny"])
    torch.save(more | speakers | numbers, copy / "speakers_xtts.pth")
    with caplog.at_level(logging.WARNING):
        assert list(load_checkpoint(copy).speakers) == ["Ada Tiny", "Björn Small"]
    assert caplog.messages == [
        f"{copy / 'speakers_xtts.pth'}: entries without a voice are passed over: "
        "'__speaker_metadata__', 'half', '0', '1', '2' and 6 more"
    ]


def test_a_config_from_windows_is_read(copy: Path, usual: Tensors) -> None:
    """With a byte order mark and CR LF."""
    text = (copy / "config.json").read_text().replace("\n", "\r\n")
    (copy / "config.json").write_text(text, newline="", encoding="utf-8-sig")
    check(copy, usual)


@pytest.mark.parametrize("folder", ["modèle d'Ada", "zwei  Leerzeichen", "模型"])
def test_blanks_and_letters_of_any_script_in_the_path_do_no_harm(
    tiny_checkpoint: Path, tmp_path: Path, usual: Tensors, folder: str
) -> None:
    check(Path(shutil.copytree(tiny_checkpoint, tmp_path / folder)), usual)


def test_the_hubs_cache_with_its_links_is_read(copy: Path, tmp_path: Path, usual: Tensors) -> None:
    snapshot = tmp_path / "hub" / "snapshots" / "6c2b0d75"
    snapshot.mkdir(parents=True)
    for path in copy.iterdir():
        (snapshot / path.name).symlink_to(path)
    check(snapshot, usual)


def keys_of(value: Any, path: str = "") -> set[str]:
    if not isinstance(value, dict):
        return {path}
    return {path}.union(*(keys_of(member, f"{path}.{name}") for name, member in value.items()))


def test_the_projects_own_config_has_every_field_of_the_released_one() -> None:
    if RELEASED_FILES is None:
        pytest.skip("no released config beside the project (shared/data/xtts_v2/config.json)")
    released = json.loads((RELEASED_FILES / "config.json").read_bytes())
    own = own_config()
    assert keys_of(released) <= keys_of(own)
    assert {name: own[name] for name in released if name not in ("audio", "model_args")} == {
        name: value for name, value in released.items() if name not in ("audio", "model_args")
    }
    assert {name: own["model_args"][name] for name in released["model_args"]} == released["model_args"]


def test_the_projects_own_files_give_a_checkpoint_too(tmp_path: Path) -> None:
    """Tests use this checkpoint where the released files are missing."""
    folder = write_checkpoint(tmp_path, released_files=None)
    assert "Infinity" in (folder / "config.json").read_text()
    checkpoint = load_checkpoint(folder)
    tokenizer = read_tokenizer(checkpoint.vocabulary, checkpoint.networks.decoder, checkpoint.config)
    assert len(tokenizer.encode("the quick brown fox.", "en")) > 5
    assert len(checkpoint.config.languages) == 17
