"""Compiled functions on one thread and on several."""

import numpy as np
import pytest
from numba import carray, njit

from app.engine.xtts.model.compiled import Kernel, exp_float, num_threads, thread_number

pytestmark = pytest.mark.slow  # compiles

COUNT = 64


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
