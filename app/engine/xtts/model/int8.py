"""Products in int8 on a CPU: weights with one scale for each output, activations with one scale for each row.

A row's result is the same to the last bit whatever rows lie beside it. The product of whole numbers is exact, and all
else is arithmetic that rounds each element by itself. Rounding to a scale needs this: where float32 forgives a
difference in the last bit, here the value may become the next whole number, and the codes of a sequence would depend on
its neighbours.

Knows tensors of one layer. Knows nothing of checkpoints.
"""

import functools
from collections.abc import Callable
from typing import NamedTuple

import msgspec
import torch
from torch import nn

ROW_LIMITS = (127, 63)
"""The largest activation, as a whole number: the first that this CPU multiplies exactly. Without VNNI it adds two
products in 16 bits, and of these two only 2 * (63 + 64) * 127 fits."""
WEIGHT_LIMIT = 127
MIN_MAGNITUDE = 1e-30
"""of a row, so that a row of zeros is not divided by 0"""
GELU_BLOCK = 32
"""Elements that torch's GELU computes together: two vectors of AVX-512."""
MAX_SERIAL_ELEMENTS = 1 << 14
"""So many elements, at most, torch's GELU leaves to one thread."""


class QuantizedMatrix(msgspec.Struct, frozen=True):
    """A weight [in, out] as whole numbers: `weight[i, o]` is about `values[o, i] * scales[o]`."""

    values: torch.Tensor
    """[out, in] int8, from -127 to 127"""
    scales: torch.Tensor
    """[out] float32"""


def quantize(weight: torch.Tensor) -> QuantizedMatrix:
    """weight   [in, out] float32"""
    columns = weight.t()
    scales = columns.abs().amax(dim=1).div_(WEIGHT_LIMIT).clamp_(min=MIN_MAGNITUDE)
    return QuantizedMatrix(columns.div(scales[:, None]).round_().to(torch.int8).contiguous(), scales)


Product = Callable[[torch.Tensor], torch.Tensor]
"""[rows, in] whole numbers up to the row limit, in float32, to [rows, out], without scale and bias of the row."""


class QuantizedAffine(nn.Module):
    """x @ weight + bias, with a packed copy of the weight, one byte a value, for int8 instructions of the CPU.

    row_limit   the largest activation, as a whole number; None: that of this CPU
    product     takes the place of torch's products

    Raises RuntimeError where torch has no such products for this CPU (see `find_int8_problem`).
    """

    def __init__(
        self,
        matrix: QuantizedMatrix,
        bias: torch.Tensor,
        *,
        row_limit: int | None = None,
        product: Product | None = None,
    ) -> None:
        super().__init__()
        self.row_limit = row_limit or find_row_limit()
        self.product = product or TorchProduct(matrix, self.row_limit)
        self._limit = torch.tensor(float(self.row_limit))  # a Python number would become a tensor at each call
        self.bias = nn.Parameter(bias, requires_grad=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[rows, in] to [rows, out], float32. A row that is not finite gives one that is not, and harms no other."""
        scale = x.abs().amax(dim=1, keepdim=True).clamp_(min=MIN_MAGNITUDE).div_(self._limit)
        # Rounded here, because the operator rounds the last elements of a block in another way than the others.
        # Not `addcmul`, which may round once or twice, as the compiler chose for each of its loops.
        return self.product(x.div(scale).round_()).mul_(scale).add_(self.bias)


class TorchProduct:
    """torch's operator, with its packed copy of the weight."""

    def __init__(self, matrix: QuantizedMatrix, row_limit: int) -> None:
        self._row_limit = row_limit
        zero_points = torch.zeros(len(matrix.scales), dtype=torch.int64)
        quantized = torch._make_per_channel_quantized_tensor(matrix.values, matrix.scales.double(), zero_points, 0)  # pyright: ignore[reportPrivateImportUsage] - the public way starts from float32
        self._packed = torch.ops.quantized.linear_prepack(quantized, None)
        # The overload's own call looks through its arguments for what only Python could dispatch: 10 us each time.
        self._operator = torch.ops.quantized.linear_with_input_q_dq_qweight_dq_output_fp32.default._op

    def __call__(self, whole: torch.Tensor) -> torch.Tensor:
        return self._operator(whole, 1.0, self._row_limit + 1, self._packed)  # it wants activations above 0


class QuantizedFeedForward(nn.Module):
    def __init__(self, c_fc: QuantizedAffine, c_proj: QuantizedAffine) -> None:
        super().__init__()
        self.c_fc = c_fc
        self.c_proj = c_proj

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.c_proj(gelu_(self.c_fc(x)))


class Int8Layer(NamedTuple):
    norm_1: nn.LayerNorm
    c_attn: QuantizedAffine
    attn_proj: QuantizedAffine
    norm_2: nn.LayerNorm
    c_fc: QuantizedAffine
    mlp_proj: QuantizedAffine


def gelu_(x: torch.Tensor) -> torch.Tensor:
    """GELU as GPT-2 has it, in place, with the same bits for a row whatever rows lie beside it.

    torch computes elements in blocks, and by another formula those that fill no block at the end of a thread's part.
    Where the parts of the threads would not be whole blocks, the rows are given to one thread, some at a time.

    x   [rows, width], the width a multiple of GELU_BLOCK
    """
    are_whole_blocks = x.numel() % (GELU_BLOCK * torch.get_num_threads()) == 0
    for part in x.split(len(x) if are_whole_blocks else max(1, MAX_SERIAL_ELEMENTS // x.shape[1])):
        torch.ops.aten.gelu_(part, approximate="tanh")
    return x


def find_int8_problem() -> str | None:
    """Why this process cannot compute in int8; None where it can."""
    return probe().problem


def find_row_limit() -> int:
    """The one of ROW_LIMITS for this CPU. Raises RuntimeError where there is none."""
    found = probe()
    if found.problem is not None:
        raise RuntimeError(found.problem)
    return found.row_limit


class Probe(msgspec.Struct, frozen=True):
    row_limit: int = 0
    problem: str | None = None


@functools.cache
def probe() -> Probe:
    """Multiply once, with the largest sums that may occur, and see which are exact."""
    rows, size = 3, 64
    signs = torch.where(torch.arange(size * size).view(size, size) % 3 == 0, -1.0, 1.0)
    x = torch.where(torch.arange(rows * size).view(rows, size) % 5 == 0, -1.0, 1.0)
    matrix, bias = quantize(signs), torch.zeros(size)
    for row_limit in ROW_LIMITS:
        try:
            ours = QuantizedAffine(matrix, bias, row_limit=row_limit)(x)
        except (RuntimeError, AttributeError) as error:  # an operator that is missing, or has no kernel for this CPU
            reason = str(error).splitlines()[0]
            return Probe(problem=f"torch {torch.__version__} has no int8 products for this CPU ({reason})")
        if torch.allclose(ours, x @ signs, atol=1e-3, rtol=0):
            return Probe(row_limit)
    return Probe(problem=f"the int8 products of torch {torch.__version__} are wrong on this CPU")
