"""The layers of a decoder in int8 on a CPU with AMX: a step is one call of a kernel.

Importing this module raises ImportError where there is no AMX, or no numba.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from app.engine.xtts.model.int8 import Int8Layer, QuantizedAffine, QuantizedMatrix
from app.engine.xtts.model.int8_tiles import (
    ATTEND,
    BLOCK,
    DEPTH,
    GAP_BYTES,
    LAYER,
    NUM_STAGES,
    PRODUCT,
    REST,
    SCRATCH_BYTES,
    STEP,
    run_product,
    run_stages,
)
from app.engine.xtts.model.kv_cache import KVCache
from app.engine.xtts.model.prompt import Attend
from app.engine.xtts.model.tiles import CONFIG

LINE = 64
"""Size of a cache line, in bytes. Tiles are loaded fastest from multiples of it."""


class TileProduct:
    """Products of AMX, with a copy of a weight in the order of tiles. The weight must have whole tiles."""

    def __init__(self, matrix: QuantizedMatrix) -> None:
        outs, ins = matrix.values.shape
        # [block, tile, out, depth, four ins] to [block, depth, tile, four ins of each out]
        parts = matrix.values.view(outs // BLOCK, 2, 16, ins // DEPTH, 16, 4)
        self._weights = empty_lines(outs * ins).view(outs // BLOCK, ins // DEPTH, 2, 16, 16, 4)
        self._weights.copy_(parts.permute(0, 3, 1, 4, 2, 5))
        self._scales = matrix.scales
        self._shape = outs, ins

    @staticmethod
    def has_whole_tiles(matrix: QuantizedMatrix) -> bool:
        outs, ins = matrix.values.shape
        return outs % BLOCK == 0 and ins % DEPTH == 0

    @property
    def fields(self) -> tuple[int, int, int, int, int]:
        """As in MATRIX, without bias."""
        outs, ins = self._shape
        return self._weights.data_ptr(), self._scales.data_ptr(), 0, ins, outs

    def __call__(self, whole: torch.Tensor) -> torch.Tensor:
        outs, ins = self._shape
        rows, num_threads = len(whole), torch.get_num_threads()
        product, rounded = torch.empty(rows, outs), empty_whole(rows, ins)
        rounded[:rows, :ins] = whole
        scratch = empty_lines(num_threads * SCRATCH_BYTES)
        call = np.zeros(1, PRODUCT)
        addresses = rounded.data_ptr(), product.data_ptr(), scratch.data_ptr(), CONFIG.ctypes.data
        call[0] = self.fields, rows, *addresses
        run_product.run(call.ctypes.data, num_threads=num_threads)
        return product


class TileBody:
    """Keeps memory for the largest number of rows so far. Used by one thread at a time. Methods as `Int8Body`."""

    def __init__(self, layers: Sequence[Int8Layer], num_heads: int) -> None:
        self._layers = layers  # kept, because the kernel reads their tensors
        self._channels = len(layers[0].norm_1.weight)
        self._fields = np.zeros(len(layers), LAYER)
        for fields, layer in zip(self._fields, layers, strict=True):
            for name in MATRICES:
                fields[name] = _matrix_of(getattr(layer, name))
            for name in ("norm_1", "norm_2"):
                norm = getattr(layer, name)
                fields[f"{name}_weight"], fields[f"{name}_bias"] = norm.weight.data_ptr(), norm.bias.data_ptr()
        self._step = np.zeros(1, STEP)
        self._set(
            channels=self._channels,
            heads=num_heads,
            limit=layers[0].c_attn.row_limit,
            layers=self._fields.ctypes.data,
            config=CONFIG.ctypes.data,
        )
        self._num_heads = num_heads
        self._reserve(1, 1)

    def decode(self, x: torch.Tensor, cache: KVCache, num_positions: torch.Tensor) -> torch.Tensor:
        """One step: x, [slots, channels] float32 of each slot's newest position, to the same behind all layers.

        cache           with keys in float16 and values in one byte each; the position after the written ones is written
        num_positions   [slots] int64, cache positions that each slot has written before this step
        """
        numbers = np.arange(len(self._layers))
        self._fields["cached_keys"] = cache.keys.data_ptr() + numbers * cache.keys.stride(0) * cache.keys.itemsize
        self._fields["cached_values"] = cache.values.data_ptr() + numbers * cache.values.stride(0)
        scores = torch.empty(len(x) * self._num_heads * cache.positions)
        self._begin(x)
        self._set(positions=cache.positions, num_written=num_positions.data_ptr(), scores=scores.data_ptr())
        self._run(0, NUM_STAGES * len(self._layers))
        return self._end(len(x))

    def prefill(self, x: torch.Tensor, attend: Attend) -> torch.Tensor:
        """x, [positions, channels] float32, to the same behind all layers.

        attend   called for each layer with its number and with queries, keys and values, [positions, 3 * channels]
        """
        rows = len(x)
        self._begin(x)
        for index, layer in enumerate(self._layers):
            first = index * NUM_STAGES
            self._run(first, first + ATTEND)
            product = self._product[: rows * 3 * self._channels].view(rows, -1)
            qkv = product.mul_(self._scales[:rows, None]).add_(layer.c_attn.bias)
            self._values[:rows] = attend(index, qkv)
            self._run(first + REST, first + NUM_STAGES)
        return self._end(rows)

    def _begin(self, x: torch.Tensor) -> None:
        rows, num_threads = len(x), torch.get_num_threads()
        if rows > len(self._residual) or num_threads * SCRATCH_BYTES > len(self._scratch):
            self._reserve(rows, num_threads)
        self._residual[:rows] = x
        self._set(rows=rows)

    def _run(self, first: int, last: int) -> None:
        self._set(first=first, last=last)
        run_stages.run(self._step.ctypes.data, num_threads=torch.get_num_threads())

    def _end(self, rows: int) -> torch.Tensor:
        product = self._product[: rows * self._channels].view(rows, -1)
        return self._residual[:rows].add(product.mul_(self._scales[:rows, None]).add_(self._layers[-1].mlp_proj.bias))

    @torch.inference_mode(False)  # else a later call outside of it could not write
    def _reserve(self, rows: int, num_threads: int) -> None:
        self._residual = torch.empty(rows, self._channels)
        self._values = torch.empty(rows, self._channels)
        self._product = torch.empty(rows * 4 * self._channels)
        self._whole = empty_whole(rows, 4 * self._channels)
        self._scales = torch.empty(rows)
        self._scratch = empty_lines(num_threads * SCRATCH_BYTES)
        for name in ("residual", "values", "product", "whole", "scales", "scratch"):
            self._set(**{name: getattr(self, f"_{name}").data_ptr()})

    def _set(self, **fields: Any) -> None:
        for name, value in fields.items():
            self._step[name] = value


MATRICES = ("c_attn", "attn_proj", "c_fc", "mlp_proj")


def empty_lines(count: int) -> torch.Tensor:
    """[count] int8, at a multiple of LINE."""
    memory = torch.empty(count + LINE, dtype=torch.int8)
    start = -memory.data_ptr() % LINE
    return memory[start : start + count]


def empty_whole(rows: int, columns: int) -> torch.Tensor:
    """Memory for whole numbers: [rows up to a multiple of BLOCK, columns + GAP_BYTES] int8."""
    rows = -(-rows // BLOCK) * BLOCK
    return empty_lines(rows * (columns + GAP_BYTES)).view(rows, columns + GAP_BYTES)


def _matrix_of(affine: QuantizedAffine) -> tuple[int, int, int, int, int]:
    assert isinstance(affine.product, TileProduct)
    weights, scales, _, ins, outs = affine.product.fields
    return weights, scales, affine.bias.data_ptr(), ins, outs
