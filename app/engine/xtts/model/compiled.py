"""Functions compiled by numba that run on torch's own threads, and what they are built from.

A second set of threads would take the cores from the first, so they are handed to the OpenMP library that torch
computes with. Importing this module raises ImportError where numba is missing, where torch has no GNU OpenMP, or where
numba compiles for a CPU that has no instructions for float16.
"""

# The compiled functions are typed by numba, from addresses.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportMissingTypeStubs=false, reportUntypedFunctionDecorator=false, reportUnknownParameterType=false
# pyright: reportMissingParameterType=false, reportPrivateImportUsage=false, reportCallIssue=false

import ctypes
import functools
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from llvmlite import binding, ir
from numba import carray, cfunc, njit, types
from numba.core.registry import cpu_target
from numba.extending import intrinsic

FLOAT = np.float32
FAST = {"reassoc", "contract", "arcp", "nsz"}
"""Sums may be added up in another order, so that they use vectors. NaN and infinity stay what they are."""
OPTIONS: dict[str, Any] = {"fastmath": FAST, "error_model": "numpy"}

SOURCES = (
    "model/compiled.py",
    "model/int8_kernels.py",
    "model/int8_rows.py",
    "model/int8_tiles.py",
    "model/kv_cache.py",
    "model/tiles.py",
    "vocoder/amx/kernel.py",
)
"""Files that code of a kernel comes from, below app/engine/xtts."""


def _converts_half() -> bool:
    """True where numba's target converts float16 by an instruction.

    Elsewhere LLVM calls a function of the compiler's runtime, which is not loaded, and ends the process.
    """
    target: Any = cpu_target.target_context  # Any: numba's cached property hides its type
    triple, _, features = target.codegen().magic_tuple()
    return "+f16c" in features.split(",") if triple.startswith("x86_64") else triple.startswith(("aarch64", "arm64"))


if not _converts_half():
    raise ImportError("numba compiles for a CPU without float16 (F16C; NUMBA_CPU_NAME, NUMBA_CPU_FEATURES)")
try:
    # A symbol is looked for in the library and in those that it needs: in the OpenMP that torch computes with.
    _libraries = ctypes.CDLL(str(Path(torch.__file__).parent / "lib" / "libtorch_cpu.so"))
    _parallel = _libraries.GOMP_parallel
    for _name in ("omp_get_thread_num", "omp_get_num_threads", "GOMP_barrier"):
        binding.add_symbol(_name, ctypes.cast(getattr(_libraries, _name), ctypes.c_void_p).value)
except (OSError, AttributeError) as error:
    raise ImportError(f"torch has no GNU OpenMP here: {error}") from error
_parallel.argtypes, _parallel.restype = (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint, ctypes.c_uint), None
thread_number = types.ExternalFunction("omp_get_thread_num", types.int32())
num_threads = types.ExternalFunction("omp_get_num_threads", types.int32())
wait_for_threads = types.ExternalFunction("GOMP_barrier", types.void())
"""Returns when all threads of the kernel have called it; for kernels on more than one thread."""


class Kernel:
    """A compiled function of the address of its arguments; compiled now, or read from numba's cache."""

    def __init__(self, function: Callable[[Any], None]) -> None:
        self._compiled = _compile(function, types.void(types.voidptr))
        self._address: int = self._compiled.address
        self._run = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(self._address)

    def run(self, arguments: int, *, num_threads: int) -> None:
        """Call it with this address on the calling thread and its helpers. Lets go of the interpreter lock."""
        if num_threads == 1:
            self._run(arguments)
        else:
            _parallel(self._address, arguments, num_threads, 0)


def function_for_kernels(function: Callable[..., Any], signature: Any) -> Any:
    """Compile a function once, for all kernels that call it: its arithmetic is the same to the bit in each of them.

    numba's cache of a kernel does not hold the code of such a function, which has a cache of its own.
    """
    compiled = _compile(function, signature)
    _kept.append(compiled)
    name = f"{function.__module__}.{function.__name__}"
    binding.add_symbol(name, compiled.address)
    return types.ExternalFunction(name, signature)


_kept: list[Any] = []
"""Results of `function_for_kernels`. numba frees the machine code of a function that is garbage-collected, but kernels
call it by its address."""


