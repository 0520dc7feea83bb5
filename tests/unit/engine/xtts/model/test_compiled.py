"""Compiled functions on one thread and on several, and when they are compiled."""

import os
import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numba import carray, njit

from app.engine.xtts.model.compiled import SOURCES, Kernel, exp_float, num_threads, thread_number
from tests.support.xtts import WITHOUT_INT8

pytestmark = pytest.mark.slow  # compiles

COUNT = 64
XTTS = Path("app/engine/xtts")
KERNEL = """
import numpy as np
from numba import carray
from app.engine.xtts.model.compiled import Kernel
from app.engine.xtts.model.int8_rows import change

def _change(address):
    numbers = carray(address, 1, np.int64)
    numbers[0] = change(numbers[0])

number, kernel = np.array([20]), Kernel(_change)
kernel.run(number.ctypes.data, num_threads=1)
print(number[0], kernel._compiled._cache_hits)
"""
FALL_BACK = """
from app.engine.xtts.model.int8 import QuantizedAffine, QuantizedFeedForward, quantize
from app.engine.xtts.model.int8_bodies import find_tile_product, make_int8_body
from app.engine.xtts.model.layers import Body

body = Body(1, 64)
layer = body.layers[0]
pack = lambda affine: QuantizedAffine(quantize(affine.weight.detach()), affine.bias.detach())
layer.attn.c_attn, layer.attn.c_proj = pack(layer.attn.c_attn), pack(layer.attn.c_proj)
layer.mlp = QuantizedFeedForward(pack(layer.mlp.c_fc), pack(layer.mlp.c_proj))
print(find_tile_product([]), make_int8_body(body.layers, 1))
"""


def run_python(code: str, *, folder: Path = Path(), **variables: str) -> str:
    command = [sys.executable, "-B", "-c", code]  # -B: else bytecode of a file that has changed within a second
    done = subprocess.run(
        command, cwd=folder, env=os.environ | variables, stdout=subprocess.PIPE, text=True, timeout=120, check=True
    )
    return done.stdout.strip()


@pytest.mark.parametrize(
    "variables",
    [{"NUMBA_CPU_NAME": "generic"}, {"NUMBA_CPU_NAME": "x86-64", "NUMBA_CPU_FEATURES": "+avx2,+fma"}],
)
@pytest.mark.skipif(platform.machine() != "x86_64", reason="float16 is optional on x86-64 only")
@WITHOUT_INT8
def test_torch_computes_where_numbas_target_has_no_float16(variables: dict[str, str]) -> None:
    assert run_python(FALL_BACK, **variables) == "None None"


def test_a_kernel_is_compiled_again_when_another_file_changes(tmp_path: Path) -> None:
    for name in SOURCES:
        (tmp_path / XTTS / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(XTTS / name, tmp_path / XTTS / name)
    (tmp_path / "app/__init__.py").touch()  # else the installed package is found first
    helper, kernel = tmp_path / XTTS / "model/int8_rows.py", tmp_path / "kernel.py"
    kernel.write_text(KERNEL)

    def run(number: int) -> str:
        helper.write_text(f"from numba import njit\n@njit\ndef change(x):\n    return x + {number}\n")
        return run_python("import kernel", folder=tmp_path, NUMBA_CACHE_DIR=str(tmp_path / "cache"))

    assert [run(number) for number in (1, 1, 2)] == ["21 0", "21 1", "22 0"]


def test_the_sources_are_all_files_that_code_of_a_kernel_comes_from() -> None:
    importing = {str(path.relative_to(XTTS)) for path in XTTS.rglob("*.py") if _imports_numba(path)}
    assert importing <= set(SOURCES)
    for name in SOURCES:
        for module in re.findall(r"^from (app\.\S+) import", (XTTS / name).read_text(), re.MULTILINE):
            assert str(Path(*module.split(".")).with_suffix(".py").relative_to(XTTS)) in SOURCES


def _imports_numba(path: Path) -> bool:
    return re.search(r"^(from|import) numba\b", path.read_text(), re.MULTILINE) is not None


def _mark(address):
    rows = carray(address, COUNT, np.int64)
    for row in range(thread_number(), COUNT, num_threads()):
        rows[row] += 1


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_each_row_is_computed_once_on_any_number_of_threads(threads: int) -> None:
    rows = np.zeros(COUNT, np.int64)
    Kernel(_mark).run(rows.ctypes.data, num_threads=threads)
    assert (rows == 1).all()


def test_a_function_is_compiled_where_no_cache_can_be_written() -> None:
    """numba finds no place for the cache of a function that lies in no file."""
    names = {"carray": carray, "np": np}
    exec("def double(address):\n    numbers = carray(address, 1, np.int64)\n    numbers[0] *= 2", names)  # noqa: S102
    number = np.array([21])
    Kernel(names["double"]).run(number.ctypes.data, num_threads=1)
    assert number[0] == 42


def test_exp_is_within_three_last_bits() -> None:
    x = np.linspace(-86, 87, 20_001, dtype=np.float32)
    exact = np.exp(x.astype(np.float64))
    ours = np.array([_exp(value) for value in x])
    assert np.abs(ours / exact - 1).max() < 3 * np.finfo(np.float32).eps
    assert _exp(np.float32(-200)) < 1e-37


@njit
def _exp(x):
    return exp_float(x)
