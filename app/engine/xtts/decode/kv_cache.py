"""Keys and values of every sequence in the batch, allocated once and written in place."""

import torch


class KVCache:
    """data   [layers, 2, slots, heads, positions, head_dim]: keys are [:, 0], values [:, 1]

    A slot is a row of the batch. What lies beyond a row's length is masked, and must be finite all the same, because
    a masked value still meets a weight of zero: a slot is cleared when it is left. Shapes and addresses never change
    after construction. On CPU the pages are only taken from the system once they are written, so unused slots cost
    nothing.
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

    def move(self, source: int, target: int, length: int) -> None:
        """Copy the first `length` positions of one slot to another."""
        self.data[:, :, target, :, :length] = self.data[:, :, source, :, :length]

    def clear(self, slot: int, length: int) -> None:
        """Make the first `length` positions of a slot finite, whatever a sequence wrote there."""
        self.data[:, :, slot, :, :length].zero_()
