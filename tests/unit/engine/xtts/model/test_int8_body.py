"""Layers in int8 with compiled kernels beside the same layers with torch's operators."""

import copy
import sys

import pytest
import torch

from app.engine.xtts.model.decoder import Decoder
from app.engine.xtts.model.int8 import quantize
from app.engine.xtts.model.kv_cache import KVCache
from tests.support.xtts import CPU, WITHOUT_INT8, Pair, random_texts

pytestmark = WITHOUT_INT8

SLOTS, POSITIONS = 5, 64


def int8_copy(decoder: Decoder) -> Decoder:
    quantized = copy.deepcopy(decoder)
    quantized.to_int8({name: quantize(affine.weight) for name, affine in quantized.matrices.items()})
    return quantized


def int8_without(decoder: Decoder, *names: str) -> Decoder:
    """As where the modules cannot be imported."""
    with pytest.MonkeyPatch.context() as patch:
        for name in names:
            patch.setitem(sys.modules, f"app.engine.xtts.model.{name}", None)
        return int8_copy(decoder)


@pytest.fixture(scope="module")
def without_tiles(tiny: Pair) -> Decoder:
    decoder = int8_without(tiny.checkpoint.networks.decoder, "int8_tile_body")
    assert decoder.has_kernels
    return decoder


@pytest.fixture(scope="module")
def with_tiles(tiny: Pair) -> Decoder:
    pytest.importorskip("app.engine.xtts.model.int8_tile_body", exc_type=ImportError)
    decoder = int8_copy(tiny.checkpoint.networks.decoder)
    assert type(decoder._int8_body).__name__ == "TileBody"
    return decoder


@pytest.fixture(scope="module", params=["with_tiles", "without_tiles"])
def compiled(request: pytest.FixtureRequest) -> Decoder:
    return request.getfixturevalue(request.param)


@pytest.fixture(scope="module")
def plain(tiny: Pair) -> Decoder:
    decoder = int8_without(tiny.checkpoint.networks.decoder, "int8_tile_body", "int8_body")
    assert not decoder.has_kernels
    return decoder


def filled_cache(decoder: Decoder, *, seed: int = 3, slots: int = SLOTS) -> KVCache:
    cache = decoder.new_cache(slots=slots, positions=POSITIONS, device=CPU)
    generator = torch.Generator().manual_seed(seed)
    for layer in range(len(decoder.gpt.layers)):
        key, value = (torch.randn(cache.keys.shape[1:], generator=generator) for _ in range(2))
        cache.write(layer, (slice(None),), key, value)
    return cache


def step(decoder: Decoder, cache: KVCache, codes: list[int], written: list[int]) -> tuple[torch.Tensor, torch.Tensor]:
    places = torch.arange(len(codes))
    with torch.inference_mode():
        return decoder.decode(cache, torch.tensor(codes), places, torch.tensor(written), max_positions=max(written) + 1)


def test_a_step_is_that_of_torchs_operators(compiled: Decoder, plain: Decoder) -> None:
    ours, theirs = filled_cache(compiled), filled_cache(plain)
    codes, written = [5, 900, 17, 17], [0, 40, 63, 12]
    logits, latents = step(compiled, ours, codes, written)
    expected_logits, expected_latents = step(plain, theirs, codes, written)
    # A difference in the last bit may make the next whole number: 1/127 of the largest activation of a row.
    assert float((latents - expected_latents).norm() / expected_latents.norm()) < 1e-2
    assert float((logits - expected_logits).norm() / expected_logits.norm()) < 1e-2
    assert torch.allclose(ours.keys[0], theirs.keys[0].half(), atol=1e-5)
    assert int((ours.values[0].int() - theirs.values[0].int()).abs()[..., :16].max()) <= 1


def test_the_cache_has_keys_as_the_attention_reads_them(compiled: Decoder, plain: Decoder) -> None:
    for decoder, dtype in ((compiled, torch.float16), (plain, torch.float32)):
        assert decoder.cache_dtype == dtype
        assert decoder.new_cache(slots=1, positions=16, device=CPU).keys.dtype == dtype


def test_a_step_writes_its_own_position_only(compiled: Decoder) -> None:
    cache, before = filled_cache(compiled), filled_cache(compiled)
    step(compiled, cache, [5, 6], [7, 30])
    is_written = torch.zeros(SLOTS, cache.positions, dtype=torch.bool)
    is_written[0, 7] = is_written[1, 30] = True
    for data, earlier in ((cache.keys, before.keys), (cache.values, before.values)):
        changed = (data != earlier).any(dim=-1).any(dim=2).any(dim=0)
        assert torch.equal(changed, is_written)


