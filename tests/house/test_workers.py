"""`make test` runs tests in several processes: what each of them is given, and what the run reports."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import workers
from tests.support.documents import ROOT
from tests.support.workers import LONG, ONE_WORKER, rank, unit_of

HOOKS = [name for name in vars(workers) if name.startswith("pytest_")]
NOTES_ITS_PROCESS = """
import os
from pathlib import Path

def test_it_runs():
    Path(__file__).with_suffix(".pid").write_text(str(os.getpid()))

def test_it_runs_in_the_same_process():
    assert Path(__file__).with_suffix(".pid").read_text() == str(os.getpid())
"""
FAILS = """
def test_fails():
    print("what it printed")
    assert 2 + 2 == 5
"""
FILES = ("container/test_a.py", "container/test_b.py", "unit/test_c.py", "unit/test_d.py")


@pytest.fixture
def tests(tmp_path: Path) -> Path:
    """A folder `tests` with the hooks of this one, FILES and a test that fails."""
    folder = tmp_path / "tests"
    for file in FILES:
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_text(NOTES_ITS_PROCESS)
    (folder / "unit/test_e.py").write_text(FAILS)
    (folder / "conftest.py").write_text(f"from tests.support.workers import {', '.join(HOOKS)}")
    (folder / "support").symlink_to(ROOT / "tests/support")
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("num_workers", [0, 2])
def test_a_unit_runs_in_one_process_and_a_failure_is_shown_and_is_the_status(tests: Path, num_workers: int) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "xdist", "-n", str(num_workers), "--import-mode=importlib"]
    environ = os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}  # others take seconds to import
    ended = subprocess.run(
        [*command, "-p", "no:cacheprovider", "--rootdir", "."],
        cwd=tests.parent, env=environ, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert ended.returncode == 1, ended.stderr
    assert "1 failed, 8 passed" in ended.stdout
    assert "FAILED tests/unit/test_e.py::test_fails" in ended.stdout
    assert "assert (2 + 2) == 5" in ended.stdout
    assert "what it printed" in ended.stdout
    a, b, c, d = ((tests / file).with_suffix(".pid").read_text() for file in FILES)
    assert a == b
    assert len({a, c, d}) == max(1, num_workers)


def test_this_run_has_the_hooks(pytestconfig: pytest.Config) -> None:
    plugins = pytestconfig.pluginmanager.get_plugins()
    assert len(HOOKS) > 3
    assert any(all(getattr(plugin, name, None) is getattr(workers, name) for name in HOOKS) for plugin in plugins)


def test_long_units_start_first_and_the_longest_before_the_others() -> None:
    units = ["tests/unit/b.py", "tests/integration/a.py", "tests/integration/xtts/test_download.py", "tests/container/"]
    assert sorted(units, key=rank) == [*reversed(units)]


def test_units_are_files_and_the_folders_of_one_worker() -> None:
    assert [path for path in (*ONE_WORKER, *LONG) if not (ROOT / path).exists()] == []
    assert unit_of("tests/container/test_image.py::test_a[x::y]") == "tests/container/"
    assert unit_of("tests/unit/test_a.py::test_a[tests/container/]") == "tests/unit/test_a.py"
