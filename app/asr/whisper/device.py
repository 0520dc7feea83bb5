"""The device that Whisper computes on."""

import ctypes
import importlib.util
from pathlib import Path
from typing import Literal

import ctranslate2
import msgspec

from app.errors import EngineUnavailable

CUBLAS = "libcublas.so.12"
"""CTranslate2 opens it by this name when it first multiplies on a GPU."""


PRECISIONS = {"cpu": ("int8", "float32"), "cuda": ("float16", "int8", "float32")}
"""Number formats of the weights, the best first. GPUs before Pascal and some after it lack float16."""


class Device(msgspec.Struct, frozen=True):
    name: str
    """`cpu` or `cuda`"""
    reason: str


def find_device(wanted: Literal["auto", "cpu", "cuda"]) -> Device:
    """Raises EngineUnavailable where `cuda` is asked for and cannot be used."""
    if wanted == "cpu":
        return Device("cpu", "CHORUS_ASR_DEVICE=cpu asks for it")
    if not ctranslate2.get_cuda_device_count():
        problem = "there is no GPU that CTranslate2 can use"
    elif not load_cublas():
        problem = f"{CUBLAS} is not installed: `pip install nvidia-cublas-cu12`"
    else:
        return Device("cuda", "there is a GPU, and cuBLAS 12 for it")
    if wanted == "cuda":
        raise EngineUnavailable(f"CHORUS_ASR_DEVICE=cuda: {problem}", param="CHORUS_ASR_DEVICE")
    return Device("cpu", problem)


def find_precision(device: str) -> str:
    """The best number format of the weights in which the device computes fast."""
    supported = ctranslate2.get_supported_compute_types(device)
    return next((precision for precision in PRECISIONS[device] if precision in supported), "float32")


def load_cublas() -> bool:
    """Load cuBLAS 12 from the system or from its package, so that CTranslate2 finds it loaded."""
    spec = importlib.util.find_spec("nvidia")
    folders = [Path(folder) for folder in (spec.submodule_search_locations or ())] if spec else []
    for name in (CUBLAS, *(str(folder / "cublas" / "lib" / CUBLAS) for folder in folders)):
        try:
            ctypes.CDLL(name, mode=ctypes.RTLD_GLOBAL)
        except OSError:
            continue
        return True
    return False
