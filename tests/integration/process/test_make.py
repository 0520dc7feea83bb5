"""`make run`, also on a system that the locked packages do not know."""

import os
import platform
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import httpx
import pytest

from tests.support.ports import free_port
from tests.support.server import wait_until_ok

ROOT = Path(__file__).parents[3]
ENVIRON = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL", "PYTHON")}


def make(*arguments: str, folder: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["make", *arguments], cwd=folder, env=ENVIRON, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.fixture
def environment() -> str:
    """This Python's environment, as the Makefile calls it. Skipped where `make run` would install something first."""
    folder = Path(sys.prefix)
    if folder.parent != ROOT:
        pytest.skip(f"{folder} is not an environment that this Makefile made")
    if make("--question", f"VENV={folder.name}", f"{folder.name}/.run").returncode != 0:
        pytest.skip(f"{folder.name} is older than its lock files: `make install` first")
    return folder.name


@pytest.mark.slow
def test_make_run_starts_a_server_that_speaks_and_measures_an_uploaded_recording(
    environment: str, tmp_path: Path
) -> None:
    port = free_port()
    settings = {"CHORUS_DATA": str(tmp_path), "CHORUS_ENGINE": "embedded", "PORT": str(port)}
    process = subprocess.Popen(
        ["make", "run", f"VENV={environment}"],
        cwd=ROOT,
        env=ENVIRON | settings,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    try:
        url = f"http://127.0.0.1:{port}"
        wait_until_ok(url, process.poll)
        with httpx.Client(base_url=url, timeout=60) as client:
            text = "The old harbour was quiet in the morning. Boats lay on the sand."
            spoken = client.post("/tts", json={"text": text, "format": "flac", "seed": 1}).raise_for_status()
            recording = {"reference_audio": ("spoken.flac", spoken.content)}
            checked = client.post("/voices/check", files=recording).raise_for_status().json()
        assert checked["verdict"] in ("good", "usable")
        process.terminate()
        log = process.communicate(timeout=60)[0].decode()
    finally:
        process.kill()
        process.wait()
    assert "Traceback" not in log


# --- systems that Chorus cannot be installed on
# What the check itself imports is imported first: the standard library asks for the system too.

INTEL_MAC = """
import pathlib, platform, shutil, sys, sysconfig
sys.platform = "darwin"
platform.machine = lambda: "x86_64"
platform.mac_ver = lambda: ("15.1", ("", "", ""), "x86_64")
"""
OLD_MAC = """
import pathlib, platform, shutil, sys, sysconfig
sys.platform = "darwin"
platform.machine = lambda: "arm64"
platform.mac_ver = lambda: ("13.6", ("", "", ""), "arm64")
"""
ALPINE = """
import os
import platform
def confstr(name):
    raise ValueError("unrecognized configuration name")
os.confstr = confstr
"""
OLD_LINUX = """
import os
import platform
os.confstr = lambda name: "glibc 2.17"
"""
RASPBERRY_PI_OS_OF_32_BITS = """
import sys
import sysconfig
sys.maxsize = 2**31 - 1
"""
WINDOWS = """
import pathlib, platform, shutil, sys, sysconfig
sys.platform = "win32"
platform.system = lambda: "Windows"
"""


@pytest.mark.parametrize(
    ("system", "says"),
    [
        (INTEL_MAC, "cannot be installed on a Mac with an Intel processor"),
        (OLD_MAC, "needs macOS 14 or later, and this is 13.6"),
        (ALPINE, "cannot be installed on Alpine Linux or another system with musl"),
        (OLD_LINUX, "needs glibc 2.28 or later (Debian 10, Ubuntu 20.04), and this is 2.17"),
        (RASPBERRY_PI_OS_OF_32_BITS, "needs a 64-bit Python"),
        (WINDOWS, "runs on Linux and on macOS, not on Windows"),
    ],
    ids=["intel mac", "macOS 13", "alpine", "old glibc", "32 bits", "windows"],
)
def test_a_system_without_wheels_is_told_in_one_line_before_anything_is_made(
    tmp_path: Path, system: str, says: str
) -> None:
    """A Python that takes this machine for another one meets the Makefile in a folder without an environment."""
    (tmp_path / "sitecustomize.py").write_text(system)
    python = tmp_path / "python3"
    python.write_text(f'#!/bin/sh\nPYTHONPATH={tmp_path} exec {sys.executable} "$@"\n')
    python.chmod(0o755)
    clone = tmp_path / "clone"
    clone.mkdir()
    shutil.copy(ROOT / "Makefile", clone)
    shutil.copytree(ROOT / "requirements", clone / "requirements")
    ended = make("run", f"PYTHON={python}", folder=clone)
    line, *rest = ended.stderr.strip().splitlines()
    assert says in line
    assert [each for each in rest if not each.startswith("make: ***")] == []
    assert ended.stdout == ""
    assert ended.returncode == 2
    assert sorted(path.name for path in clone.iterdir()) == ["Makefile", "requirements"]


# --- systems where a package of XTTS is compiled

PYTHON_3_13 = """
import sys
import sysconfig
sys.version_info = (3, 13, 0, "final", 0)
"""
PYTHON_3_12 = """
import sys
import sysconfig
sys.version_info = (3, 12, 1, "final", 0)
"""
ARM = (
    PYTHON_3_12
    + """
import platform
platform.machine = lambda: "aarch64"
"""
)


@pytest.mark.parametrize(
    ("system", "has_compiler", "is_told"),
    [
        (PYTHON_3_13, False, True),
        (PYTHON_3_13, True, False),
        (ARM, False, True),
        (ARM, True, False),
        (PYTHON_3_12, False, False),
    ],
    ids=["3.13 without", "3.13 with", "aarch64 without", "aarch64 with", "3.12 x86_64 needs none"],
)
def test_a_missing_compiler_is_told_in_one_line_where_one_is_needed(
    tmp_path: Path, system: str, has_compiler: bool, is_told: bool
) -> None:
    if platform.machine() != "x86_64" or not Path(sysconfig.get_path("include"), "Python.h").exists():
        pytest.skip("needs an x86_64 processor and Python's headers")
    (tmp_path / "sitecustomize.py").write_text(system)
    if has_compiler:
        compiler = tmp_path / (sysconfig.get_config_var("CXX") or "c++").split()[0]
        compiler.write_text("#!/bin/sh\n")
        compiler.chmod(0o755)
    ended = subprocess.run(
        [sys.executable, "requirements/system.py", "xtts"],
        cwd=ROOT,
        env={"PATH": str(tmp_path), "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == int(is_told)
    assert len(ended.stderr.splitlines()) == int(is_told)
    assert ("needs a C++ compiler" in ended.stderr) == is_told
