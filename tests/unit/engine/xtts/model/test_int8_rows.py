"""Attention of heads in int8 beside torch's, with the loops for heads of 64 values and with those for any size."""

import numpy as np
import pytest
import torch

from app.engine.xtts.model.int8_kernels import CALL, attention
from app.engine.xtts.model.kv_cache import KVCache

HEADS = 3
WRITTEN = [0, 37, 78]


@pytest.mark.parametrize("size", [16, 64])
def test_a_head_attends_to_what_its_slot_has_written(size: int) -> None:
    generator = torch.Generator().manual_seed(size)
    rows, columns = len(WRITTEN), 3 * HEADS * size
    cache = KVCache(
        layers=1,
        slots=rows,
        heads=HEADS,
        positions=80,
        head_dim=size,
        device=torch.device("cpu"),
        dtype=torch.float16,
        has_byte_values=True,
    )
    keys, values = (torch.randn(rows, HEADS, 80, size, generator=generator) for _ in range(2))
    cache.write(0, (slice(None),), keys, values)
    product, bias = torch.randn(rows, columns, generator=generator), torch.randn(columns, generator=generator)
    scales = torch.rand(rows, generator=generator)
    attended, written = torch.empty(rows, HEADS, size), torch.tensor(WRITTEN)
    scores = torch.empty(rows * HEADS * 80)
    query, key, value = (product * scales[:, None] + bias).view(rows, 3, HEADS, size).unbind(1)
    call = np.zeros(1, CALL)
    fields = {
        "product": product,
        "bias": bias,
        "values": attended,
        "scales": scales,
        "num_written": written,
        "cached_keys": cache.keys,
        "cached_values": cache.values,
        "scores": scores,
    }
    for name, tensor in fields.items():
        call[name] = tensor.data_ptr()
    for name, number in {"rows": rows, "columns": columns, "heads": HEADS, "positions": cache.positions}.items():
        call[name] = number
    attention.run(call.ctypes.data, num_threads=2)
    for slot, last in enumerate(WRITTEN):
        seen_keys = torch.cat([keys[slot, :, :last], key[slot][:, None]], 1)
        seen_values = torch.cat([values[slot, :, :last], value[slot][:, None]], 1)
        weights = ((seen_keys @ query[slot][:, :, None])[:, :, 0] / size**0.5).softmax(-1)
        expected = (weights[:, None] @ seen_values)[:, 0]
        # A value in a byte is within half of 1/255 of the range of its row, which is about 5.
        torch.testing.assert_close(attended[slot], expected, atol=2e-2, rtol=0)
