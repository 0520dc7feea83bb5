"""Hooks of pytest: which process of `make test` runs which tests, and how each process ends."""

import os
import sys
from collections.abc import Sequence
from typing import Any

import pytest

ONE_WORKER = ("tests/container/", "tests/browser/", "tests/gpu/")
"""Folders that one worker takes whole: their tests share an image, a browser and a GPU."""
LONG = (
    "tests/container/",
    "tests/integration/process/test_bench_command.py",
    "tests/integration/xtts/test_download.py",
    "tests/unit/engine/xtts/test_engine.py",
    "tests/integration/process/test_doctor.py",
    "tests/integration/xtts/",
    "tests/browser/",
    "tests/integration/http/test_contract.py",
    "tests/integration/process/",
    "tests/integration/",
)
"""Units that take minutes, the longest first. They start before the others, so that the workers end together."""
EXIT_STATUS = pytest.StashKey[int]()


def unit_of(nodeid: str) -> str:
    """The path whose tests run in one process with this one: a folder of ONE_WORKER, or its file."""
    file = nodeid.partition("::")[0]
    return next((folder for folder in ONE_WORKER if file.startswith(folder)), file)


def rank(unit: str) -> int:
    """Place of a unit in the order of starts; equal for all that are not LONG."""
    return next((place for place, path in enumerate(LONG) if unit.startswith(path)), len(LONG))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes(specs: Sequence[object]) -> None:
    """Divide the cores among the workers: threads of torch that outnumber the cores take time from each other."""
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // len(specs))))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """UnitScheduling for `-n`, unless --dist names another way. Any: types of pytest-xdist, which may be missing."""
    if config.getoption("dist") != "load":
        return None
    from tests.support.scheduling import UnitScheduling

    return UnitScheduling(config, log)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    session.config.stash[EXIT_STATUS] = int(exitstatus)


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """Leave as the server does (app/cli/serve.py): the interpreter's own end can crash in msgspec after all reports."""
    status = config.stash.get(EXIT_STATUS, None)
    if status is not None:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
