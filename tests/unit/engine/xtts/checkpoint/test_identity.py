"""The identity of a model: another one after each training, the same one wherever the weights lie."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.serialization import set_crc32_options

from app.engine.xtts.checkpoint.identity import identity_of

Save = Callable[[Any, Path], None]


def as_today(content: Any, path: Path) -> None:
    torch.save(content, path)


def without_checksums(content: Any, path: Path) -> None:
    set_crc32_options(False)
    try:
        torch.save(content, path)
    finally:
        set_crc32_options(True)


def as_before_2020(content: Any, path: Path) -> None:
    torch.save(content, path, _use_new_zipfile_serialization=False)


def saved(folder: Path, save: Save = as_today, *, change: float = 0.0, **beside: Any) -> Path:
    """A `model.pth` of two tensors; `change` is added to one value of the second."""
    folder.mkdir(parents=True)
    tensors = {name: torch.arange(5000, dtype=torch.float32) / 5000 for name in ("gpt.a", "gpt.b")}
    tensors["gpt.b"][1234] += change
    save({"model": tensors} | beside, folder / "model.pth")
    return folder


@pytest.mark.parametrize("save", [as_today, without_checksums, as_before_2020])
def test_one_value_of_one_tensor_makes_another_model(tmp_path: Path, save: Save) -> None:
    base = saved(tmp_path / "a" / "ready", save)
    trained = saved(tmp_path / "b" / "ready", save, change=1e-6)
    assert (base / "model.pth").stat().st_size == (trained / "model.pth").stat().st_size
    assert identity_of(base) != identity_of(trained)
    assert identity_of(base) == identity_of(Path(shutil.copytree(base, tmp_path / "elsewhere")))


def test_what_lies_beside_the_weights_in_the_file_does_not_count(tmp_path: Path) -> None:
    plain, with_config = saved(tmp_path / "a"), saved(tmp_path / "b", config={"epochs": 12}, step=5)
    assert identity_of(plain) == identity_of(with_config)


def test_the_values_themselves_are_not_read(tmp_path: Path) -> None:
    path = saved(tmp_path / "a") / "model.pth"
    before = identity_of(path.parent)
    with path.open("r+b") as file:  # values change, and the checksums in the directory stay
        file.seek(4096)
        file.write(os.urandom(64))
    assert identity_of(path.parent) == before