@pytest.mark.parametrize("count", [2, 5])
def test_a_slot_has_the_same_bits_alone_and_beside_others(compiled: Decoder, threads: int, count: int) -> None:
    codes, written = [5, 900, 17, 17, 3][:count], [33, 1, 62, 0, 40][:count]
    together = filled_cache(compiled)
    _, latents = step(compiled, together, codes, written)
    for slot in range(count):
        cache = filled_cache(compiled)
        for data in (cache.keys, cache.values):
            data[:, 0] = data[:, slot].clone()
        with torch.inference_mode():
            _, alone = compiled.decode(
                cache,
                torch.tensor(codes[slot : slot + 1]),
                torch.tensor([slot]),
                torch.tensor(written[slot : slot + 1]),
                max_positions=written[slot] + 1,
            )
        assert torch.equal(alone[0], latents[slot])
        assert torch.equal(cache.keys[:, 0], together.keys[:, slot])
        assert torch.equal(cache.values[:, 0], together.values[:, slot])


def test_a_prompt_is_that_of_torchs_operators(compiled: Decoder, plain: Decoder, tiny: Pair) -> None:
    texts = [tiny.tokens(text).tolist() for text in random_texts(3, seed=4)]
    found: list[tuple[torch.Tensor, torch.Tensor]] = []
    for decoder in (compiled, plain):
        voices = [decoder.read_voice(tiny.voice.gpt_conditioning_latents)] * 3
        found.append(decoder.prefill(decoder.new_cache(slots=3, positions=300, device=CPU), 0, voices, texts))
    for ours, theirs in zip(*found, strict=True):
        assert float((ours - theirs).norm() / theirs.norm()) < 1e-2


def test_a_slot_that_is_not_finite_stays_so_and_harms_no_other(compiled: Decoder) -> None:
    codes, written = [5, 6, 7], [7, 30, 12]
    clean = step(compiled, filled_cache(compiled), codes, written)[0]
    cache = filled_cache(compiled)
    cache.keys[0, 1, 0, 3] = float("nan")
    logits = step(compiled, cache, codes, written)[0]
    assert not logits[1].isfinite().any()
    assert torch.equal(logits[[0, 2]], clean[[0, 2]])


def test_positions_that_a_slot_has_not_written_are_not_attended_to(compiled: Decoder) -> None:
    clean = step(compiled, filled_cache(compiled), [5], [20])[0]
    cache = filled_cache(compiled)
    cache.keys[:, 0, :, 21:] = float("nan")
    cache.values[:, 0, :, 21:] = 255
    assert torch.equal(step(compiled, cache, [5], [20])[0], clean)


@pytest.mark.parametrize("count", [1, 5, 16, 17, 32, 33])
def test_a_step_has_the_same_bits_with_and_without_tiles(
    with_tiles: Decoder, without_tiles: Decoder, threads: int, count: int
) -> None:
    codes, written = [(5 + 37 * slot) % 1000 for slot in range(count)], [(33 + 29 * slot) % 64 for slot in range(count)]
    ours, theirs = filled_cache(with_tiles, slots=count), filled_cache(without_tiles, slots=count)
    for found, expected in zip(
        step(with_tiles, ours, codes, written), step(without_tiles, theirs, codes, written), strict=True
    ):
        assert torch.equal(found, expected)
    assert torch.equal(ours.keys, theirs.keys)
    assert torch.equal(ours.values, theirs.values)


def test_a_prompt_has_the_same_bits_with_and_without_tiles(
    with_tiles: Decoder, without_tiles: Decoder, tiny: Pair
) -> None:
    texts = [tiny.tokens(text).tolist() for text in random_texts(3, seed=4)]
    found: list[tuple[torch.Tensor, torch.Tensor]] = []
    for decoder in (with_tiles, without_tiles):
        voices = [decoder.read_voice(tiny.voice.gpt_conditioning_latents)] * 3
        found.append(decoder.prefill(decoder.new_cache(slots=3, positions=300, device=CPU), 0, voices, texts))
    for ours, theirs in zip(*found, strict=True):
        assert torch.equal(ours, theirs)
