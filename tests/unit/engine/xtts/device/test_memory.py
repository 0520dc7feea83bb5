"""Slots from what the GPU's memory has left."""

import pytest
import torch

from app.engine.xtts.device.memory import RESERVE_BYTES, slots_that_fit
from app.engine.xtts.runner.state import BatchState
from app.errors import EngineUnavailable
from tests.support.xtts import CPU, Pair

SLOT = 130_000_000


def test_as_many_as_are_usual_where_they_fit() -> None:
    assert slots_that_fit(0, 64, free_bytes=80_000_000_000, bytes_per_slot=SLOT) == 64


def test_as_many_as_fit_where_memory_is_short() -> None:
    assert slots_that_fit(0, 64, free_bytes=RESERVE_BYTES + 10 * SLOT + 5, bytes_per_slot=SLOT) == 10


def test_those_that_are_asked_for_or_a_refusal_that_says_how_many_fit() -> None:
    free = RESERVE_BYTES + 10 * SLOT
    assert slots_that_fit(10, 64, free_bytes=free, bytes_per_slot=SLOT) == 10
    with pytest.raises(EngineUnavailable, match=r"11 slots need 1.4 GB of GPU memory; .*: 10 slots fit"):
        slots_that_fit(11, 64, free_bytes=free, bytes_per_slot=SLOT)


def test_a_gpu_without_room_for_one_is_refused() -> None:
    with pytest.raises(EngineUnavailable, match=r"1 slots need .* 0 slots fit"):
        slots_that_fit(0, 64, free_bytes=RESERVE_BYTES - 1, bytes_per_slot=SLOT)


def test_a_cpu_is_not_counted() -> None:
    assert slots_that_fit(0, 16, free_bytes=None, bytes_per_slot=SLOT) == 16
    assert slots_that_fit(1000, 16, free_bytes=None, bytes_per_slot=SLOT) == 1000


def test_bytes_of_a_slot_are_those_that_are_allocated(tiny: Pair) -> None:
    decoder = tiny.checkpoint.networks.decoder
    sizes = [
        BatchState(decoder, slots=slots, max_codes=100, device=device).num_bytes
        for slots, device in ((1, torch.device("meta")), (2, CPU), (5, CPU))
    ]
    per_slot = (sizes[2] - sizes[1]) / 3
    assert sizes[0] == pytest.approx(per_slot, rel=0.01)  # beside what all slots share
