"""Rows of the batch: each decodes as it would alone, whatever happens to the others."""

import pytest
import torch

from app.engine.values import SamplingParams
from app.engine.xtts.runner.batch import Batch
from app.engine.xtts.runner.state import NOT_FINITE
from tests.support.xtts import Pair, codes_of, decode_alone, random_texts


def sampled(number: int) -> SamplingParams:
    """Other options for each row."""
    return SamplingParams(
        seed=number,
        temperature=0.6 + 0.1 * (number % 5),
        top_k=20 + 10 * (number % 4),
        top_p=0.7 + 0.05 * (number % 6),
        repetition_penalty=2.0 + number % 5,
    )


def decode_together(
    pair: Pair, batch: Batch, numbers: list[int], texts: list[torch.Tensor], steps: int
) -> list[list[int]]:
    drawn = codes_of(batch.join([pair.sequence(texts[number], sampled(number)) for number in numbers]))
    codes = [[code] for code in drawn]
    for _ in range(steps):
        for row, code in enumerate(codes_of(batch.step())):
            codes[row].append(code)
    while batch.size:
        batch.leave(0)
    return codes


@pytest.mark.slow
def test_codes_of_a_seed_are_the_same_alone_and_in_a_full_batch(tiny: Pair) -> None:
    texts = [tiny.tokens(text) for text in random_texts(16, seed=5)]
    numbers = list(range(16))
    together = decode_together(tiny, tiny.batch(16), numbers, texts, steps=60)
    backwards = decode_together(tiny, tiny.batch(16), numbers[::-1], texts, steps=60)[::-1]
    assert together == backwards
    alone = tiny.batch(1)
    for number in numbers:
        codes = decode_alone(alone, tiny.sequence(texts[number], sampled(number)), stop_code=-1, max_codes=61)
        assert together[number] == codes


def test_what_an_earlier_sequence_left_in_a_slot_is_never_read(tiny: Pair) -> None:
    tokens = tiny.tokens("the old grey house by the sea.")
    clean = tiny.batch(4)
    dirty = tiny.batch(4)
    for data in (dirty._state.cache.keys, dirty._state.cache.values):
        data.fill_(1e6)
    dirty.latents.fill_(1e6)
    rows = [tiny.sequence(tokens, sampled(number)) for number in range(3)]
    assert codes_of(clean.join(rows)) == codes_of(dirty.join(rows))
    for _ in range(40):
        assert codes_of(clean.step()) == codes_of(dirty.step())
    assert torch.equal(clean.latents[:3, :41], dirty.latents[:3, :41])


def test_a_step_reads_no_free_slot_and_no_position_beyond_the_longest_slot(tiny: Pair) -> None:
    """NaN there would reach every code: a masked NaN is still a NaN."""
    texts = [tiny.tokens(text) for text in random_texts(2, seed=3)]
    rows = [tiny.sequence(tokens, sampled(number)) for number, tokens in enumerate(texts)]
    clean, dirty = tiny.batch(4), tiny.batch(4)
    caches, num_positions = (dirty._state.cache.keys, dirty._state.cache.values), dirty._state.num_positions
    for cache in caches:
        cache.fill_(float("nan"))
        cache[:, :2] = 0.0  # masked positions of active slots are finite, as `leave` and the start make them
    drawn = [codes_of(dirty.join(rows))]
    for _ in range(20):
        for cache in caches:
            cache[..., int(num_positions.max()) + 1 :, :] = float("nan")
        drawn.append(codes_of(dirty.step()))
        for cache in caches:
            cache[:, :2, :, int(num_positions.max()) :] = 0.0
    assert drawn == [codes_of(clean.join(rows)), *(codes_of(clean.step()) for _ in range(20))]
    assert all(cache[:, 2:].isnan().all() for cache in caches)


def test_a_poisoned_row_is_told_and_its_neighbours_do_not_notice(tiny: Pair) -> None:
    texts = [tiny.tokens(text) for text in random_texts(3, seed=9)]
    rows = [tiny.sequence(tokens, sampled(number)) for number, tokens in enumerate(texts)]
    healthy = tiny.batch(3)
    expected = [codes_of(healthy.join(rows)), *(codes_of(healthy.step()) for _ in range(10))]
    poisoned = tiny.voice.gpt_conditioning_latents.clone()
    poisoned[3, 7] = float("nan")
    batch = tiny.batch(3)
    drawn = [codes_of(batch.join([rows[0], tiny.sequence(texts[1], sampled(1), latents=poisoned), rows[2]]))]
    drawn += [codes_of(batch.step()) for _ in range(10)]
    for ours, theirs in zip(drawn, expected, strict=True):
        assert ours == [theirs[0], NOT_FINITE, theirs[2]]
    batch.leave(1)
    # The slot that held it serves the next sequence as a new one would.
    batch.leave(0)
    batch.leave(0)
    again = [codes_of(batch.join(rows)), *(codes_of(batch.step()) for _ in range(10))]
    assert again == expected


