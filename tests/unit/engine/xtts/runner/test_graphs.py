"""The shapes of steps: which one a step takes, and that what pads it changes nothing."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from app.engine.xtts.runner.batch import Batch
from app.engine.xtts.runner.graphs import Buckets
from tests.support.xtts import CPU, Pair, join_step_and_leave, random_texts, seeded


@given(slots=st.integers(1, 1024), positions=st.integers(1, 2000), data=st.data())
def test_a_step_gets_the_smallest_shape_that_holds_it(slots: int, positions: int, data: st.DataObject) -> None:
    buckets = Buckets.of(slots, positions)
    count, span = data.draw(st.integers(1, slots)), data.draw(st.integers(1, positions))
    shape = buckets.fit(count, span)
    assert shape in buckets.largest_first()
    assert shape[0] == min(size for size in buckets.slots if size >= count)
    assert shape[1] == min(size for size in buckets.positions if size >= span)
    assert max(buckets.slots) == slots
    assert max(buckets.positions) == positions


@given(slots=st.integers(1, 1024), positions=st.integers(128, 1040))
def test_no_step_is_padded_to_more_than_twice_its_rows(slots: int, positions: int) -> None:
    buckets = Buckets.of(slots, positions)
    for count in range(1, slots + 1):
        assert buckets.fit(count, 1)[0] < 2 * count + (count == 1)


def test_capture_goes_from_large_to_small() -> None:
    shapes = Buckets(slots=(1, 4), positions=(64, 128)).largest_first()
    assert shapes == [(4, 128), (4, 64), (1, 128), (1, 64)]


def batch_of(pair: Pair, slots: int, buckets: Buckets | None) -> Batch:
    max_codes = pair.checkpoint.config.model_args.max_audio_codes
    return Batch(pair.checkpoint.networks.decoder, slots=slots, max_codes=max_codes, device=CPU, buckets=buckets)


@pytest.mark.parametrize("seed", range(3))
def test_rows_and_positions_that_pad_a_step_change_no_code(tiny: Pair, seed: int) -> None:
    texts = [tiny.tokens(text) for text in random_texts(20, seed=seed)]
    rows = [tiny.sequence(tokens, seeded(number)) for number, tokens in enumerate(texts)]
    padded = batch_of(tiny, 7, Buckets(slots=(3, 7), positions=(200, tiny_positions(tiny))))
    exact, with_padding = join_step_and_leave(seed, [batch_of(tiny, 7, None), padded], rows)
    assert exact == with_padding
    assert len({code for codes in exact for code in codes}) > 50


def tiny_positions(pair: Pair) -> int:
    return batch_of(pair, 1, None)._state.cache.positions


def test_a_free_row_that_pads_takes_no_step(tiny: Pair) -> None:
    batch = batch_of(tiny, 4, Buckets(slots=(4,), positions=(tiny_positions(tiny),)))
    batch.join([tiny.sequence(tiny.tokens("go home.")), tiny.sequence(tiny.tokens("the old grey house."))])
    batch.leave(0)
    before = batch._state.num_positions[1:].clone(), batch._state.num_codes[1:].clone()
    for _ in range(5):
        batch.step()
    assert torch.equal(batch._state.num_positions[1:], before[0])
    assert torch.equal(batch._state.num_codes[1:], before[1])
    assert not before[0].any()
