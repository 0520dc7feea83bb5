"""Kernels between two products of a layer in int8, compiled by numba: one pass over each row instead of ten.

A row has the same bits whatever rows lie beside it, because each is computed by itself, by the same loops.

Importing this module compiles the kernels, which takes seconds once for each CPU and version; then they are read from
numba's cache. Raises ImportError as app/engine/xtts/model/compiled.py does.
"""

# The compiled functions are typed by numba, from addresses.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportMissingTypeStubs=false, reportUntypedFunctionDecorator=false, reportUnknownParameterType=false
# pyright: reportMissingParameterType=false, reportPrivateImportUsage=false, reportCallIssue=false

import numpy as np
from numba import carray

from app.engine.xtts.model.compiled import FLOAT, Kernel, float_row, num_threads, thread_number
from app.engine.xtts.model.int8_rows import attend_item, gelu_row, norm_row, whole_floats

CALL = np.dtype(
    [
        ("rows", np.int64),
        ("columns", np.int64),
        ("limit", np.int64),
        ("heads", np.int64),
        ("positions", np.int64),
        *(
            (name, np.uintp)
            for name in (
                "residual", "product", "bias", "norm_weight", "norm_bias", "values", "whole", "scales",
                "num_written", "cached_keys", "cached_values", "scores",
            )
        ),
    ]
)  # fmt: skip
"""Arguments of a kernel: numbers, and addresses of tensors in float32 unless said otherwise.

columns        of each row
limit          largest whole number
positions      of a slot in the cache
residual       [rows, columns], read and written
product        [rows, columns] of whole numbers, to be multiplied by the scale of the row; overwritten
bias           [columns] of the product
values         [rows, columns] to be made whole, and [rows, heads, head_dim] that attention writes
whole          [rows, columns] written: whole numbers
scales         [rows] read for the product, and written for `whole`
num_written    [rows] int64, cache positions written before this step
cached_*       one layer of KVCache
scores         [rows, heads, positions], memory for attention
"""


def _norm(address):
    """Add the product to the residual, unless it is at 0; then layer norm, made whole."""
    call = carray(address, 1, CALL)[0]
    rows, columns = call.rows, call.columns
    scales = float_row(call.scales, rows)
    for row in range(thread_number(), rows, num_threads()):
        begin = 4 * row * columns
        product = call.product + begin if call.product != 0 else 0
        weight, bias, whole = call.norm_weight, call.norm_bias, call.whole + begin
        norm_row(call.residual + begin, product, call.bias, scales[row], weight, bias, whole, columns)
        scales[row] = whole_floats(whole, whole, FLOAT(call.limit), columns)


def _gelu(address):
    """Apply GELU and write the result as whole numbers."""
    call = carray(address, 1, CALL)[0]
    rows, columns = call.rows, call.columns
    scales = float_row(call.scales, rows)
    for row in range(thread_number(), rows, num_threads()):
        product = call.product + 4 * row * columns
        gelu_row(product, call.bias, scales[row], columns)
        scales[row] = whole_floats(product, call.whole + 4 * row * columns, FLOAT(call.limit), columns)


def _whole(address):
    """Make `values` whole."""
    call = carray(address, 1, CALL)[0]
    columns = call.columns
    scales = float_row(call.scales, call.rows)
    for row in range(thread_number(), call.rows, num_threads()):
        begin = 4 * row * columns
        scales[row] = whole_floats(call.values + begin, call.whole + begin, FLOAT(call.limit), columns)


def _attention(address):
    """The product is [rows, 3, heads, head_dim]: queries, keys and values."""
    call = carray(address, 1, CALL)[0]
    for item in range(thread_number(), call.rows * call.heads, num_threads()):
        attend_item(call, call.bias, call.cached_keys, call.cached_values, call.columns, item)


norm, gelu, make_whole, attention = Kernel(_norm), Kernel(_gelu), Kernel(_whole), Kernel(_attention)
