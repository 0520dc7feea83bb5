"""A converted checkpoint, and one core for work on narrow networks."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from app.engine.xtts.checkpoint.convert import convert_checkpoint


@pytest.fixture(scope="module")
def one_thread() -> Iterator[None]:
    """Narrow networks are faster with one thread, the more so beside other work."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def converted(tiny_checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("converted")
    convert_checkpoint(tiny_checkpoint, folder, model="tiny", revision=None)
    return folder


@pytest.fixture
def copy(converted: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(converted, tmp_path / "converted"))
