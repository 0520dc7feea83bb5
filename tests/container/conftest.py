"""Tests of the image need a Docker engine; without one each is skipped and says so.

CHORUS_TEST_IMAGE names an image that is built already; otherwise `docker build` makes one.
"""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.container import RunningContainer, docker, new_volume, server

HERE = Path(__file__).parent
TAG = "chorus:test"
LIMIT_S = 2400
"""Time limit of one test: the first one waits for `docker build`."""


def missing_engine() -> str | None:
    """Why there is no Docker engine with BuildKit and compose; None where there is one."""
    for arguments in (["info"], ["buildx", "version"], ["compose", "version"]):
        try:
            docker(*arguments)
        except FileNotFoundError:
            return "there is no docker command"
        except subprocess.CalledProcessError as error:
            return f"`docker {' '.join(arguments)}` fails: {error.stderr.strip().splitlines()[-1]}"
    return None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    ours = [item for item in items if HERE in item.path.parents]
    for item in ours:
        item.add_marker(pytest.mark.timeout(LIMIT_S))
    if ours and (reason := missing_engine()):
        for item in ours:
            item.add_marker(pytest.mark.skip(reason=f"no Docker engine: {reason}"))


@pytest.fixture(scope="session")
def image() -> str:
    if built := os.environ.get("CHORUS_TEST_IMAGE"):
        return built
    made = docker("build", "--tag", TAG, ".", check=False)
    assert made.returncode == 0, made.stderr[-4000:]
    return TAG


@pytest.fixture
def volume() -> Iterator[str]:
    with new_volume() as name:
        yield name


@pytest.fixture(scope="session")
def embedded(image: str) -> Iterator[RunningContainer]:
    with server(image, environ={"CHORUS_ENGINE": "embedded"}) as running:
        yield running


@pytest.fixture(scope="session")
def checkpoint(tiny_checkpoint: Path) -> Path:
    """The tiny checkpoint where the container's user can read it."""
    tiny_checkpoint.chmod(0o755)
    return tiny_checkpoint
