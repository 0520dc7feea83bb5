"""Tests that need a GPU; each is skipped, by name, where there is none."""

from pathlib import Path

import pytest
import torch

from app.engine.xtts.checkpoint.load import Checkpoint, load_checkpoint
from app.engine.xtts.device.torch_setup import set_up
from tests.support.xtts import Pair


@pytest.fixture(scope="session")
def cuda() -> torch.device:
    if not torch.cuda.is_available():
        pytest.skip("no NVIDIA GPU that torch can use")
    device = torch.device("cuda")
    set_up(device)
    return device


@pytest.fixture(scope="session")
def tiny(cuda: torch.device, tiny_checkpoint: Path) -> Pair:
    """The tiny checkpoint, ours on the GPU, the reference's on the CPU."""
    from tests.support.reference import load_reference

    return Pair(on_gpu(tiny_checkpoint, cuda), load_reference(tiny_checkpoint))


def on_gpu(folder: Path, device: torch.device) -> Checkpoint:
    return load_checkpoint(folder).to(device)
