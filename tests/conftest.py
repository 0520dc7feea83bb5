"""Fixtures of all tests: servers (real uvicorn servers on real sockets) and the tiny XTTS checkpoint."""

import logging
import os
import shutil
import subprocess
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.engine.xtts.device.driver import read_driver
from app.settings import Settings
from tests.support.fake_engine import FakeEngine
from tests.support.server import RunningServer, serve
from tests.support.workers import pytest_sessionfinish as pytest_sessionfinish
from tests.support.workers import pytest_unconfigure as pytest_unconfigure
from tests.support.workers import pytest_xdist_make_scheduler as pytest_xdist_make_scheduler
from tests.support.workers import pytest_xdist_setupnodes as pytest_xdist_setupnodes

if read_driver()[1] == 0:
    # Without a GPU Triton's kernels are interpreted. It wants to know before anybody imports it.
    os.environ["TRITON_INTERPRET"] = "1"


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    """Restore the root logger's level and the handling of warnings, which a command sets for the whole process."""
    root = logging.getLogger()
    level = root.level
    yield
    root.setLevel(level)
    logging.captureWarnings(False)


@pytest.fixture(scope="session")
def embedded_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """The server as `make run` starts it, speaking with the embedded voice."""
    with serve(Settings(data=tmp_path_factory.mktemp("data"), max_text_chars=5000, asr_model="off")) as server:
        yield server


@pytest.fixture
def fake_server(tmp_path: Path) -> Iterator[RunningServer]:
    """The server on an engine that the test drives: 2 slots, 2 places in the queue."""
    settings = Settings(data=tmp_path, max_text_chars=1000, max_upload_mb=1)
    with serve(settings, FakeEngine) as server:
        yield server


@pytest.fixture(scope="session")
def tiny_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A published-form XTTS checkpoint with random weights; see tests/support/tiny_xtts.py."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the TTS package and what it imports deprecate each other
        from tests.support.tiny_xtts import write_checkpoint

        return write_checkpoint(tmp_path_factory.mktemp("tiny_xtts"))


@pytest.fixture(scope="session")
def xtts_server(tiny_checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """The server as `CHORUS_ENGINE=xtts CHORUS_MODEL=<tiny checkpoint> make run` starts it."""
    data = tmp_path_factory.mktemp("data")
    settings = Settings(engine="xtts", model=str(tiny_checkpoint), data=data, asr_model="off")
    with serve(settings) as server:
        yield server


DRIVER = """
int cuDriverGetVersion(int *version) { *version = 12040; return 0; }
int cuInit(unsigned flags) { return 0; }
int cuDeviceGetCount(int *count) { *count = 1; return 0; }
"""


@pytest.fixture(scope="session")
def old_driver(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a libcuda.so.1 that says what a driver of CUDA 12.4 with one GPU says."""
    if shutil.which("cc") is None:
        pytest.skip("no C compiler (cc) to make a stand-in driver with")
    folder = tmp_path_factory.mktemp("driver")
    (folder / "driver.c").write_text(DRIVER)
    subprocess.run(["cc", "-shared", "-o", "libcuda.so.1", "driver.c"], cwd=folder, check=True)
    folder.chmod(0o755)  # a container reads it as another user
    return folder
