"""Attention of a decode step on a CPU: equal to the masked one, and to the last bit the same beside any neighbours."""

import pytest
import torch

from app.engine.xtts.model.attention import masked_attention, separate_attention
from app.engine.xtts.model.kv_cache import KVCache
from tests.support.xtts import CPU, WITHOUT_INT8

HEADS, HEAD_DIM = 16, 64
FORMS = [False, pytest.param(True, marks=WITHOUT_INT8)]


def random_cache(slots: int, positions: int, *, has_byte_values: bool) -> KVCache:
    cache = KVCache(
        layers=1, slots=slots, heads=HEADS, positions=positions, head_dim=HEAD_DIM,
        device=CPU, dtype=torch.float32, has_byte_values=has_byte_values,
    )  # fmt: skip
    generator = torch.Generator().manual_seed(3)
    cache.keys.normal_(generator=generator)
    cache.write(0, (slice(None),), cache.keys[0].clone(), torch.randn(*cache.keys.shape[1:], generator=generator))
    return cache


def random_qkv(slots: int) -> torch.Tensor:
    return torch.randn(slots, 3, HEADS, HEAD_DIM, generator=torch.Generator().manual_seed(5))


@pytest.mark.parametrize(("has_byte_values", "tolerance"), [
    (False, 1e-5),
    pytest.param(True, 2e-2, marks=WITHOUT_INT8),  # half a step of one byte, of values from -4 to 4
])  # fmt: skip
def test_attention_slot_by_slot_is_that_of_all_slots_under_a_mask(has_byte_values: bool, tolerance: float) -> None:
    written, qkv = torch.tensor([5, 60, 0, 31]), random_qkv(4)
    exact, ours = (random_cache(6, 80, has_byte_values=form) for form in (False, has_byte_values))
    theirs = masked_attention(written, 61, torch.float32)(qkv, exact, 0)
    torch.testing.assert_close(separate_attention(written, HEADS)(qkv, ours, 0), theirs, atol=tolerance, rtol=0)
    assert torch.equal(ours.keys, exact.keys)


@pytest.mark.parametrize("has_byte_values", FORMS)
def test_what_other_slots_have_written_changes_no_bit_of_attention(has_byte_values: bool) -> None:
    qkv, cache = random_qkv(3), random_cache(3, 400, has_byte_values=has_byte_values)
    alone = separate_attention(torch.tensor([101]), HEADS)(qkv[:1], cache, 0)
    for others in ([101, 102], [7, 399], [399, 0]):
        together = separate_attention(torch.tensor([101, *others]), HEADS)(qkv, cache, 0)
        assert torch.equal(together[0], alone[0])


def test_positions_that_a_slot_has_not_written_are_not_attended_to() -> None:
    qkv, cache = random_qkv(2), random_cache(2, 400, has_byte_values=False)
    written = torch.tensor([101, 300])
    clean = separate_attention(written, HEADS)(qkv, cache, 0)
    for data in (cache.keys, cache.values):
        data[:, 0, :, 102:] = float("nan")
        data[:, 1, :, 301:] = float("nan")
    assert torch.equal(separate_attention(written, HEADS)(qkv, cache, 0), clean)
