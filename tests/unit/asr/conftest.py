"""A small Whisper model."""

import shutil
from pathlib import Path

import pytest

from tests.support.whisper_models import make_whisper


@pytest.fixture(scope="session")
def whisper_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Not to be written to."""
    return make_whisper(tmp_path_factory.mktemp("whisper") / "model")


@pytest.fixture
def copy(whisper_folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whisper_folder, tmp_path / "copy"))
