"""Attention of one step as one Triton kernel: each row reads the positions that it has written, and no more.

The same as `masked_attention`, which reads the longest row's span for every row and writes keys and values in launches
of their own. Sums are float32, by the online softmax (Milakov and Gimelshein 2018): one pass over the cache.

Needs Triton, a C compiler for its launchers, and a head size that is a power of two.
"""
# Triton's kernels have no types that Python's checkers know: pointers, and numbers of the compiled program.
# pyright: reportMissingParameterType=false, reportArgumentType=false

import math

import torch
import triton
import triton.language as tl

from app.engine.xtts.decode.attention import Attend

BLOCK_POSITIONS = 64


@triton.jit
def _attend(
    qkv,
    keys,
    values,
    lengths,
    heads_out,
    scale,
    slot_stride,
    head_stride,
    heads: tl.constexpr,
    head_dim: tl.constexpr,
    block: tl.constexpr,
):
    """One program for each row and head. The newest position goes from registers into the sums and into the cache."""
    row, head = tl.program_id(0), tl.program_id(1)
    length = tl.load(lengths + row)
    dims = tl.arange(0, head_dim)
    newest = qkv + row * 3 * heads * head_dim + head * head_dim + dims
    query = tl.load(newest).to(tl.float32) * scale
    key = tl.load(newest + heads * head_dim)
    value = tl.load(newest + 2 * heads * head_dim)
    slot = row.to(tl.int64) * slot_stride + head * head_stride
    tl.store(keys + slot + length * head_dim + dims, key)
    tl.store(values + slot + length * head_dim + dims, value)
    highest = tl.sum(query * key.to(tl.float32), 0)
    weight_sum = 1.0
    weighted = value.to(tl.float32)
    for start in range(0, length, block):
        positions = start + tl.arange(0, block)
        is_written = positions < length
        places = slot + positions[:, None] * head_dim + dims[None, :]
        block_keys = tl.load(keys + places, mask=is_written[:, None], other=0.0).to(tl.float32)
        scores = tl.where(is_written, tl.sum(block_keys * query[None, :], 1), float("-inf"))
        new_highest = tl.maximum(highest, tl.max(scores, 0))
        shrink = tl.exp(highest - new_highest)
        weights = tl.exp(scores - new_highest)
        block_values = tl.load(values + places, mask=is_written[:, None], other=0.0).to(tl.float32)
        weighted = weighted * shrink + tl.sum(block_values * weights[:, None], 0)
        weight_sum = weight_sum * shrink + tl.sum(weights, 0)
        highest = new_highest
    result = heads_out + row * heads * head_dim + head * head_dim + dims
    tl.store(result, (weighted / weight_sum).to(heads_out.dtype.element_ty))


def row_attention(lengths: torch.Tensor, span: int, dtype: torch.dtype) -> Attend:
    """An `Attention`; `span` does not matter, the kernel reads each row's own length."""

    def attend(qkv: torch.Tensor, keys: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
        rows, _, heads, head_dim = qkv.shape
        result = qkv.new_empty(rows, heads, head_dim)
        _attend[(rows, heads)](
            qkv, keys, values, lengths, result,
            1 / math.sqrt(head_dim), keys.stride(0), keys.stride(1),
            heads=heads, head_dim=head_dim, block=BLOCK_POSITIONS,
        )  # fmt: skip
        return result

    return attend
