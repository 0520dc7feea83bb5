"""Kernels between two products of a layer in int8, compiled by numba: one pass over each row instead of ten.

A row has the same bits whatever rows lie beside it, because each is computed by itself, by the same loops.

Importing this module compiles the kernels, which takes seconds once for each CPU and version; then they are read from
numba's cache. Raises ImportError as app/engine/xtts/model/compiled.py does.
"""

# The compiled functions are typed by numba, from addresses.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportMissingTypeStubs=false, reportUntypedFunctionDecorator=false, reportUnknownParameterType=false
# pyright: reportMissingParameterType=false, reportPrivateImportUsage=false, reportCallIssue=false

import math

import numpy as np
from numba import carray, njit

from app.engine.xtts.model.compiled import (
    FLOAT,
    OPTIONS,
    Kernel,
    byte_row,
    exp_float,
    float_row,
    num_threads,
    pointer,
    round_whole,
    thread_number,
)
from app.engine.xtts.model.kv_cache import ROW_CONSTANTS

LAYER_NORM_EPS = FLOAT(1e-5)
MIN_MAGNITUDE = FLOAT(1e-30)

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


@njit(**OPTIONS)
def _make_whole(values, whole, limit):
    """Write the values over their scale as whole numbers. Returns the scale; NaN where a value is not finite."""
    largest, harm = FLOAT(0.0), FLOAT(0.0)
    for i in range(len(values)):
        largest = max(largest, abs(values[i]))
        harm += values[i] * FLOAT(0.0)
    scale = max(largest, MIN_MAGNITUDE) / limit
    inverse = limit / max(largest, MIN_MAGNITUDE)
    for i in range(len(values)):
        whole[i] = round_whole(values[i] * inverse)
    return scale + harm


def _norm(address):
    """Add the product to the residual, unless it is at 0; then layer norm, made whole."""
    call = carray(address, 1, CALL)[0]
    rows, columns = call.rows, call.columns
    weight, bias = float_row(call.norm_weight, columns), float_row(call.norm_bias, columns)
    scales = float_row(call.scales, rows)
    for row in range(thread_number(), rows, num_threads()):
        residual = float_row(call.residual + 4 * row * columns, columns)
        whole = float_row(call.whole + 4 * row * columns, columns)
        if call.product != 0:
            product = float_row(call.product + 4 * row * columns, columns)
            product_bias = float_row(call.bias, columns)
            scale = scales[row]
            for i in range(columns):
                residual[i] += product[i] * scale + product_bias[i]
        total = FLOAT(0.0)
        for i in range(columns):
            total += residual[i]
        mean = total / FLOAT(columns)
        squares = FLOAT(0.0)
        for i in range(columns):
            squares += (residual[i] - mean) * (residual[i] - mean)
        inverse = FLOAT(1.0) / math.sqrt(squares / FLOAT(columns) + LAYER_NORM_EPS)
        for i in range(columns):
            whole[i] = (residual[i] - mean) * inverse * weight[i] + bias[i]
        scales[row] = _make_whole(whole, whole, FLOAT(call.limit))


def _gelu(address):
    """GELU as GPT-2 has it (x * sigmoid(1.595769 * (x + 0.044715 * x^3)) is the form with tanh), made whole."""
    call = carray(address, 1, CALL)[0]
    rows, columns = call.rows, call.columns
    bias = float_row(call.bias, columns)
    scales = float_row(call.scales, rows)
    for row in range(thread_number(), rows, num_threads()):
        product = float_row(call.product + 4 * row * columns, columns)
        whole = float_row(call.whole + 4 * row * columns, columns)
        scale = scales[row]
        for i in range(columns):
            x = product[i] * scale + bias[i]
            product[i] = x / (FLOAT(1.0) + exp_float(FLOAT(-1.5957691216057308) * (x + FLOAT(0.044715) * x * x * x)))
        scales[row] = _make_whole(product, whole, FLOAT(call.limit))


def _whole(address):
    """Make `values` whole."""
    call = carray(address, 1, CALL)[0]
    columns = call.columns
    scales = float_row(call.scales, call.rows)
    for row in range(thread_number(), call.rows, num_threads()):
        values = float_row(call.values + 4 * row * columns, columns)
        whole = float_row(call.whole + 4 * row * columns, columns)
        scales[row] = _make_whole(values, whole, FLOAT(call.limit))


@njit(**OPTIONS)
def _scores(query, keys, scores):
    """Write the product of the query and of each row of keys, which begin at an address."""
    size = len(query)
    for position in range(len(scores)):
        key = float_row(keys + 4 * size * position, size)
        score = FLOAT(0.0)
        for i in range(size):
            score += query[i] * key[i]
        scores[position] = score


