import warnings
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
