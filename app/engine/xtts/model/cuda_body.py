"""The body in float16 on a GPU: kernels of our own around the products, for steps and for prompts.

Products of up to 16 rows are kernels too, because they only read weights: torch's take longer by a quarter at one row
and by a tenth at 8 and 16, and less with more. Importing this module raises ImportError where `cuda_kernels` does.
"""

from collections.abc import Sequence
from importlib.resources import files
from typing import NamedTuple

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own name for it
from torch import nn

from app.engine.xtts.device.cuda_kernels import CudaKernels
from app.engine.xtts.model.kv_cache import KVCache
from app.engine.xtts.model.layers import Affine
from app.engine.xtts.model.prompt import Attend

THREADS = 256
WARPS = THREADS // 32
FEW_ROWS = (1, 2, 4)
"""Numbers of rows for which products with norms are compiled."""
TILE_ROWS = (8, 16)
"""Numbers of rows for which products by tensor cores are compiled."""
TILE_CHANNELS = 256
"""Products by tensor cores need a multiple of so many channels."""
TILE_COLUMNS = 16
"""Columns that a block of theirs computes."""
MAX_FEW_ROWS = FEW_ROWS[-1]
ATTENTION_THREADS = ((8, 512), (32, 256), (1 << 30, 128))
"""(up to so many rows, threads of a block): with few rows a block is alone on its part of the GPU."""
HEAD_DIMS = (8, 16, 32, 64, 128, 256)
OUTPUTS = {"attn_in": 2, "attn_out": 1, "mlp_in": 2, "mlp_out": 1}
"""Product -> columns that a warp computes, as in `kernels/few_rows.cu`."""
KERNELS = (
    *(f"attend_{threads}" for _, threads in ATTENTION_THREADS),
    *("write_rows", "embed", "add_and_norm", "add_and_norm_twice"),
    *(f"{name}_{rows}" for name in OUTPUTS for rows in FEW_ROWS),
)
TILE_KERNELS = tuple(f"{name}_{rows}" for name in OUTPUTS for rows in TILE_ROWS)
SOURCES = ("numbers", "attention", "norms", "few_rows", "tiles")
"""Files of `kernels`, in the order in which they need each other."""


def read_source() -> str:
    folder = files("app.engine.xtts.model").joinpath("kernels")
    return "\n".join(folder.joinpath(f"{name}.cu").read_text() for name in SOURCES)


class CudaLayer(NamedTuple):
    ln_1: nn.LayerNorm
    c_attn: Affine
    attn_proj: Affine
    ln_2: nn.LayerNorm
    c_fc: Affine
    mlp_proj: Affine


