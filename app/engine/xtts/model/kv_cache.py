"""Keys and values of every sequence in the batch, allocated once and written in place."""

from typing import Any

import torch

POSITIONS_STEP = 16
"""Caches have a multiple of it: attention kernels read masks and keys in aligned pieces, such as vectors of AVX-512."""
ROW_CONSTANTS = 8
"""Bytes behind the values of a row in one byte each: its scale and its smallest value, in float32."""


class KVCache:
    """keys, values   [layers, slots, heads, positions, head_dim]

    `has_byte_values`: a row of values is [head_dim + 8] uint8, one byte a value with its scale and offset. For a CPU.

    Unwritten positions must be finite: torch's attention masks them, so that their values are multiplied by 0, and NaN
    times 0 is NaN. So a slot is cleared when it is left. Shapes and addresses never change. On a CPU unused slots take
    no memory, because pages are taken from the system once they are written.
    """

    def __init__(
        self,
        *,
        layers: int,
        slots: int,
        heads: int,
        positions: int,
        head_dim: int,
        device: torch.device,
        dtype: torch.dtype,
        has_byte_values: bool = False,
    ) -> None:
        self.positions = -(-positions // POSITIONS_STEP) * POSITIONS_STEP
        shape = (layers, slots, heads, self.positions)
        self.keys = torch.zeros(*shape, head_dim, device=device, dtype=dtype)
        if has_byte_values:
            self.values = torch.zeros(*shape, head_dim + ROW_CONSTANTS, device=device, dtype=torch.uint8)
        else:
            self.values = torch.zeros_like(self.keys)

    @property
    def num_bytes(self) -> int:
        return self.keys.nbytes + self.values.nbytes

    def write(self, layer: int, where: tuple[Any, ...], key: torch.Tensor, value: torch.Tensor) -> None:
        """Write `key` and `value`, [..., head_dim], at an index of [slots, heads, positions]."""
        self.keys[layer][where] = key.to(self.keys.dtype)
        self.values[layer][where] = _pack(value) if self.values.dtype == torch.uint8 else value

    def move(self, source: int, target: int, num_positions: int) -> None:
        """Copy the first `num_positions` positions of one slot to another."""
        for data in (self.keys, self.values):
            data[:, target, :, :num_positions] = data[:, source, :, :num_positions]

    def clear(self, slot: int, num_positions: int) -> None:
        """Make the first `num_positions` positions of a slot finite."""
        for data in (self.keys, self.values):
            data[:, slot, :, :num_positions].zero_()


def _pack(values: torch.Tensor) -> torch.Tensor:
    return torch.ops.quantized.embedding_bag_byte_prepack.default(values)
