"""Attention of heads in int8 beside torch's, with the loops for heads of 64 values and with those for any size."""

import numpy as np
import pytest
import torch

from app.engine.xtts.model.int8_kernels import CALL, attention
from app.engine.xtts.model.kv_cache import KVCache

HEADS = 3
WRITTEN = [0, 37, 78]


class Heads:
    """A cache that is written, and a product for the next position of each slot."""

    def __init__(self, size: int) -> None:
        generator = torch.Generator().manual_seed(size)
        rows, columns = len(WRITTEN), 3 * HEADS * size
        self.cache = KVCache(
            layers=1,
            slots=rows,
            heads=HEADS,
            positions=80,
            head_dim=size,
            device=torch.device("cpu"),
            dtype=torch.float16,
            has_byte_values=True,
        )
        self.keys, self.values = (torch.randn(rows, HEADS, 80, size, generator=generator) for _ in range(2))
        self.cache.write(0, (slice(None),), self.keys, self.values)
        self.product, self.bias = (
            torch.randn(rows, columns, generator=generator),
            torch.randn(columns, generator=generator),
        )
        self.scales = torch.rand(rows, generator=generator)
        self.size = size

    @property
    def newest(self) -> tuple[torch.Tensor, ...]:
        """Queries, keys and values, [rows, HEADS, size] each, as the product has them before `attend`."""
        return (self.product * self.scales[:, None] + self.bias).view(len(WRITTEN), 3, HEADS, self.size).unbind(1)

    def attend(self) -> torch.Tensor:
        """[rows, HEADS, size]"""
        rows, columns = self.product.shape
        attended, written = torch.empty(rows, HEADS, self.size), torch.tensor(WRITTEN)
        scores = torch.empty(rows * HEADS * 80)
        call = np.zeros(1, CALL)
        fields = {
            "product": self.product,
            "bias": self.bias,
            "values": attended,
            "scales": self.scales,
            "num_written": written,
            "cached_keys": self.cache.keys,
            "cached_values": self.cache.values,
            "scores": scores,
        }
        for name, tensor in fields.items():
            call[name] = tensor.data_ptr()
        numbers = {"rows": rows, "columns": columns, "heads": HEADS, "positions": self.cache.positions}
        for name, number in numbers.items():
            call[name] = number
        attention.run(call.ctypes.data, num_threads=2)
        return attended


@pytest.mark.parametrize("size", [16, 64])
def test_a_head_attends_to_what_its_slot_has_written(size: int) -> None:
    heads = Heads(size)
    query, key, value = heads.newest
    attended = heads.attend()
    for slot, last in enumerate(WRITTEN):
        seen_keys = torch.cat([heads.keys[slot, :, :last], key[slot][:, None]], 1)
        seen_values = torch.cat([heads.values[slot, :, :last], value[slot][:, None]], 1)
        weights = ((seen_keys @ query[slot][:, :, None])[:, :, 0] / size**0.5).softmax(-1)
        expected = (weights[:, None] @ seen_values)[:, 0]
        # A value in a byte is within half of 1/255 of the range of its row, which is about 5.
        torch.testing.assert_close(attended[slot], expected, atol=2e-2, rtol=0)


@pytest.mark.parametrize("size", [16, 64])
@pytest.mark.parametrize("slot", range(len(WRITTEN)))
def test_a_key_too_large_for_float16_makes_its_head_not_finite(size: int, slot: int) -> None:
    heads, clean = Heads(size), Heads(size).attend()
    product = heads.product.view(len(WRITTEN), 3, HEADS, size)
    product[slot, 0, 1] = heads.newest[0].abs().max() + 100 / heads.scales[slot]  # a query above 0
    product[slot, 1, 1] = 70_000 / heads.scales[slot]
    attended = heads.attend()
    assert not attended[slot, 1].isfinite().any()
    attended[slot, 1] = clean[slot, 1]
    assert torch.equal(attended, clean)
