"""Keys and values of every sequence in the batch, allocated once and written in place."""

import torch


class KVCache:
    """data   [layers, 2, slots, heads, positions, head_dim]: keys are [:, 0], values [:, 1]

    Unwritten positions are masked and must be finite all the same: a masked value is multiplied by 0, and NaN times 0
    is NaN. So a slot is cleared when it is left. Shapes and addresses never change. On a CPU unused slots take no
    memory, because pages are taken from the system once they are written.
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
    ) -> None:
        self.data = torch.zeros(layers, 2, slots, heads, positions, head_dim, device=device, dtype=dtype)
        self.positions = positions

    def layer(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Keys and values of one layer, each [slots, heads, positions, head_dim]."""
        return self.data[index, 0], self.data[index, 1]

    def move(self, source: int, target: int, num_positions: int) -> None:
        """Copy the first `num_positions` positions of one slot to another."""
        self.data[:, :, target, :, :num_positions] = self.data[:, :, source, :, :num_positions]

    def clear(self, slot: int, num_positions: int) -> None:
        """Make the first `num_positions` positions of a slot finite."""
        self.data[:, :, slot, :, :num_positions].zero_()
