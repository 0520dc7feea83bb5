"""The kernel that runs a list of operations: copies, convolutions in bfloat16 on AMX, and the last convolution.

Rows of memory are columns of a piece, with channels innermost. Each value is the same to the bit, however many columns
are computed together and on however many threads: its products are added up in one order.
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
    byte_row,
    float_row,
    num_threads,
    pointer,
    thread_number,
    wait_for_threads,
)
from app.engine.xtts.model.tiles import (
    add_46_to_0,
    add_47_to_1,
    add_56_to_2,
    add_57_to_3,
    bits_of_float,
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
"""Columns, and outputs, that are computed together: two tiles each."""
SCRATCH_BYTES = BLOCK * BLOCK * 4
"""Memory of one thread, for the float32 sums of BLOCK columns and BLOCK outputs."""
COPY, CLEAR, CONVOLVE, FINISH = range(4)
"""Kinds of operations."""
SET, ADD, LAST = 1, 2, 3
"""`summing` of an operation writes the first summand of a sum over branches, adds another one, or adds the last one and
passes the mean on."""

OPERATION = np.dtype(
    [
        *(
            (name, np.int64)
            for name in (
                "kind", "waits", "num_bytes", "columns", "row_bytes", "blocks", "taps", "dilation", "outputs",
                "summing",
            )
        ),
        *(
            (name, np.uintp)
            for name in ("source", "target", "weights", "bias", "residual", "sum", "activated")
        ),
        ("slope", np.float32),
        ("share", np.float32),
    ]
)  # fmt: skip
"""One operation: numbers, and addresses, 0 for what is not there.

waits        1: the next operation needs this one, or those before it
num_bytes    COPY from `source` to `target`; CLEAR at `target`
columns      to be computed
row_bytes    between two columns of the input
blocks       of BLOCK channels in a column of the input; for FINISH all values that one sample is made of
outputs      of a column, a multiple of BLOCK
source       the input at the first tap of the first column: in bfloat16, for FINISH in float32
weights      as `pack` has them; for FINISH [values] float32
bias         [outputs] float32
residual     [columns, outputs] float32, added
sum          [columns, outputs] float32, as `summing` says; the last summand is added to it and multiplied by `share`
target       [columns, outputs] float32, written
activated    [columns, outputs] bfloat16, written: the same behind a leaky ReLU of `slope`
"""

CALL = np.dtype([("operations", np.uintp), ("count", np.int64), ("config", np.uintp), ("scratch", np.uintp)])


@njit(inline="always", error_model="numpy")
def _short_row(address, count):
    return carray(pointer(address), count, np.uint16)


@njit(inline="always", error_model="numpy")
def _to_bfloat16(value):
    """The nearest one, to even; by whole numbers, because compilers do not make vectors of the CPU's instruction."""
    bits = bits_of_float(value)
    return np.uint16((bits + np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))) >> np.uint32(16))


@njit(**OPTIONS)
def _multiply(operation, block, column, scratch):
    """Write the sums of BLOCK columns for BLOCK outputs."""
    row_bytes, blocks, taps = operation.row_bytes, operation.blocks, operation.taps
    clear_0()
    clear_1()
    clear_2()
    clear_3()
    weights = operation.weights + block * taps * blocks * 2048
    for tap in range(taps):
        source = operation.source + (column + tap * operation.dilation) * row_bytes
        for _ in range(blocks):
            load_4(source, row_bytes)
            load_6(weights, 64)
            add_46_to_0()
            load_7(weights + 1024, 64)
            add_47_to_1()
            load_5(source + 16 * row_bytes, row_bytes)
            add_56_to_2()
            add_57_to_3()
            source += 64
            weights += 2048
    store_0(scratch, 128)
    store_1(scratch + 64, 128)
    store_2(scratch + 2048, 128)
    store_3(scratch + 2112, 128)