def _compile(function: Callable[..., Any], signature: Any) -> Any:
    try:
        # numba names files of its cache by the qualified name, and looks for changes only in the file of the function.
        function.__qualname__ = f"{function.__name__}_{_digest_sources()}"
        return cfunc(signature, cache=True, **OPTIONS)(function)
    except (RuntimeError, OSError):  # no folder can be written to, or it has no room
        return cfunc(signature, **OPTIONS)(function)


@functools.cache
def _digest_sources() -> str:
    """Hash of SOURCES, 16 hexadecimal digits. Raises OSError where a file cannot be read."""
    folder, found = Path(__file__).parents[1], hashlib.sha256()
    for name in SOURCES:
        found.update(hashlib.sha256((folder / name).read_bytes()).digest())
    return found.hexdigest()[:16]


@intrinsic
def pointer(_context: Any, address: Any) -> Any:
    def generate(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.inttoptr(arguments[0], context.get_value_type(types.voidptr))

    return types.voidptr(address), generate


@intrinsic
def prefetch(_context: Any, address: Any) -> Any:
    """Begin to read the 64 bytes at an address, which need not be valid, into the cache of the core."""

    def generate(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        number, place = ir.IntType(32), ir.PointerType(ir.IntType(8))
        function = builder.module.globals.get(_PREFETCH)
        if function is None:
            kind = ir.FunctionType(ir.VoidType(), [place, number, number, number])
            function = ir.Function(builder.module, kind, _PREFETCH)
        options = [ir.Constant(number, option) for option in (0, 2, 1)]  # to read, to the second level, data
        builder.call(function, [builder.inttoptr(arguments[0], place), *options])
        return context.get_dummy_value()

    return types.void(types.intp), generate


_PREFETCH = "llvm.prefetch.p0i8"


@intrinsic
def round_whole(_context: Any, _value: Any) -> Any:
    def generate(_: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.call(builder.module.declare_intrinsic("llvm.nearbyint", [ir.FloatType()]), arguments)

    return types.float32(types.float32), generate


@intrinsic
def float_of_bits(_context: Any, _bits: Any) -> Any:
    def generate(_: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], ir.FloatType())

    return types.float32(types.int32), generate


@intrinsic
def float_of_half(_context: Any, _bits: Any) -> Any:
    def generate(_: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.fpext(builder.bitcast(arguments[0], ir.HalfType()), ir.FloatType())

    return types.float32(types.uint16), generate


@intrinsic
def half_of_float(_context: Any, _value: Any) -> Any:
    """The bits of the nearest float16."""

    def generate(_: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.bitcast(builder.fptrunc(arguments[0], ir.HalfType()), ir.IntType(16))

    return types.uint16(types.float32), generate


@njit(inline="always", error_model="numpy")
def short_row(address, count):
    return carray(pointer(address), count, np.uint16)


@njit(inline="always", error_model="numpy")
def float_row(address, count):
    return carray(pointer(address), count, FLOAT)


@njit(inline="always", error_model="numpy")
def int_row(address, count):
    return carray(pointer(address), count, np.int32)


@njit(inline="always", error_model="numpy")
def byte_row(address, count):
    return carray(pointer(address), count, np.uint8)


@njit(fastmath={"contract"}, error_model="numpy")
def exp_float(x):
    """exp of a float32, within 1e-7 of itself: 2^n times a polynomial (Cephes, expf)."""
    x = max(min(x, FLOAT(88.0)), FLOAT(-87.0))
    n = round_whole(x * FLOAT(1.4426950408889634))
    rest = (x - n * FLOAT(0.693359375)) - n * FLOAT(-2.12194440e-4)
    sum_ = FLOAT(1.9875691500e-4)
    sum_ = sum_ * rest + FLOAT(1.3981999507e-3)
    sum_ = sum_ * rest + FLOAT(8.3334519073e-3)
    sum_ = sum_ * rest + FLOAT(4.1665795894e-2)
    sum_ = sum_ * rest + FLOAT(1.6666665459e-1)
    sum_ = sum_ * rest + FLOAT(5.0000001201e-1)
    return (sum_ * rest * rest + rest + FLOAT(1.0)) * float_of_bits(np.int32((np.int32(n) + np.int32(127)) << 23))
