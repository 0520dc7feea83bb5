"""Functions for one row, or for one head of it, between two products of a layer in int8.

A row has the same bits whatever rows lie beside it, because each is computed by itself; and in every kernel, because
each function is compiled once. Addresses are those of float32 unless said otherwise.
"""

# The compiled functions are typed by numba, from addresses.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportMissingTypeStubs=false, reportUntypedFunctionDecorator=false, reportUnknownParameterType=false
# pyright: reportMissingParameterType=false, reportPrivateImportUsage=false, reportCallIssue=false

import math

import numpy as np
from numba import carray, njit, types

from app.engine.xtts.model.compiled import (
    FLOAT,
    OPTIONS,
    byte_row,
    exp_float,
    float_of_bits,
    float_of_half,
    float_row,
    function_for_kernels,
    half_of_float,
    int_row,
    pointer,
    prefetch,
    round_whole,
    short_row,
)
from app.engine.xtts.model.kv_cache import ROW_CONSTANTS

LAYER_NORM_EPS = FLOAT(1e-5)
MIN_MAGNITUDE = FLOAT(1e-30)
USUAL_SIZE = 64
"""head_dim of released checkpoints, for which attention is compiled with loops of a constant length."""
LINE = 64
"""Size of a cache line, in bytes."""
AHEAD_BYTES = 4096
"""Keys and values are prefetched so far ahead: the CPU by itself stops at the end of each page."""


@njit(**OPTIONS)
def _make_whole(values, whole, limit):
    """Write float32 values, which begin at an address, over their scale as whole numbers into an array.

    Returns the scale; NaN where a value is not finite.
    """
    row = float_row(values, len(whole))
    bits = int_row(values, len(whole))
    largest_bits = np.int32(0)
    for i in range(len(whole)):  # of numbers without sign, the largest has the largest bits: compilers make vectors
        largest_bits = max(largest_bits, np.int32(bits[i] & 0x7FFFFFFF))
    if largest_bits >= 0x7F800000:
        return FLOAT(math.nan)
    largest = max(float_of_bits(largest_bits), MIN_MAGNITUDE)
    inverse = limit / largest
    for i in range(len(whole)):
        whole[i] = round_whole(row[i] * inverse)
    return largest / limit


def _whole_floats(values, whole, limit, columns):
    """Write values over their scale as whole numbers in float32. Returns the scale; NaN where a value is not finite."""
    return _make_whole(values, float_row(whole, columns), limit)


def _whole_bytes(values, whole, limit, columns):
    """As `whole_floats`, in int8."""
    return _make_whole(values, carray(pointer(whole), columns, np.int8), limit)


def _norm_row(residual_, product_, product_bias_, scale, weight_, bias_, normed_, columns):
    """Add the product to the residual, unless it is at 0; then layer norm."""
    residual, normed = float_row(residual_, columns), float_row(normed_, columns)
    weight, bias = float_row(weight_, columns), float_row(bias_, columns)
    if product_ != 0:
        product, product_bias = float_row(product_, columns), float_row(product_bias_, columns)
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
        normed[i] = (residual[i] - mean) * inverse * weight[i] + bias[i]


def _gelu_row(product_, bias_, scale, columns):
    """GELU as GPT-2 has it, in place: x * sigmoid(1.595769 * (x + 0.044715 * x^3)) is the form with tanh."""
    product, bias = float_row(product_, columns), float_row(bias_, columns)
    for i in range(columns):
        x = product[i] * scale + bias[i]
        product[i] = x / (FLOAT(1.0) + exp_float(FLOAT(-1.5957691216057308) * (x + FLOAT(0.044715) * x * x * x)))


@njit(**OPTIONS)
def _scores(query, keys, scores, size):
    """Write the product of the query and of each row of keys in float16, which begin at an address."""
    for position in range(len(scores)):
        row = keys + 2 * size * position
        for line in range(0, 2 * size, LINE):
            prefetch(row + AHEAD_BYTES + line)
        key = short_row(row, size)
        score = FLOAT(0.0)
        for i in range(size):
            score += query[i] * float_of_half(key[i])
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
def _add_rows(values, weights, sums, size):
    """Write the weighted sum of rows in one byte each, which begin at an address. The weights are overwritten."""
    row_bytes = size + ROW_CONSTANTS
    lows = FLOAT(0.0)
    for position in range(len(weights)):
        row_end = values + row_bytes * position + size
        prefetch(row_end + AHEAD_BYTES)
        constants = float_row(row_end, 2)
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


