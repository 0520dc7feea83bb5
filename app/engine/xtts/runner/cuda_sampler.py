"""Sampling on a GPU in one kernel, which takes the place of some 90.

Importing this module raises ImportError where `cuda_kernels` does.
"""

from importlib.resources import files

import torch

from app.engine.xtts.device.cuda_kernels import CudaKernels

THREADS = 256
MAX_CODES = 2048
"""More do not fit into the shared memory of a block."""


def read_source() -> str:
    return files("app.engine.xtts.runner").joinpath("sample.cu").read_text()


class CudaSampler:
    """Raises RuntimeError for more codes than MAX_CODES, and where the kernel cannot be compiled."""

    def __init__(self, num_codes: int, device: torch.device) -> None:
        if num_codes > MAX_CODES:
            raise RuntimeError(f"{num_codes} audio codes are more than {MAX_CODES}")
        self._kernels = CudaKernels(read_source(), {"CODES": num_codes}, ["sample"], device)

    def launch(self, num_slots: int, *arguments: torch.Tensor | int | None) -> None:
        """Arguments as those of the kernel."""
        self._kernels.launch("sample", (num_slots, 1, 1), THREADS, *arguments)
