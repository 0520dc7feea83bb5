"""Sequences decoded in int8: each has the codes, and the latents to the last bit, that it has alone."""

import copy
from collections.abc import Sequence

import msgspec
import pytest
import torch

from app.engine.xtts.model.decoder import Decoder
from app.engine.xtts.model.int8 import quantize
from app.engine.xtts.runner.batch import Batch
from app.engine.xtts.runner.state import NOT_FINITE
from tests.support.xtts import CPU, WITHOUT_INT8, Pair, codes_of, random_texts, seeded

pytestmark = WITHOUT_INT8

NUM_CODES = 40


@pytest.fixture(scope="module")
def decoder(tiny: Pair) -> Decoder:
    decoder = copy.deepcopy(tiny.checkpoint.networks.decoder)
    decoder.to_int8({name: quantize(affine.weight) for name, affine in decoder.matrices.items()})
    return decoder


class Decoded(msgspec.Struct):
    codes: list[int]
    latents: torch.Tensor
    """[codes, channels]"""


def decode(
    pair: Pair, decoder: Decoder, numbers: Sequence[int], texts: list[torch.Tensor], *, at_a_time: int
) -> dict[int, Decoded]:
    """Sequences join some at a time, between steps, and stay until the last of them has its codes."""
    batch = Batch(decoder, slots=len(numbers), max_codes=2 * NUM_CODES, device=CPU)
    drawn: list[list[int]] = []
    while len(drawn) < len(numbers):
        joining = numbers[len(drawn) : len(drawn) + at_a_time]
        drawn += [[code] for code in codes_of(batch.join([pair.sequence(texts[i], seeded(i)) for i in joining]))]
        for codes, code in zip(drawn, codes_of(batch.step()), strict=True):
            codes.append(code)
    while min(map(len, drawn)) < NUM_CODES:
        for codes, code in zip(drawn, codes_of(batch.step()), strict=True):
            codes.append(code)
    return {
        number: Decoded(codes[:NUM_CODES], batch.latents[slot, :NUM_CODES].clone())
        for slot, (number, codes) in enumerate(zip(numbers, drawn, strict=True))
    }


@pytest.mark.slow
@pytest.mark.parametrize("count", [16, 32])
def test_codes_and_latents_of_a_seed_are_the_same_alone_and_in_a_full_batch(
    tiny: Pair, decoder: Decoder, count: int
) -> None:
    texts = [tiny.tokens(text) for text in random_texts(count, seed=5)]
    together = decode(tiny, decoder, range(count), texts, at_a_time=count)
    one_by_one = decode(tiny, decoder, range(count)[::-1], texts, at_a_time=1)
    assert len({tuple(decoded.codes) for decoded in together.values()}) == count
    for number in range(count):
        alone = decode(tiny, decoder, [number], texts, at_a_time=1)[number]
        for other in (together[number], one_by_one[number]):
            assert other.codes == alone.codes
            assert torch.equal(other.latents, alone.latents)


def test_the_codes_are_not_those_of_float32(tiny: Pair, decoder: Decoder) -> None:
    """Otherwise the tests here would look at float32."""
    texts = [tiny.tokens(text) for text in random_texts(4, seed=5)]
    ours = decode(tiny, decoder, range(4), texts, at_a_time=4)
    theirs = decode(tiny, tiny.checkpoint.networks.decoder, range(4), texts, at_a_time=4)
    for number in range(4):
        assert not torch.equal(ours[number].latents, theirs[number].latents)
        torch.testing.assert_close(ours[number].latents[0], theirs[number].latents[0], rtol=0, atol=0.3)


def test_a_poisoned_sequence_is_told_and_its_neighbours_do_not_notice(tiny: Pair, decoder: Decoder) -> None:
    texts = [tiny.tokens(text) for text in random_texts(3, seed=9)]
    poisoned = tiny.voice.gpt_conditioning_latents.clone()
    poisoned[3, 7] = float("nan")

    def drawn(latents: torch.Tensor | None) -> list[list[int]]:
        batch = Batch(decoder, slots=3, max_codes=20, device=CPU)
        rows = [tiny.sequence(text, seeded(i), latents=latents if i == 1 else None) for i, text in enumerate(texts)]
        return [codes_of(batch.join(rows)), *(codes_of(batch.step()) for _ in range(10))]

    for ours, theirs in zip(drawn(poisoned), drawn(None), strict=True):
        assert ours == [theirs[0], NOT_FINITE, theirs[2]]
