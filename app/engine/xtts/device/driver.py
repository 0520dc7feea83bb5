"""The device of XTTS, and whether the NVIDIA driver fits the installed torch.

Asked before torch is imported, so that a misfit is reported in the first second.
"""

import ctypes
import importlib.util
import re
import runpy
from pathlib import Path
from typing import Literal

import msgspec

from app.errors import EngineUnavailable

Device = Literal["auto", "cpu", "cuda"]

DRIVER_LIBRARY = "libcuda.so.1"
DRIVER_FILE = Path("/proc/driver/nvidia/version")
NEEDED_DRIVER = {12: "525", 13: "580"}
"""CUDA major version -> the first Linux driver that runs it."""


class Cuda(msgspec.Struct, frozen=True):
    """A version of CUDA."""

    major: int
    minor: int

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}"


def choose_device(
    wanted: Device, *, driver: Cuda | None, num_gpus: int, torch_cuda: Cuda | None
) -> Literal["cpu", "cuda"]:
    """The GPU where there is one, the CPU where there is none.

    driver       the newest CUDA that the driver runs; None without a driver
    torch_cuda   the CUDA that torch was built for; None for a torch without

    Raises EngineUnavailable where a GPU is there or asked for and cannot be used: the CPU never takes its place.
    """
    if wanted == "cpu":
        return "cpu"
    if driver is None or num_gpus == 0:
        if wanted == "auto":
            return "cpu"
        what = "no NVIDIA driver" if driver is None else "no GPU"
        raise _unavailable(
            f"{what} can be seen from here; in a container the NVIDIA Container Toolkit gives access to it"
        )
    if torch_cuda is None:
        if wanted == "auto":
            return "cpu"
        raise _unavailable("the torch that is installed was built for CPUs only")
    if driver.major < torch_cuda.major:
        needed = NEEDED_DRIVER.get(torch_cuda.major, "a newer one")
        raise _unavailable(
            f"torch is built for CUDA {torch_cuda}, which needs NVIDIA driver {needed} or newer, and the driver "
            f"here{_driver_name()} runs CUDA {driver} at most: update it, or build the image for it "
            "(--build-arg TORCH_INDEX=..., see docs/deployment.md)"
        )
    return "cuda"


def find_device(wanted: Device) -> Literal["cpu", "cuda"]:
    """`choose_device` for this machine."""
    driver, num_gpus = (None, 0) if wanted == "cpu" else read_driver()
    return choose_device(wanted, driver=driver, num_gpus=num_gpus, torch_cuda=read_torch_cuda())


def read_driver() -> tuple[Cuda | None, int]:
    """The newest CUDA that the driver runs, and the number of GPUs that this process may use."""
    try:
        library = ctypes.CDLL(DRIVER_LIBRARY)
    except OSError:
        return None, 0
    version, count = ctypes.c_int(), ctypes.c_int()
    if library.cuDriverGetVersion(ctypes.byref(version)):
        return None, 0
    # cuInit fails where there is a driver and no device.
    if library.cuInit(0) or library.cuDeviceGetCount(ctypes.byref(count)):
        return _from_number(version.value), 0
    return _from_number(version.value), count.value


def read_torch_cuda() -> Cuda | None:
    """From torch's own version file, without importing torch."""
    found = importlib.util.find_spec("torch")
    if found is None or found.origin is None:
        return None
    text = runpy.run_path(str(Path(found.origin).with_name("version.py")))["cuda"]
    return Cuda(*map(int, text.split(".")[:2])) if text else None


def _from_number(version: int) -> Cuda:
    """As the driver counts: 13000 is 13.0, 12040 is 12.4."""
    return Cuda(version // 1000, version % 1000 // 10)


def _driver_name() -> str:
    try:
        found = re.search(r"\b\d{3}\.\d+(\.\d+)?\b", DRIVER_FILE.read_text())
    except OSError:
        return ""
    return f" ({found[0]})" if found else ""


def _unavailable(why: str) -> EngineUnavailable:
    return EngineUnavailable(f"XTTS cannot use the GPU: {why}. CHORUS_DEVICE=cpu runs without", param="CHORUS_DEVICE")
