"""A step of the layers in int8 as one kernel, with products of AMX; and such products alone.

The rows between the products are made by the functions of int8_rows.py, as without AMX, and sums of whole numbers are
exact: a row has the same bits on any number of threads and beside any other rows.
"""

# The compiled functions are typed by numba, from addresses.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportMissingTypeStubs=false, reportUntypedFunctionDecorator=false, reportUnknownParameterType=false
# pyright: reportMissingParameterType=false, reportPrivateImportUsage=false, reportCallIssue=false

import numpy as np
from numba import carray, njit

from app.engine.xtts.model.compiled import (
    FLOAT,
    OPTIONS,
    Kernel,
    float_row,
    int_row,
    num_threads,
    pointer,
    prefetch,
    thread_number,
    wait_for_threads,
)
from app.engine.xtts.model.int8_rows import attend_item, gelu_row, norm_row, whole_bytes
from app.engine.xtts.model.tiles import (
    add_whole_46_to_0,
    add_whole_47_to_1,
    add_whole_56_to_2,
    add_whole_57_to_3,
    clear_0,
    clear_1,
    clear_2,
    clear_3,
    configure_tiles,
    load_4,
    load_5,
    load_6,
    load_7,
    release_tiles,
    store_0,
    store_1,
    store_2,
    store_3,
)

BLOCK = 32
"""Rows, and outputs, that are computed together: two tiles each."""
DEPTH = 64
"""Inputs of a tile."""
GAP_BYTES = 64
"""Behind each row of whole numbers: rows of 4096 bytes would share a few lines of the cache."""
SCRATCH_BYTES = BLOCK * BLOCK * 4
"""Memory of one thread, for the int32 sums of BLOCK rows and BLOCK outputs."""
AHEAD_BYTES = 4096
"""Weights are prefetched so far ahead."""
NORM_AND_QKV, ATTEND, REST = range(3)
"""Stages of a layer: layer norm and the product for queries, keys and values; attention; all that follows."""
NUM_STAGES = 3

MATRIX = np.dtype(
    [("weights", np.uintp), ("scales", np.uintp), ("bias", np.uintp), ("ins", np.int64), ("outs", np.int64)]
)
"""Weights as `pack` has them; scales and bias [outs] float32."""

LAYER = np.dtype(
    [
        *((name, MATRIX) for name in ("c_attn", "attn_proj", "c_fc", "mlp_proj")),
        *((name, np.uintp) for name in ("norm_1_weight", "norm_1_bias", "norm_2_weight", "norm_2_bias")),
        ("cached_keys", np.uintp),
        ("cached_values", np.uintp),
    ]
)

STEP = np.dtype(
    [
        *((name, np.int64) for name in ("rows", "channels", "heads", "positions", "limit", "first", "last")),
        *(
            (name, np.uintp)
            for name in (
                "layers", "residual", "product", "values", "whole", "scales", "num_written", "scores", "scratch",
                "config",
            )
        ),
    ]
)  # fmt: skip
"""Arguments of `run_stages`: numbers, and addresses.

limit          largest whole number
first, last    stages to run, counted through all layers; `last` is not run
layers         array of LAYER, one element for each layer
residual       [rows, channels] float32, read and written; without the product of the last stage
product        [rows, 4 * channels] float32, without scale and bias of the row
values         [rows, channels] float32, read by REST
whole          [rows up to a multiple of BLOCK, 4 * channels + GAP_BYTES] int8
scales         [rows] float32
num_written    [rows] int64, cache positions written before this step
scores         [rows, heads, positions] float32
scratch        SCRATCH_BYTES for each thread
"""

PRODUCT = np.dtype(
    [
        ("matrix", MATRIX),
        ("rows", np.int64),
        *((name, np.uintp) for name in ("whole", "product", "scratch", "config")),
    ]
)


@njit(**OPTIONS)
def _multiply_few(weights, whole, row_bytes, count, scratch):
    """Up to 16 rows with a block of outputs."""
    clear_0()
    clear_1()
    for _ in range(count):
        for line in range(0, 2048, 64):
            prefetch(weights + AHEAD_BYTES + line)
        load_4(whole, row_bytes)
        load_6(weights, 64)
        add_whole_46_to_0()
        load_7(weights + 1024, 64)
        add_whole_47_to_1()
        whole += DEPTH
        weights += 2048
    store_0(scratch, 128)
    store_1(scratch + 64, 128)


@njit(**OPTIONS)
def _multiply_block(weights, whole, row_bytes, count, scratch):
    """BLOCK rows with a block of outputs."""
    clear_0()
    clear_1()
    clear_2()
    clear_3()
    for _ in range(count):
        for line in range(0, 2048, 64):
            prefetch(weights + AHEAD_BYTES + line)
        load_4(whole, row_bytes)
        load_6(weights, 64)
        add_whole_46_to_0()
        load_7(weights + 1024, 64)
        add_whole_47_to_1()
        load_5(whole + 16 * row_bytes, row_bytes)
        add_whole_56_to_2()
        add_whole_57_to_3()
        whole += DEPTH
        weights += 2048
    store_0(scratch, 128)
    store_1(scratch + 64, 128)
    store_2(scratch + 2048, 128)
    store_3(scratch + 2112, 128)


