"""CUDA kernels compiled at start, by the compiler library that torch brings along (NVRTC).

Importing this module raises ImportError where torch was installed without NVIDIA's Python bindings.
"""

# The bindings are typed in part.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportMissingTypeStubs=false, reportAttributeAccessIssue=false

import ctypes
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from cuda.bindings import driver, nvrtc

Grid = tuple[int, int, int]
NO_TENSOR = 0
"""A pointer to nothing."""


def compile_kernels(source: str, defines: Mapping[str, int], *, architecture: int) -> bytes:
    """Machine code for one architecture (90 for compute capability 9.0). Needs no GPU.

    Raises RuntimeError with the compiler's messages.
    """
    (program,) = _checked(nvrtc.nvrtcCreateProgram(source.encode(), b"kernels.cu", 0, [], []))
    try:
        options = [f"--gpu-architecture=sm_{architecture}", "--std=c++17"]
        options += [f"-D{name}={value}" for name, value in defines.items()]
        result = nvrtc.nvrtcCompileProgram(program, len(options), [option.encode() for option in options])[0]
        if result != nvrtc.nvrtcResult.NVRTC_SUCCESS:
            raise RuntimeError(f"NVRTC: {read_messages(program) or result.name}")
        code = bytes(_checked(nvrtc.nvrtcGetCUBINSize(program))[0])
        _checked(nvrtc.nvrtcGetCUBIN(program, code))
        return code
    finally:
        nvrtc.nvrtcDestroyProgram(program)


def read_messages(program: Any) -> str:
    """The compiler's messages about a program; empty where it has none."""
    # The library writes into bytes, of which Python shares those of length 1. An empty log is such a one: a zero.
    messages = bytes(_checked(nvrtc.nvrtcGetProgramLogSize(program))[0])
    _checked(nvrtc.nvrtcGetProgramLog(program, messages))
    return messages.rstrip(bytes(1)).decode(errors="replace").strip()


class CudaKernels:
    """Kernels by name, loaded into the current device. Raises RuntimeError where the driver refuses them."""

    def __init__(self, source: str, defines: Mapping[str, int], names: Sequence[str], device: torch.device) -> None:
        major, minor = torch.cuda.get_device_capability(device)
        code = compile_kernels(source, defines, architecture=10 * major + minor)
        (self._module,) = _checked(driver.cuModuleLoadData(code))
        self._functions = {name: _checked(driver.cuModuleGetFunction(self._module, name.encode()))[0] for name in names}

    def launch(self, name: str, grid: Grid, threads: int, *arguments: torch.Tensor | int | None) -> None:
        """Queue a kernel on torch's current stream. Tensors, contiguous, are given by address, numbers as `int`."""
        values, types = [], []
        for argument in arguments:
            is_number = isinstance(argument, int)
            values.append(argument if is_number else NO_TENSOR if argument is None else argument.data_ptr())
            types.append(ctypes.c_int if is_number else ctypes.c_void_p)
        stream = torch.cuda.current_stream().cuda_stream
        _checked(
            driver.cuLaunchKernel(
                self._functions[name], *grid, threads, 1, 1, 0, stream, (tuple(values), tuple(types)), 0
            )
        )


def _checked(answer: tuple[Any, ...]) -> tuple[Any, ...]:
    """The values behind the result. Raises RuntimeError with its name if it is an error."""
    result, *values = answer
    if result.value:
        raise RuntimeError(f"CUDA: {result.name}")
    return tuple(values)
