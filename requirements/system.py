"""Says in one line why the locked packages cannot be installed on this system, and exits with 1.

`make` runs it with the Python that it is about to use, before pip is asked; with the argument `xtts` before XTTS is
added. The limits are those of the packages' wheels: onnxruntime has neither a wheel nor a source package for Intel Macs
and for musl, and what is there for Linux needs glibc 2.28. Only the standard library is imported here.
"""

import os
import platform
import shutil
import sys
import sysconfig
from pathlib import Path

CONTAINER = "run the container instead (docs/deployment.md)"


def obstacle() -> str | None:
    """Why the light core cannot be installed; None where it can."""
    if sys.maxsize < 2**32:
        return "Chorus needs a 64-bit Python, and this one has 32 bits"
    if sys.platform == "darwin":
        return _obstacle_on_a_mac()
    if sys.platform == "linux":
        return _obstacle_on_linux()
    return f"Chorus runs on Linux and on macOS, not on {platform.system()}: on Windows use WSL, elsewhere {CONTAINER}"


def _obstacle_on_a_mac() -> str | None:
    if platform.machine() != "arm64":
        return (
            "Chorus cannot be installed on a Mac with an Intel processor, or with a Python made for one: onnxruntime, "
            f"which speaks, does not exist for it; on Apple silicon use a native Python, elsewhere {CONTAINER}"
        )
    if int(platform.mac_ver()[0].partition(".")[0]) < 14:
        return f"Chorus needs macOS 14 or later, and this is {platform.mac_ver()[0]}: update it, or {CONTAINER}"
    return None


def _obstacle_on_linux() -> str | None:
    name, _, version = _c_library().partition(" ")
    if name != "glibc":
        return (
            "Chorus cannot be installed on Alpine Linux or another system with musl: onnxruntime, which speaks, does "
            f"not exist for it; use a system with glibc, such as Debian or Ubuntu, or {CONTAINER}"
        )
    if tuple(int(part) for part in version.split(".")[:2]) < (2, 28):
        return f"Chorus needs glibc 2.28 or later (Debian 10, Ubuntu 20.04), and this is {version}: {CONTAINER}"
    if platform.machine() not in ("x86_64", "aarch64"):
        return f"Chorus needs an x86_64 or aarch64 processor, and this is {platform.machine()}"
    return None


def _c_library() -> str:
    """Such as `glibc 2.36`; empty on musl, which does not know the question."""
    try:
        return os.confstr("CS_GNU_LIBC_VERSION") or ""
    except (OSError, ValueError):
        return ""


def obstacle_to_xtts() -> str | None:
    """Why what XTTS needs cannot be built: mojimoji, for Japanese, has wheels for some Pythons and processors only."""
    if sys.version_info < (3, 13) and platform.machine() != "aarch64":
        return None
    compiler = (sysconfig.get_config_var("CXX") or "c++").split()[0]
    headers = Path(sysconfig.get_path("include"), "Python.h")
    if shutil.which(compiler) and headers.exists():
        return None
    return (
        f"With Python {sys.version_info[0]}.{sys.version_info[1]} on {platform.machine()} XTTS needs a C++ compiler "
        f"({compiler}) and Python's headers ({headers}), as a package for Japanese is compiled: "
        "apt-get install g++ python3-dev (Debian, Ubuntu), xcode-select --install (macOS), or use another Python"
    )


if __name__ == "__main__":
    sys.exit(obstacle_to_xtts() if "xtts" in sys.argv[1:] else obstacle())