@njit(**OPTIONS)
def _multiply(matrix, rows, whole, product, scratch, thread, threads):
    """Write the product of all rows. Threads share the outputs, so that each weight is read once."""
    blocks, count, row_bytes = matrix.outs // BLOCK, matrix.ins // DEPTH, matrix.ins + GAP_BYTES
    for block in range(blocks * thread // threads, blocks * (thread + 1) // threads):
        weights = matrix.weights + block * count * 2048
        scales = float_row(matrix.scales + 4 * BLOCK * block, BLOCK)
        for first in range(0, rows, BLOCK):
            if rows - first <= BLOCK // 2:
                _multiply_few(weights, whole + first * row_bytes, row_bytes, count, scratch)
            else:
                _multiply_block(weights, whole + first * row_bytes, row_bytes, count, scratch)
            for row in range(min(BLOCK, rows - first)):
                sums = int_row(scratch + 4 * BLOCK * row, BLOCK)
                target = float_row(product + 4 * ((first + row) * matrix.outs + BLOCK * block), BLOCK)
                for i in range(BLOCK):
                    target[i] = FLOAT(sums[i]) * scales[i]


@njit(**OPTIONS)
def _make_whole(step, values, row, columns):
    """Write a row of whole numbers, from values that begin at an address."""
    whole = step.whole + row * (columns + GAP_BYTES)
    float_row(step.scales, step.rows)[row] = whole_bytes(values, whole, FLOAT(step.limit), columns)


@njit(**OPTIONS)
def _norm(step, product_bias, has_product, weight, bias, thread, threads):
    columns, scales = step.channels, float_row(step.scales, step.rows)
    for row in range(thread, step.rows, threads):
        begin = 4 * row * columns
        normed = step.product + begin
        product = normed if has_product else 0
        norm_row(step.residual + begin, product, product_bias, scales[row], weight, bias, normed, columns)
        _make_whole(step, normed, row, columns)


@njit(**OPTIONS)
def _attend(step, layer, thread, threads):
    for item in range(thread, step.rows * step.heads, threads):
        attend_item(step, layer.c_attn.bias, layer.cached_keys, layer.cached_values, layer.c_attn.outs, item)


@njit(**OPTIONS)
def _rest(step, layer, scratch, thread, threads):
    """Run a layer from the output of its attention to its last product."""
    channels = step.channels
    for row in range(thread, step.rows, threads):
        _make_whole(step, step.values + 4 * row * channels, row, channels)
    wait_for_threads()
    _multiply(layer.attn_proj, step.rows, step.whole, step.product, scratch, thread, threads)
    wait_for_threads()
    _norm(step, layer.attn_proj.bias, True, layer.norm_2_weight, layer.norm_2_bias, thread, threads)
    wait_for_threads()
    _multiply(layer.c_fc, step.rows, step.whole, step.product, scratch, thread, threads)
    wait_for_threads()
    columns = 4 * channels
    scales = float_row(step.scales, step.rows)
    for row in range(thread, step.rows, threads):
        product = step.product + 4 * row * columns
        gelu_row(product, layer.c_fc.bias, scales[row], columns)
        _make_whole(step, product, row, columns)
    wait_for_threads()
    _multiply(layer.mlp_proj, step.rows, step.whole, step.product, scratch, thread, threads)


def _run_stages(address):
    step = carray(address, 1, STEP)[0]
    thread, threads = thread_number(), num_threads()
    scratch = step.scratch + thread * SCRATCH_BYTES
    layers = carray(pointer(step.layers), (step.last + NUM_STAGES - 1) // NUM_STAGES, LAYER)
    configure_tiles(step.config)
    for stage in range(step.first, step.last):
        number = stage // NUM_STAGES
        layer = layers[number]
        if stage % NUM_STAGES == NORM_AND_QKV:
            bias = layers[max(number - 1, 0)].mlp_proj.bias
            _norm(step, bias, number > 0, layer.norm_1_weight, layer.norm_1_bias, thread, threads)
            wait_for_threads()
            _multiply(layer.c_attn, step.rows, step.whole, step.product, scratch, thread, threads)
        elif stage % NUM_STAGES == ATTEND:
            _attend(step, layer, thread, threads)
        else:
            _rest(step, layer, scratch, thread, threads)
        wait_for_threads()
    release_tiles()


def _run_product(address):
    call = carray(address, 1, PRODUCT)[0]
    thread, threads = thread_number(), num_threads()
    configure_tiles(call.config)
    _multiply(call.matrix, call.rows, call.whole, call.product, call.scratch + thread * SCRATCH_BYTES, thread, threads)
    release_tiles()


run_stages, run_product = Kernel(_run_stages), Kernel(_run_product)
