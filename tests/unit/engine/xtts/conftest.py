import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.support.xtts import Pair


@pytest.fixture(scope="session")
def tiny(tiny_checkpoint: Path) -> "Pair":
    """The tiny checkpoint, as Chorus loads it and as the TTS package does."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from tests.support.xtts import load_pair

        return load_pair(tiny_checkpoint)


@pytest.fixture(params=[1, 2, 3])
def threads(request: pytest.FixtureRequest) -> Iterator[int]:
    """Numbers of threads among which torch divides work at different places."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)