class CudaBody:
    """Raises RuntimeError for sizes that the kernels cannot have, and where they cannot be compiled.

    Changes the order of the layers' weights in memory, not their values.
    """

    def __init__(self, layers: Sequence[CudaLayer], num_heads: int) -> None:
        self._layers = layers
        self._num_heads = num_heads
        self._channels = len(layers[0].ln_1.weight)
        head_dim = self._channels // num_heads
        if head_dim not in HEAD_DIMS:
            raise RuntimeError(f"heads of {head_dim} channels are not among {HEAD_DIMS}")
        defines = {"CHANNELS": self._channels, "HEAD_DIM": head_dim}
        self._has_tiles = self._channels % TILE_CHANNELS == 0
        names = (*KERNELS, *TILE_KERNELS) if self._has_tiles else KERNELS
        self._kernels = CudaKernels(read_source(), defines, names, layers[0].ln_1.weight.device)
        for layer in layers:
            for affine in (layer.c_attn, layer.attn_proj, layer.c_fc, layer.mlp_proj):
                # [in, out] in the order of [out, in]: a warp reads whole columns.
                affine.weight.data = affine.weight.data.T.contiguous().T

    def embed(
        self, codes: torch.Tensor, places: torch.Tensor, code_table: torch.Tensor, place_table: torch.Tensor
    ) -> torch.Tensor:
        """[rows, channels] float32: the sums of rows of two tables, [..., channels]. codes, places: [rows] int64."""
        x = code_table.new_empty(len(codes), self._channels)
        self._launch("embed", len(codes), codes, places, code_table, place_table, x)
        return x

    def decode(
        self,
        x: torch.Tensor,
        cache: KVCache,
        num_positions: torch.Tensor,
        *norms: nn.LayerNorm,
    ) -> torch.Tensor:
        """One step: x, [slots, channels] float32 of the newest position of the first slots, to the same behind all
        layers and two norms. Writes into `x`.

        num_positions   [slots] int64, cache positions that each slot has written before this step
        """

        def attend(index: int, qkv: torch.Tensor) -> torch.Tensor:
            return self._attend(cache, index, qkv, None, num_positions)

        x, added = self._run(x, attend)
        latents = torch.empty_like(x)
        weights = [parameter for norm in norms for parameter in (norm.weight, norm.bias)]
        self._launch("add_and_norm_twice", len(x), x, added, *weights, latents)
        return latents

    def prefill(self, x: torch.Tensor, cache: KVCache, slots: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
        """x, [rows, channels] float32, to the same behind all layers. A row sees its slot up to its own position. May
        write into `x`.

        slots       [rows] int64; rows of a negative one are padding, and what they become means nothing
        positions   [rows] int64
        """

        def attend(index: int, qkv: torch.Tensor) -> torch.Tensor:
            keys, values = cache.keys[index], cache.values[index]
            sizes = (self._num_heads, cache.positions)
            self._launch("write_rows", len(qkv), qkv, keys, values, slots, positions, *sizes)
            return self._attend(cache, index, qkv, slots, positions)

        x, added = self._run(x.contiguous(), attend)
        return x if added is None else x.add_(added)

    def _attend(
        self, cache: KVCache, index: int, qkv: torch.Tensor, slots: torch.Tensor | None, positions: torch.Tensor
    ) -> torch.Tensor:
        """[rows, channels] of what each row finds up to its position; without `slots` it is the newest of its slot."""
        heads = qkv.new_empty(len(qkv), self._channels)
        grid = (self._num_heads, len(qkv), 1)
        sizes = (self._num_heads, cache.positions, int(slots is None))
        keys, values = cache.keys[index], cache.values[index]
        threads = next(threads for rows, threads in ATTENTION_THREADS if len(qkv) <= rows)
        self._kernels.launch(f"attend_{threads}", grid, threads, qkv, keys, values, slots, positions, heads, *sizes)
        return heads

    def _run(self, x: torch.Tensor, attend: Attend) -> tuple[torch.Tensor, torch.Tensor | None]:
        """The residual stream, and what is to be added to it."""
        if len(x) <= MAX_FEW_ROWS:
            return self._run_few(x, attend), None
        if self._has_tiles and len(x) <= TILE_ROWS[-1]:
            return self._run_tiles(x, attend), None
        return self._run_many(x, attend)

    def _run_few(self, x: torch.Tensor, attend: Attend) -> torch.Tensor:
        rows = len(x)
        variant = next(count for count in FEW_ROWS if count >= rows)
        qkv = x.new_empty(rows, 3 * self._channels, dtype=torch.float16)
        hidden = x.new_empty(rows, 4 * self._channels, dtype=torch.float16)

        def multiply(
            name: str, given: torch.Tensor, norm: nn.LayerNorm | None, affine: Affine, result: torch.Tensor
        ) -> None:
            columns = len(affine.bias)
            num_blocks = -(-columns // (WARPS * OUTPUTS[name]))
            norms = (norm.weight, norm.bias) if norm else (None, None)
            self._launch(
                f"{name}_{variant}", num_blocks, given, *norms, affine.weight, affine.bias, result, rows, columns
            )

        for index, (ln_1, c_attn, attn_proj, ln_2, c_fc, mlp_proj) in enumerate(self._layers):
            multiply("attn_in", x, ln_1, c_attn, qkv)
            multiply("attn_out", attend(index, qkv), None, attn_proj, x)
            multiply("mlp_in", x, ln_2, c_fc, hidden)
            multiply("mlp_out", hidden, None, mlp_proj, x)
        return x

    def _run_tiles(self, x: torch.Tensor, attend: Attend) -> torch.Tensor:
        rows = len(x)
        variant = next(count for count in TILE_ROWS if count >= rows)
        normed = torch.empty_like(x, dtype=torch.float16)
        qkv = x.new_empty(rows, 3 * self._channels, dtype=torch.float16)
        hidden = x.new_empty(rows, 4 * self._channels, dtype=torch.float16)

        def norm(layer: nn.LayerNorm) -> torch.Tensor:
            self._launch("add_and_norm", rows, x, None, layer.weight, layer.bias, normed)
            return normed

        def multiply(name: str, given: torch.Tensor, affine: Affine, result: torch.Tensor) -> None:
            columns = len(affine.bias)
            num_blocks = -(-columns // TILE_COLUMNS)
            self._launch(f"{name}_{variant}", num_blocks, given, affine.weight, affine.bias, result, rows, columns)

        for index, (ln_1, c_attn, attn_proj, ln_2, c_fc, mlp_proj) in enumerate(self._layers):
            multiply("attn_in", norm(ln_1), c_attn, qkv)
            multiply("attn_out", attend(index, qkv), attn_proj, x)
            multiply("mlp_in", norm(ln_2), c_fc, hidden)
            multiply("mlp_out", hidden, mlp_proj, x)
        return x

    def _run_many(self, x: torch.Tensor, attend: Attend) -> tuple[torch.Tensor, torch.Tensor | None]:
        normed = torch.empty_like(x, dtype=torch.float16)
        added: torch.Tensor | None = None
        for index, (ln_1, c_attn, attn_proj, ln_2, c_fc, mlp_proj) in enumerate(self._layers):
            self._launch("add_and_norm", len(x), x, added, ln_1.weight, ln_1.bias, normed)
            added = attn_proj(attend(index, c_attn(normed)))
            self._launch("add_and_norm", len(x), x, added, ln_2.weight, ln_2.bias, normed)
            added = mlp_proj(F.gelu(c_fc(normed), approximate="tanh"))
        return x, added

    def _launch(self, name: str, num_blocks: int, *arguments: torch.Tensor | int | None) -> None:
        self._kernels.launch(name, (num_blocks, 1, 1), THREADS, *arguments)