def test_a_short_sequence_in_a_slot_that_was_poisoned_far_beyond_its_end_is_not_lost(tiny: Pair) -> None:
    """The slot is looked at as far as the longest neighbour reaches, and a masked NaN is still a NaN."""
    long, short = tiny.tokens("the old grey house by the sea was said to be lazy."), tiny.tokens("go.")
    batch = tiny.batch(2)
    poisoned = tiny.voice.gpt_conditioning_latents.clone()
    poisoned[0] = float("nan")
    batch.join([tiny.sequence(long, sampled(0), latents=poisoned)])
    for _ in range(20):
        batch.step()
    batch.leave(0)
    drawn = [codes_of(batch.join([tiny.sequence(short, sampled(1)), tiny.sequence(long, sampled(2))]))]
    drawn += [codes_of(batch.step()) for _ in range(5)]
    assert all(NOT_FINITE not in codes for codes in drawn)


@pytest.mark.parametrize("poisoned_row", [0, 1])
def test_nothing_that_is_not_a_number_stays_in_a_slot_that_was_left_before_anybody_knew(
    tiny: Pair, poisoned_row: int
) -> None:
    """A poisoned row moves, or its request is cancelled, while its last step is still unread."""
    long, short = tiny.tokens("the old grey house by the sea was said to be lazy."), tiny.tokens("go.")
    poisoned = tiny.voice.gpt_conditioning_latents.clone()
    poisoned[0] = float("nan")
    rows = [tiny.sequence(short, sampled(0)), tiny.sequence(short, sampled(1))]
    rows[poisoned_row] = tiny.sequence(long, sampled(2), latents=poisoned)
    batch = tiny.batch(3)
    batch.join(rows)
    for _ in range(5):
        batch.step()
    batch.leave(0)  # the second row moves here
    drawn = [codes_of(batch.join([tiny.sequence(long, sampled(3)), tiny.sequence(short, sampled(4))]))]
    drawn += [codes_of(batch.step())[1:] for _ in range(5)]
    assert all(NOT_FINITE not in codes for codes in drawn)
    while batch.size:
        batch.leave(0)
    assert not batch._state.cache.keys.any()
    assert not batch._state.cache.values.any()


def test_nothing_stays_in_a_slot_after_a_step_that_failed(tiny: Pair) -> None:
    poisoned = tiny.voice.gpt_conditioning_latents.clone()
    poisoned[0] = float("nan")
    batch = tiny.batch(2)
    tokens = tiny.tokens("the old grey house by the sea.")
    batch.join([tiny.sequence(tokens, sampled(0), latents=poisoned), tiny.sequence(tokens, sampled(1))])
    batch.step()
    batch.reset()
    assert (batch.size, batch._num_positions) == (0, [0, 0])
    assert not batch._state.cache.keys.any()
    assert not batch._state.cache.values.any()


def test_prefill_multiplies_no_padding(tiny: Pair) -> None:
    """Rows of the matrix products: those of the voice, once, and of the texts, no more."""
    decoder = tiny.checkpoint.networks.decoder
    multiplied: list[int] = []
    hook = decoder.gpt.layers[0].mlp.register_forward_pre_hook(lambda _, inputs: multiplied.append(len(inputs[0])))
    try:
        texts = [tiny.tokens(text) for text in random_texts(12, seed=2)]
        tiny.batch(12).join([tiny.sequence(tokens) for tokens in texts])
    finally:
        hook.remove()
    assert multiplied == [32, sum(len(tokens) + 3 for tokens in texts)]


def test_a_reset_leaves_nothing_of_a_failed_step_in_any_slot(tiny: Pair) -> None:
    poisoned = tiny.voice.gpt_conditioning_latents.clone()
    poisoned[0] = float("nan")
    texts = [tiny.tokens("the old grey house by the sea."), tiny.tokens("go.")]
    batch = tiny.batch(2)
    batch.join([tiny.sequence(tokens, sampled(0), latents=poisoned) for tokens in texts])
    batch.step()
    batch.reset()
    assert batch.size == 0
    assert not batch._state.cache.keys.any()
    assert not batch._state.cache.values.any()
    rows = [tiny.sequence(tokens, sampled(number)) for number, tokens in enumerate(texts)]
    fresh = tiny.batch(2)
    assert codes_of(batch.join(rows)) == codes_of(fresh.join(rows))
    assert codes_of(batch.step()) == codes_of(fresh.step())
