"""A test that hangs ends by itself and is named, instead of holding up the run."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

HANGS = """
import threading

def test_hangs():
    threading.Event().wait(60)

def test_runs_afterwards():
    pass
"""


@pytest.mark.slow
def test_a_test_that_hangs_is_named_and_the_next_one_runs(tmp_path: Path) -> None:
    (tmp_path / "test_limit.py").write_text(HANGS)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "pytest_timeout"]
    ended = subprocess.run(
        [*command, "-o", "timeout=3", "--rootdir", "."],
        cwd=tmp_path, env=os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert ended.returncode == 1
    assert "FAILED test_limit.py::test_hangs" in ended.stdout
    assert "1 failed, 1 passed" in ended.stdout


def test_every_test_has_a_time_limit(pytestconfig: pytest.Config) -> None:
    assert 0 < float(pytestconfig.getini("timeout")) <= 600