@njit(**OPTIONS)
def _softmax(scores):
    """Write exp_float(score - largest). Returns the sum of all."""
    largest, total = FLOAT(-math.inf), FLOAT(0.0)
    for position in range(len(scores)):
        largest = max(largest, scores[position])
    for position in range(len(scores)):
        scores[position] = exp_float(scores[position] - largest)
        total += scores[position]
    return total


@njit(**OPTIONS)
def _add_rows(values, weights, sums):
    """Write the weighted sum of rows in one byte each, which begin at an address. The weights are overwritten."""
    size = len(sums)
    row_bytes = size + ROW_CONSTANTS
    lows = FLOAT(0.0)
    for position in range(len(weights)):
        constants = float_row(values + row_bytes * position + size, 2)
        lows += weights[position] * constants[1]
        weights[position] *= constants[0]
    for i in range(size):
        sums[i] = lows
    together = len(weights) // 4 * 4
    for position in range(0, together, 4):  # four at a time: a sum waits for the one before it
        row = values + row_bytes * position
        one, two = byte_row(row, size), byte_row(row + row_bytes, size)
        three, four = byte_row(row + 2 * row_bytes, size), byte_row(row + 3 * row_bytes, size)
        w1, w2, w3, w4 = weights[position], weights[position + 1], weights[position + 2], weights[position + 3]
        for i in range(size):
            first = w1 * FLOAT(np.int32(one[i])) + w2 * FLOAT(np.int32(two[i]))
            second = w3 * FLOAT(np.int32(three[i])) + w4 * FLOAT(np.int32(four[i]))
            sums[i] += first + second
    for position in range(together, len(weights)):
        row_ = byte_row(values + row_bytes * position, size)
        weight = weights[position]
        for i in range(size):
            sums[i] += weight * FLOAT(np.int32(row_[i]))


@njit(**OPTIONS)
def _pack(row, packed):
    """Write a row as KVCache has it in bytes, at an address."""
    size = len(row)
    low, high = FLOAT(math.inf), FLOAT(-math.inf)
    for i in range(size):
        low, high = min(low, row[i]), max(high, row[i])
    inverse = FLOAT(255.0) / (high - low + FLOAT(1e-8))
    bytes_, constants = byte_row(packed, size), float_row(packed + size, 2)
    for i in range(size):
        bytes_[i] = np.uint8(np.int32(round_whole((row[i] - low) * inverse)))
    constants[0], constants[1] = (high - low) / FLOAT(255.0), low


def _attention(address):
    """Write the newest keys and values of each slot into the cache, and attend over all that it has written.

    The product is [rows, 3, heads, head_dim]: queries, keys and values.
    """
    call = carray(address, 1, CALL)[0]
    heads, size = call.heads, call.columns // (3 * call.heads)
    row_bytes = size + ROW_CONSTANTS
    scales = float_row(call.scales, call.rows)
    num_written = carray(pointer(call.num_written), call.rows, np.int64)
    shrink = FLOAT(1.0) / math.sqrt(FLOAT(size))
    for item in range(thread_number(), call.rows * heads, num_threads()):
        slot, head = item // heads, item % heads
        last, scale = num_written[slot], scales[slot]
        query_at = 4 * size * head
        key_at, value_at = query_at + 4 * size * heads, query_at + 8 * size * heads
        product = call.product + 4 * slot * call.columns
        query, value = float_row(product + query_at, size), float_row(product + value_at, size)
        product_key = float_row(product + key_at, size)
        query_bias, key_bias = float_row(call.bias + query_at, size), float_row(call.bias + key_at, size)
        value_bias = float_row(call.bias + value_at, size)
        keys = call.cached_keys + 4 * size * item * call.positions
        values = call.cached_values + row_bytes * item * call.positions
        newest_key = float_row(keys + 4 * size * last, size)
        for i in range(size):
            query[i] = (query[i] * scale + query_bias[i]) * shrink
        for i in range(size):
            newest_key[i] = product_key[i] * scale + key_bias[i]
        for i in range(size):
            value[i] = value[i] * scale + value_bias[i]
        _pack(value, values + row_bytes * last)
        scores = float_row(call.scores + 4 * item * call.positions, last + 1)
        attended = float_row(call.values + 4 * size * item, size)
        _scores(query, keys, scores)
        total = _softmax(scores)
        _add_rows(values, scores, attended)
        for i in range(size):
            attended[i] /= total


norm, gelu, make_whole, attention = Kernel(_norm), Kernel(_gelu), Kernel(_whole), Kernel(_attention)