@njit(**OPTIONS)
def _hand_on(operation, block, column, scratch):
    """Add what is to be added to the sums of a block, and write them where they are needed."""
    bias = float_row(operation.bias + 4 * BLOCK * block, BLOCK)
    slope, share, summing = operation.slope, operation.share, operation.summing
    for row in range(min(BLOCK, operation.columns - column)):
        place = (column + row) * operation.outputs + block * BLOCK
        values = float_row(scratch + 4 * BLOCK * row, BLOCK)
        for i in range(BLOCK):
            values[i] += bias[i]
        if operation.residual != 0:
            residual = float_row(operation.residual + 4 * place, BLOCK)
            for i in range(BLOCK):
                values[i] += residual[i]
        if summing != 0:
            sums = float_row(operation.sum + 4 * place, BLOCK)
            if summing == SET:
                for i in range(BLOCK):
                    sums[i] = values[i]
            elif summing == ADD:
                for i in range(BLOCK):
                    sums[i] += values[i]
            else:
                for i in range(BLOCK):
                    values[i] = (values[i] + sums[i]) * share
        if operation.target != 0:
            target = float_row(operation.target + 4 * place, BLOCK)
            for i in range(BLOCK):
                target[i] = values[i]
        if operation.activated != 0:
            activated = _short_row(operation.activated + 2 * place, BLOCK)
            for i in range(BLOCK):
                activated[i] = _to_bfloat16(max(values[i], values[i] * slope))


@njit(**OPTIONS)
def _convolve(operation, scratch, thread, threads):
    """Threads share the columns, or the outputs where there are few columns."""
    num_blocks, num_columns = operation.outputs // BLOCK, (operation.columns + BLOCK - 1) // BLOCK
    first_block, last_block, first, last = 0, num_blocks, 0, num_columns
    if num_columns >= 4 * threads or num_columns >= num_blocks:
        first, last = num_columns * thread // threads, num_columns * (thread + 1) // threads
    else:
        first_block, last_block = num_blocks * thread // threads, num_blocks * (thread + 1) // threads
    for block in range(first_block, last_block):
        for column in range(first, last):
            _multiply(operation, block, BLOCK * column, scratch)
            _hand_on(operation, block, BLOCK * column, scratch)


@njit(**OPTIONS)
def _finish(operation, thread, threads):
    """One value for each column, from `blocks` values that begin there, behind a leaky ReLU."""
    count, slope = operation.blocks, operation.slope
    weights = float_row(operation.weights, count)
    bias = float_row(operation.bias, 1)[0]
    target = float_row(operation.target, operation.columns)
    for column in range(operation.columns * thread // threads, operation.columns * (thread + 1) // threads):
        values = float_row(operation.source + column * operation.row_bytes, count)
        total = FLOAT(0.0)
        for i in range(count):
            total += max(values[i], values[i] * slope) * weights[i]
        target[column] = total + bias


@njit(**OPTIONS)
def _copy(operation):
    source, target = byte_row(operation.source, operation.num_bytes), byte_row(operation.target, operation.num_bytes)
    for i in range(operation.num_bytes):
        target[i] = source[i]


@njit(**OPTIONS)
def _clear(operation):
    target = byte_row(operation.target, operation.num_bytes)
    for i in range(operation.num_bytes):
        target[i] = 0


def _run(address):
    call = carray(address, 1, CALL)[0]
    operations = carray(pointer(call.operations), call.count, OPERATION)
    thread, threads = thread_number(), num_threads()
    scratch = call.scratch + thread * SCRATCH_BYTES
    configure_tiles(call.config)
    for number in range(call.count):
        operation = operations[number]
        if operation.kind == CONVOLVE:
            _convolve(operation, scratch, thread, threads)
        elif operation.kind == FINISH:
            _finish(operation, thread, threads)
        elif number % threads == thread:
            if operation.kind == COPY:
                _copy(operation)
            else:
                _clear(operation)
        if operation.waits != 0 and threads > 1:
            wait_for_threads()
    release_tiles()


run_operations = Kernel(_run)
