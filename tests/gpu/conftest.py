"""What only a GPU can show. Each test is skipped, by name, where there is none."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from app.engine.xtts.weights.checkpoint import Checkpoint, load_checkpoint
from tests.support.xtts import Pair


@pytest.fixture(scope="session")
def cuda() -> Iterator[torch.device]:
    if not torch.cuda.is_available():
        pytest.skip("no NVIDIA GPU that torch can use")
    was = torch.backends.cuda.matmul.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = False  # float32 is what float16 is compared with
    yield torch.device("cuda")
    torch.backends.cuda.matmul.allow_tf32 = was


@pytest.fixture(scope="session")
def tiny(cuda: torch.device, tiny_checkpoint: Path) -> Pair:
    """The tiny checkpoint, ours on the GPU, the reference's on the CPU."""
    from tests.support.reference import load_reference

    return Pair(on_gpu(tiny_checkpoint, cuda), load_reference(tiny_checkpoint))


def on_gpu(folder: Path, device: torch.device) -> Checkpoint:
    return load_checkpoint(folder).to(device)