@njit(inline="always", error_model="numpy")
def _attend(product, bias, step_bytes, scale, keys, values, last, scores_, attended_, size):
    """Body of `_attend_head`, with the same arguments. `scores_` and `attended_` are addresses of float32."""
    query, query_bias = float_row(product, size), float_row(bias, size)
    key, key_bias = float_row(product + step_bytes, size), float_row(bias + step_bytes, size)
    value, value_bias = float_row(product + 2 * step_bytes, size), float_row(bias + 2 * step_bytes, size)
    newest_key = short_row(keys + 2 * size * last, size)
    shrink = FLOAT(1.0) / math.sqrt(FLOAT(size))
    for i in range(size):
        query[i] = (query[i] * scale + query_bias[i]) * shrink
    for i in range(size):
        newest_key[i] = half_of_float(key[i] * scale + key_bias[i])
    for i in range(size):
        value[i] = value[i] * scale + value_bias[i]
    _pack(value, values + (size + ROW_CONSTANTS) * last)
    scores, attended = float_row(scores_, last + 1), float_row(attended_, size)
    _scores(query, keys, scores, size)
    total = _softmax(scores)
    _add_rows(values, scores, attended, size)
    for i in range(size):
        attended[i] /= total


def _attend_head(product, bias, step_bytes, scale, keys, values, last, scores, attended, size):
    """Write the newest key and value of a head into the cache, and attend over all that the slot has written.

    product      the query; its key and value follow each after `step_bytes`, and those of the bias too
    keys         [positions, size] float16, of the cache
    values       [positions, size + ROW_CONSTANTS] uint8, of the cache
    last         positions written before
    scores       [last + 1], memory
    attended     [size], written
    """
    if size == USUAL_SIZE:  # loops of a constant length, which the compiler unrolls
        _attend(product, bias, step_bytes, scale, keys, values, last, scores, attended, USUAL_SIZE)
    else:
        _attend(product, bias, step_bytes, scale, keys, values, last, scores, attended, size)


_AT, _FLOAT = types.intp, types.float32
whole_floats = function_for_kernels(_whole_floats, _FLOAT(_AT, _AT, _FLOAT, _AT))
whole_bytes = function_for_kernels(_whole_bytes, _FLOAT(_AT, _AT, _FLOAT, _AT))
norm_row = function_for_kernels(_norm_row, types.void(_AT, _AT, _AT, _FLOAT, _AT, _AT, _AT, _AT))
gelu_row = function_for_kernels(_gelu_row, types.void(_AT, _AT, _FLOAT, _AT))
attend_head = function_for_kernels(_attend_head, types.void(_AT, _AT, _AT, _FLOAT, _AT, _AT, _AT, _AT, _AT, _AT))


@njit(inline="always", error_model="numpy")
def attend_item(call, bias, cached_keys, cached_values, columns, item):
    """`attend_head` for an item, which is slot * heads + head.

    call       has `rows`, `heads`, `positions`, `product`, `values`, `scales`, `num_written` and `scores`
    bias       address of the bias of the product
    cached_*   addresses of a layer of KVCache
    columns    of the product, [rows, 3, heads, head_dim]: queries, keys and values
    """
    size, slot = columns // (3 * call.heads), item // call.heads
    begin = 4 * size * (item % call.heads)
    attend_head(
        call.product + 4 * slot * columns + begin,
        bias + begin,
        4 * size * call.heads,
        float_row(call.scales, call.rows)[slot],
        cached_keys + 2 * size * item * call.positions,
        cached_values + (size + ROW_CONSTANTS) * item * call.positions,
        carray(pointer(call.num_written), call.rows, np.int64)[slot],
        call.scores + 4 * item * call.positions,
        call.values + 4 * size * item,
        size,
    )
