"""The device that Whisper computes on."""

import ctypes
import importlib.util
from pathlib import Path
from typing import Literal

import ctranslate2

from app.errors import EngineUnavailable

CUBLAS = "libcublas.so.12"
"""CTranslate2 opens it by this name when it first multiplies on a GPU."""


def find_device(wanted: Literal["auto", "cpu", "cuda"]) -> str:
    """`cpu` or `cuda`. Raises EngineUnavailable where `cuda` is asked for and cannot be used."""
    if wanted == "cpu":
        return "cpu"
    if not ctranslate2.get_cuda_device_count():
        problem = "there is no GPU that CTranslate2 can use"
    elif not load_cublas():
        problem = f"{CUBLAS} is not installed: `pip install nvidia-cublas-cu12`"
    else:
        return "cuda"
    if wanted == "cuda":
        raise EngineUnavailable(f"CHORUS_ASR_DEVICE=cuda: {problem}", param="CHORUS_ASR_DEVICE")
    return "cpu"


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
