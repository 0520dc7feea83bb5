"""The layers of a decoder in int8, with compiled kernels between the products: a step makes nine calls a layer."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from app.engine.xtts.model.compiled import Kernel
from app.engine.xtts.model.int8 import Int8Layer
from app.engine.xtts.model.int8_kernels import CALL, attention, gelu, make_whole, norm
from app.engine.xtts.model.kv_cache import KVCache
from app.engine.xtts.model.prompt import Attend

FEW_ELEMENTS = 1 << 15
"""Up to so many elements, one thread is done before a second one has begun."""


class Int8Body:
    """Keeps memory for the largest number of rows so far. Used by one thread at a time."""

    def __init__(self, layers: Sequence[Int8Layer], num_heads: int) -> None:
        self._layers = layers
        self._num_heads = num_heads
        self._channels = len(layers[0].norm_1.weight)
        count, channels = len(layers), self._channels
        self._norms_1 = _Calls(norm, count, columns=channels)
        self._attentions = _Calls(attention, count, columns=3 * channels, heads=num_heads)
        self._wholes = _Calls(make_whole, count, columns=channels)
        self._norms_2 = _Calls(norm, count, columns=channels)
        self._gelus = _Calls(gelu, count, columns=4 * channels)
        self._all = (self._norms_1, self._attentions, self._wholes, self._norms_2, self._gelus)
        for index, layer in enumerate(layers):
            before = layers[index - 1]
            self._norms_1.set(
                index,
                bias=before.mlp_proj.bias,
                norm_weight=layer.norm_1.weight,
                norm_bias=layer.norm_1.bias,
            )
            self._attentions.set(index, bias=layer.c_attn.bias)
            self._norms_2.set(
                index,
                bias=layer.attn_proj.bias,
                norm_weight=layer.norm_2.weight,
                norm_bias=layer.norm_2.bias,
            )
            self._gelus.set(index, bias=layer.c_fc.bias)
        for calls in self._all:
            calls.set_all(limit=layers[0].c_attn.row_limit)
        self._reserve(1)

    def decode(self, x: torch.Tensor, cache: KVCache, num_positions: torch.Tensor) -> torch.Tensor:
        """One step: x, [slots, channels] of the newest position of the first slots, to the same behind all layers.

        num_positions   [slots] int64, cache positions that each slot has written before this step
        """
        layers = np.arange(len(self._layers))
        scores = torch.empty(len(x) * self._num_heads * cache.positions)
        self._attentions.set_all(
            positions=cache.positions,
            num_written=num_positions,
            cached_keys=cache.keys.data_ptr() + layers * cache.keys.stride(0) * cache.keys.itemsize,
            cached_values=cache.values.data_ptr() + layers * cache.values.stride(0) * cache.values.itemsize,
            scores=scores,
        )

        def attend(index: int, product: torch.Tensor) -> None:
            self._attentions.run(index, product, num_threads=torch.get_num_threads())

        return self._run(x, attend)

    def prefill(self, x: torch.Tensor, attend: Attend) -> torch.Tensor:
        """x, [positions, channels], to the same behind all layers."""

        def attend_here(index: int, product: torch.Tensor) -> None:
            rows = len(product)
            qkv = product.mul_(self._scales[:rows, None]).add_(self._layers[index].c_attn.bias)
            self._values[:rows] = attend(index, qkv)

        return self._run(x, attend_here)

    def _run(self, x: torch.Tensor, attend: Callable[[int, torch.Tensor], None]) -> torch.Tensor:
        rows, channels = x.shape
        if rows > len(self._residual):
            self._reserve(rows)
        for calls in self._all:
            calls.set_all(rows=rows)
        residual = self._residual[:rows].copy_(x)
        narrow = self._whole[: rows * channels].view(rows, channels)
        wide = self._whole[: rows * 4 * channels].view(rows, 4 * channels)
        few, many = _num_threads(rows * channels), _num_threads(rows * 4 * channels)
        product: torch.Tensor | None = None
        for index, layer in enumerate(self._layers):
            self._norms_1.run(index, product, num_threads=few)
            attend(index, layer.c_attn.product(narrow))
            self._wholes.run(index, None, num_threads=few)
            self._norms_2.run(index, layer.attn_proj.product(narrow), num_threads=few)
            self._gelus.run(index, layer.c_fc.product(narrow), num_threads=many)
            product = layer.mlp_proj.product(wide)
        assert product is not None
        return residual.add_(product.mul_(self._scales[:rows, None]).add_(self._layers[-1].mlp_proj.bias))

    @torch.inference_mode(False)  # else a later call outside of it could not write
    def _reserve(self, rows: int) -> None:
        self._residual = torch.empty(rows, self._channels)
        self._values = torch.empty(rows, self._channels)
        self._whole = torch.empty(rows * 4 * self._channels)
        self._scales = torch.empty(rows)
        for calls in self._all:
            calls.set_all(residual=self._residual, values=self._values, whole=self._whole, scales=self._scales)


def _num_threads(elements: int) -> int:
    return 1 if elements <= FEW_ELEMENTS else torch.get_num_threads()


class _Calls:
    """Calls of one kernel, one for each layer. The tensors must live as long."""

    def __init__(self, kernel: Kernel, count: int, **fields: int) -> None:
        self._kernel = kernel
        self._calls = np.zeros(count, CALL)
        self._products = self._calls["product"]
        first = self._calls.ctypes.data
        self._addresses = [first + index * CALL.itemsize for index in range(count)]
        self.set_all(**fields)

    def set_all(self, **fields: Any) -> None:
        """Numbers, arrays of them, or tensors, which stand for their addresses."""
        for name, value in fields.items():
            self._calls[name] = value.data_ptr() if isinstance(value, torch.Tensor) else value

    def set(self, index: int, **fields: torch.Tensor) -> None:
        for name, value in fields.items():
            assert value.is_contiguous() and value.dtype == torch.float32
            self._calls[name][index] = value.data_ptr()

    def run(self, index: int, product: torch.Tensor | None, *, num_threads: int) -> None:
        self._products[index] = 0 if product is None else product.data_ptr()
        self._kernel.run(self._addresses[index], num_threads=num_threads)
