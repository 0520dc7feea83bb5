"""Instructions of AMX for functions that numba compiles.

A thread has eight tile registers. As configured here each holds 16 rows of 64 bytes: 64 values in int8, 32 in bfloat16,
16 in float32 or int32. Importing this module raises ImportError where the CPU or the kernel has no AMX for bfloat16 and
int8.
"""

# The functions are typed by numba.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportMissingTypeStubs=false, reportUnknownParameterType=false, reportMissingParameterType=false
# pyright: reportUnknownLambdaType=false

import ctypes
import platform
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from llvmlite import ir
from llvmlite.binding import get_host_cpu_features
from numba import types
from numba.core import config
from numba.extending import intrinsic

TILE_ROWS = 16
TILE_BYTES = 1024
_ARCH_PRCTL, _ARCH_REQ_XCOMP_PERM, _TILE_DATA = 158, 0x1023, 18


def _may_use_tiles() -> bool:
    """Ask the kernel for the tile registers, for all threads of the process."""
    capabilities = torch.cpu.get_capabilities()
    if platform.system() != "Linux" or not (capabilities.get("amx_bf16") and capabilities.get("amx_int8")):
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    return libc.syscall(ctypes.c_long(_ARCH_PRCTL), ctypes.c_long(_ARCH_REQ_XCOMP_PERM), ctypes.c_long(_TILE_DATA)) == 0


def _may_compile() -> bool:
    """True where numba's target has the instructions of AMX. LLVM ends the process at one that its target lacks."""
    numbas: Any = config  # Any: its names are read from variables of the environment
    if numbas.CPU_NAME or numbas.CPU_FEATURES is not None:
        return False
    features = get_host_cpu_features()
    return all(features.get(name) for name in ("amx-tile", "amx-bf16", "amx-int8"))


if not _may_compile():
    raise ImportError("numba compiles for a CPU without AMX (NUMBA_CPU_NAME, NUMBA_CPU_FEATURES)")
if not _may_use_tiles():
    raise ImportError("the CPU or the kernel has no AMX for bfloat16 and int8")

CONFIG = np.zeros(64, np.uint8)
"""For `configure_tiles`: palette 1, and 64 bytes and 16 rows for each of the eight tiles."""
CONFIG[0] = 1
CONFIG[16:32].view(np.uint16)[:] = 64
CONFIG[48:56] = TILE_ROWS

_NUMBER, _SIZE = ir.IntType(8), ir.IntType(64)
_ADDRESS = ir.PointerType(_NUMBER)


def _call(builder: Any, name: str, kinds: Sequence[ir.Type], arguments: Sequence[Any]) -> None:
    function = builder.module.globals.get(name)
    if function is None:
        function = ir.Function(builder.module, ir.FunctionType(ir.VoidType(), kinds), name)
    builder.call(function, arguments)


def _on_tiles(name: str, *tiles: int) -> Any:
    """A function without arguments: the instruction on these registers."""

    @intrinsic
    def instruction(_context: Any) -> Any:
        def generate(context: Any, builder: Any, _signature: Any, _arguments: Any) -> Any:
            numbers = [ir.Constant(_NUMBER, tile) for tile in tiles]
            _call(builder, f"llvm.x86.{name}", [_NUMBER] * len(tiles), numbers)
            return context.get_dummy_value()

        return types.void(), generate

    return instruction


def _on_memory(name: str, tile: int) -> Any:
    """A function of an address and of the bytes between two rows: the instruction on this register."""

    @intrinsic
    def instruction(_context: Any, address: Any, stride: Any) -> Any:
        def generate(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
            at = builder.inttoptr(arguments[0], _ADDRESS)
            kinds = [_NUMBER, _ADDRESS, _SIZE]
            _call(builder, f"llvm.x86.{name}", kinds, [ir.Constant(_NUMBER, tile), at, arguments[1]])
            return context.get_dummy_value()

        return types.void(types.intp, types.intp), generate

    return instruction


@intrinsic
def configure_tiles(_context: Any, address: Any) -> Any:
    """Configure the registers of this thread from the 64 bytes at an address."""

    def generate(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        _call(builder, "llvm.x86.ldtilecfg", [_ADDRESS], [builder.inttoptr(arguments[0], _ADDRESS)])
        return context.get_dummy_value()

    return types.void(types.intp), generate


@intrinsic
def bits_of_float(_context: Any, _value: Any) -> Any:
    """The bits of a float32."""

    def generate(_: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], ir.IntType(32))

    return types.uint32(types.float32), generate


release_tiles = _on_tiles("tilerelease")
clear_0, clear_1, clear_2, clear_3 = (_on_tiles("tilezero", tile) for tile in range(4))
load_4, load_5, load_6, load_7 = (_on_memory("tileloadd64", tile) for tile in range(4, 8))
store_0, store_1, store_2, store_3 = (_on_memory("tilestored64", tile) for tile in range(4))
# Tile 0 += tile 4 x tile 6, and so on: two tiles of columns by two of weights.
add_46_to_0, add_47_to_1 = _on_tiles("tdpbf16ps", 0, 4, 6), _on_tiles("tdpbf16ps", 1, 4, 7)
add_56_to_2, add_57_to_3 = _on_tiles("tdpbf16ps", 2, 5, 6), _on_tiles("tdpbf16ps", 3, 5, 7)
# The same in int8, which gives whole numbers in int32.
add_whole_46_to_0, add_whole_47_to_1 = _on_tiles("tdpbssd", 0, 4, 6), _on_tiles("tdpbssd", 1, 4, 7)
add_whole_56_to_2, add_whole_57_to_3 = _on_tiles("tdpbssd", 2, 5, 6), _on_tiles("tdpbssd", 3, 5, 7)
