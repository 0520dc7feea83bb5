"""Prefixes of voices: kept for those that spoke last, and the same when they are read again."""

import torch

from app.engine.xtts.runner.batch import Batch
from app.engine.xtts.runner.voices import VoicePrefixes
from tests.support.xtts import CPU, Pair, codes_of, random_texts, seeded


def latents_of(number: int, like: torch.Tensor) -> torch.Tensor:
    return torch.randn(like.shape, generator=torch.Generator().manual_seed(number))


def test_a_voice_is_read_once_even_from_a_copy_of_its_latents(tiny: Pair) -> None:
    prefixes = VoicePrefixes(tiny.checkpoint.networks.decoder, CPU)
    latents = tiny.voice.gpt_conditioning_latents
    assert prefixes.of(latents) is prefixes.of(latents.clone())
    assert prefixes.of(latents) is not prefixes.of(latents + 1e-6)


def test_the_voice_that_has_not_spoken_for_the_longest_time_is_forgotten(tiny: Pair) -> None:
    prefixes = VoicePrefixes(tiny.checkpoint.networks.decoder, CPU, max_voices=2)
    one, two, three = (latents_of(number, tiny.voice.gpt_conditioning_latents) for number in range(3))
    first, second = prefixes.of(one), prefixes.of(two)
    assert prefixes.of(one) is first
    prefixes.of(three)
    assert prefixes.of(one) is first
    assert prefixes.of(two) is not second


def test_a_sequence_has_the_same_bits_with_a_voice_that_was_read_before(tiny: Pair) -> None:
    tokens = tiny.tokens(random_texts(1, seed=8)[0])
    batch = tiny.batch(2)
    drawn: list[list[int]] = []
    latents: list[torch.Tensor] = []
    for _ in range(2):
        codes = codes_of(batch.join([tiny.sequence(tokens, seeded(3))]))
        for _ in range(10):
            codes += codes_of(batch.step())
        drawn.append(codes)
        latents.append(batch.latents[0, :11].clone())
        batch.leave(0)
    assert drawn[0] == drawn[1]
    assert torch.equal(*latents)


def test_prompts_of_different_voices_share_a_prefill(tiny: Pair) -> None:
    tokens = [tiny.tokens(text) for text in random_texts(3, seed=9)]
    voices = [latents_of(number, tiny.voice.gpt_conditioning_latents) for number in (1, 2, 1)]

    def first_latents(numbers: list[int]) -> list[torch.Tensor]:
        batch: Batch = tiny.batch(3)
        batch.join([tiny.sequence(tokens[number], seeded(1), latents=voices[number]) for number in numbers])
        return [batch.latents[slot, 0].clone() for slot in range(len(numbers))]

    together = first_latents([0, 1, 2])
    for number in range(3):
        torch.testing.assert_close(together[number], first_latents([number])[0], rtol=1e-4, atol=1e-4)
