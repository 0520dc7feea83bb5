"""The int8 weights of a converted folder: written once, mapped, and made again where they lack."""

import json
import logging
import os
import stat
import threading
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
import torch
from safetensors.torch import load_file, save_file

from app.engine.xtts.checkpoint.int8_file import find_int8, read_int8
from app.engine.xtts.checkpoint.int8_weights import with_int8
from app.engine.xtts.checkpoint.load import load_checkpoint
from app.engine.xtts.checkpoint.manifest import read_manifest
from app.engine.xtts.checkpoint.precision import bring_to_precision
from app.engine.xtts.model.int8 import quantize
from app.engine.xtts.runner.batch import Batch
from app.errors import UnusableCheckpoint
from tests.support.xtts import CPU, WITHOUT_INT8, seeded, sequence_of

NAME = "model.int8.safetensors"

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("one_thread")]


def make_older(folder: Path) -> None:
    """As a version that did not know int8 has left the folder."""
    (folder / NAME).unlink()
    manifest = json.loads((folder / "manifest.json").read_text())
    del manifest["int8"]
    (folder / "manifest.json").write_text(json.dumps(manifest))


def another_format(folder: Path) -> None:
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["int8"]["format"] = 0
    (folder / "manifest.json").write_text(json.dumps(manifest))


def cut_short(folder: Path) -> None:
    os.truncate(folder / NAME, 1000)


def latents_in_int8(folder: Path) -> torch.Tensor:
    """[8, channels], of a short text."""
    checkpoint = load_checkpoint(folder)
    bring_to_precision(checkpoint, "int8", CPU)
    batch = Batch(checkpoint.networks.decoder, slots=1, max_codes=8, device=CPU)
    voice = next(iter(checkpoint.speakers.values()))
    batch.join([sequence_of(checkpoint, torch.arange(10, 30), voice, seeded(3))])
    for _ in range(7):
        batch.step()
    return batch.latents[0, :8].clone()


def test_a_conversion_writes_the_weights_of_the_body_in_a_quarter_of_the_bytes(converted: Path) -> None:
    checkpoint = load_checkpoint(converted)
    assert checkpoint.int8 is not None
    assert checkpoint.int8.path == converted / NAME
    decoder = checkpoint.networks.decoder
    matrices = read_int8(converted / NAME, decoder)
    assert matrices.keys() == decoder.matrices.keys()
    for name, affine in decoder.matrices.items():
        expected = quantize(affine.weight)
        assert torch.equal(matrices[name].values, expected.values)
        assert torch.equal(matrices[name].scales, expected.scales)
    num_weights = sum(affine.weight.numel() for affine in decoder.matrices.values())
    assert num_weights < (converted / NAME).stat().st_size < 1.2 * num_weights


@WITHOUT_INT8
def test_both_forms_of_a_checkpoint_speak_alike_in_int8(tiny_checkpoint: Path, converted: Path) -> None:
    assert torch.equal(latents_in_int8(tiny_checkpoint), latents_in_int8(converted))


@WITHOUT_INT8
@pytest.mark.parametrize("damage", [make_older, another_format, cut_short, lambda folder: (folder / NAME).unlink()])
def test_int8_weights_that_lack_are_made_again_once(
    copy: Path, converted: Path, caplog: pytest.LogCaptureFixture, damage: Callable[[Path], None]
) -> None:
    before = read_manifest(copy)
    damage(copy)
    caplog.set_level(logging.INFO)
    for _ in range(2):
        assert torch.equal(latents_in_int8(copy), latents_in_int8(converted))
    assert [record.message for record in caplog.records if "int8 weights" in record.message] == [
        f"{copy} has no checked int8 weights yet: they are made once, which may take minutes"
    ]
    assert read_manifest(copy) == before
    assert (copy / NAME).read_bytes() == (converted / NAME).read_bytes()
    assert stat.S_IMODE((copy / NAME).stat().st_mode) == stat.S_IMODE((copy / "config.json").stat().st_mode)
    assert not list(copy.glob("*.new"))


def test_a_server_that_maps_the_files_of_before_keeps_them(copy: Path) -> None:
    mapped = load_checkpoint(copy)
    floats = mapped.networks.decoder.mel_head.weight
    floats_before = floats.clone()
    int8 = load_file(copy / NAME)
    before = {name: tensor.clone() for name, tensor in int8.items()}
    inode = (copy / "model.safetensors").stat().st_ino
    another_format(copy)
    made = with_int8(load_checkpoint(copy)).int8
    assert made is not None
    assert made == find_int8(copy, read_manifest(copy))
    assert all(torch.equal(tensor, before[name]) for name, tensor in int8.items())
    assert (copy / "model.safetensors").stat().st_ino == inode
    assert torch.equal(floats, floats_before)
    assert load_checkpoint(copy).int8 == made


def test_several_servers_that_start_at_once_make_the_weights_once(copy: Path, caplog: pytest.LogCaptureFixture) -> None:
    make_older(copy)
    caplog.set_level(logging.INFO)
    checkpoint = load_checkpoint(copy)
    threads = [threading.Thread(target=with_int8, args=(checkpoint,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum("no checked int8 weights yet" in record.message for record in caplog.records) == 1
    assert load_checkpoint(copy).int8 is not None


@WITHOUT_INT8
def test_a_folder_that_cannot_be_written_is_told_and_speaks_in_int8_all_the_same(
    copy: Path, converted: Path, caplog: pytest.LogCaptureFixture
) -> None:
    make_older(copy)
    manifest = (copy / "manifest.json").read_bytes()
    (copy / f".{NAME}.new").mkdir()  # stands in the way of the file
    assert torch.equal(latents_in_int8(copy), latents_in_int8(converted))
    (told,) = [record.message for record in caplog.records if "cannot be written" in record.message]
    assert told.startswith(f"int8 weights cannot be written into {copy}: ")
    assert (copy / "manifest.json").read_bytes() == manifest


@WITHOUT_INT8
def test_an_int8_file_of_another_model_is_told_in_one_line(copy: Path) -> None:
    tensors = load_file(copy / NAME)
    tensors["h.0.mlp.c_fc.scales"] = torch.ones(7)
    save_file(tensors, copy / NAME)
    manifest = read_manifest(copy)
    assert manifest.int8 is not None
    entry = msgspec.structs.replace(manifest.int8.file, size=(copy / NAME).stat().st_size)
    record = msgspec.structs.replace(manifest.int8, file=entry)
    (copy / "manifest.json").write_bytes(msgspec.json.encode(msgspec.structs.replace(manifest, int8=record)))
    with pytest.raises(UnusableCheckpoint, match=r"int8\.safetensors is damaged: h\.0\.mlp\.c_fc .* made again"):
        bring_to_precision(load_checkpoint(copy), "int8", CPU)


def test_an_older_version_reads_the_new_manifest(converted: Path) -> None:
    """Its files are those that it knows; the int8 weights are recorded apart from them."""
    manifest = json.loads((converted / "manifest.json").read_text())
    assert NAME not in manifest["files"]
