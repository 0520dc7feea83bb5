from collections.abc import Callable
from itertools import count

import pytest
import torch

from app.engine.capacity import FULL_LOAD
from app.engine.xtts.runner.batch import Batch
from app.engine.xtts.step_times import FEW_SEQUENCES, LIMIT_S, SENTENCE_S, STEPS, measure_loads
from app.engine.xtts.vocoder.vocoder import Vocoder
from tests.support.xtts import Pair

READINGS_UNTIL_TWO = 1 + 2 * 2 + 2 + 2 * STEPS + 2
"""of the clock: at the beginning, around the vocoder, the first prefill, its steps, the second prefill"""


def ticking(seconds: float) -> Callable[[], float]:
    """A clock that a reading of it moves on."""
    readings = count()
    return lambda: next(readings) * seconds


def measured(tiny: Pair, *, slots: int, clock: Callable[[], float]) -> tuple[dict[int, float], Batch]:
    checkpoint = tiny.checkpoint
    networks, config = checkpoint.networks, checkpoint.config
    batch = Batch(networks.decoder, slots=slots, max_codes=2 * STEPS * slots, device=torch.device("cpu"))
    return measure_loads(batch, Vocoder(networks.generator), config, clock=clock), batch


def test_loads_are_measured_for_more_and_more_sequences_up_to_the_slots(tiny: Pair) -> None:
    loads, batch = measured(tiny, slots=6, clock=ticking(1e-6))
    assert list(loads) == [1, 2, 4, 6]
    assert batch.size == 0


def test_a_load_is_that_of_a_step_the_vocoder_and_the_prefills(tiny: Pair) -> None:
    seconds = 1e-3
    loads, _ = measured(tiny, slots=2, clock=ticking(seconds))
    args = tiny.checkpoint.config.model_args
    vocoder_load = seconds / (64 * args.output_hop_length / args.output_sample_rate)
    assert loads[1] == pytest.approx(seconds / args.code_s + seconds / SENTENCE_S + vocoder_load)
    assert loads[2] == pytest.approx(seconds / args.code_s + 2 * seconds / SENTENCE_S + 2 * vocoder_load)


def test_only_a_few_sequences_are_measured_where_more_are_not_made_in_time(tiny: Pair) -> None:
    loads, batch = measured(tiny, slots=8, clock=ticking(0.04))
    assert list(loads) == [1, 2, FEW_SEQUENCES]
    assert loads[1] > FULL_LOAD
    assert batch.size == 0


def test_after_the_limit_only_a_few_sequences_are_measured(tiny: Pair) -> None:
    """The first step of two sequences is disturbed for longer than the limit: the median of the steps is not."""
    readings = count()
    loads, _ = measured(tiny, slots=8, clock=lambda: LIMIT_S + 1 if next(readings) > READINGS_UNTIL_TWO else 0.001)
    assert list(loads) == [1, 2, FEW_SEQUENCES]
