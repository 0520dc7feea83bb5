"""The body with kernels of our own on a GPU, beside the same layers in float32 with torch's operators."""

import copy

import pytest
import torch

from app.engine.xtts.config import ModelArgs
from app.engine.xtts.model.cuda_body import MAX_FEW_ROWS
from app.engine.xtts.model.decoder import Decoder
from app.engine.xtts.model.kv_cache import KVCache
from app.engine.xtts.model.prompt import PADDING, PromptRows, VoicePrefix
from app.engine.xtts.runner.prompts import PromptGraphs
from tests.support.tiny_xtts import FULL_SIZE, TINY, Shape, sizes_of

TOLERANCE = 1e-2
"""Relative norm of what float16 may change, over all layers."""
POSITIONS = 800
WRITTEN = 2 * (0, 1, 31, 32, 127, 128, 129, 300, 511, 700, 799, 64, 5, 90, 256, 400, 3)


@pytest.fixture(scope="module", params=["tiny", "released"])
def exact(request: pytest.FixtureRequest, cuda: torch.device) -> Decoder:
    """In float32, with few layers; released widths or those of the tiny checkpoint."""
    shape = TINY if request.param == "tiny" else Shape(layers=3, channels=FULL_SIZE.channels, heads=FULL_SIZE.heads)
    torch.manual_seed(0)
    args = ModelArgs(**sizes_of(shape))
    decoder = Decoder(args, num_text_tokens=100, start_text_token=90, stop_text_token=91).to(cuda)
    for name, parameter in decoder.named_parameters():
        spread = 0.3 if "ln_" in name or "norm" in name else 0.05
        parameter.data.normal_(1.0 if name.endswith(("ln_1.weight", "ln_2.weight", "norm.weight")) else 0.0, spread)
    return decoder.requires_grad_(False).eval()


@pytest.fixture(scope="module")
def halved(exact: Decoder) -> Decoder:
    decoder = copy.deepcopy(exact)
    decoder.to_half()
    assert decoder.has_kernels
    return decoder


def filled_cache(decoder: Decoder, slots: int) -> KVCache:
    """Numbers of the same seed, whatever the decoder's precision."""
    cache = decoder.new_cache(slots=slots, positions=POSITIONS, device=decoder.mel_head.weight.device)
    generator = torch.Generator(cache.keys.device).manual_seed(3)
    for data in (cache.keys, cache.values):
        data.copy_(torch.randn(data.shape, generator=generator, device=data.device).half())
    return cache


def error(ours: torch.Tensor, theirs: torch.Tensor) -> float:
    return float((ours.float() - theirs.float()).norm() / theirs.float().norm())


@pytest.mark.parametrize("rows", [1, 2, 3, 4, 5, 8, 12, 16, 17, 33])
@torch.inference_mode()
def test_a_step_is_that_of_float32(exact: Decoder, halved: Decoder, rows: int) -> None:
    written = torch.tensor(WRITTEN[-rows:], device=exact.mel_head.weight.device)
    codes = torch.arange(rows, device=written.device)
    found: list[tuple[torch.Tensor, torch.Tensor]] = []
    caches: list[KVCache] = []
    for decoder in (halved, exact):
        caches.append(filled_cache(decoder, rows))
        found.append(decoder.decode(caches[-1], codes, codes, written, max_positions=POSITIONS))
    for ours, theirs in zip(*found, strict=True):
        for row in range(rows):
            assert error(ours[row], theirs[row]) < TOLERANCE
    at = (slice(None), torch.arange(rows), slice(None), written)
    before = filled_cache(halved, rows)
    for ours, theirs, earlier in (
        (caches[0].keys, caches[1].keys, before.keys),
        (caches[0].values, caches[1].values, before.values),
    ):
        assert error(ours[at], theirs[at]) < TOLERANCE
        changed = (ours != earlier).any(-1).any(0).any(1)  # [slots, positions]
        assert int(changed.sum()) == rows


@torch.inference_mode()
def test_rows_have_the_bits_of_any_other_row_of_the_same_shape(halved: Decoder) -> None:
    """A slot does not see what others have written."""
    device = halved.mel_head.weight.device
    written = torch.tensor([700, 31, 128], device=device)
    codes = torch.tensor([5, 6, 7], device=device)
    together = halved.decode(filled_cache(halved, 3), codes, codes, written, max_positions=POSITIONS)
    shorter = torch.tensor([0, 31, 4], device=device)
    again = halved.decode(filled_cache(halved, 3), codes, codes, shorter, max_positions=POSITIONS)
    assert torch.equal(together[1][1], again[1][1])
    assert not torch.equal(together[1][0], again[1][0])


@torch.inference_mode()
def test_a_slot_that_is_not_finite_harms_no_other(halved: Decoder) -> None:
    device = halved.mel_head.weight.device
    for rows in (3, 6):
        written = torch.tensor(WRITTEN[-rows:], device=device) + 8
        codes = torch.arange(rows, device=device)
        clean = halved.decode(filled_cache(halved, rows), codes, codes, written, max_positions=POSITIONS)[0]
        cache = filled_cache(halved, rows)
        cache.keys[0, 1, 0, 3] = float("nan")
        cache.keys[0, 2, :, int(written[2]) + 1 :] = float("nan")  # not yet written by this slot
        logits = halved.decode(cache, codes, codes, written, max_positions=POSITIONS)[0]
        assert not logits[1].isfinite().any()
        kept = [row for row in range(rows) if row != 1]
        assert torch.equal(logits[kept], clean[kept])


def voice_of(decoder: Decoder) -> VoicePrefix:
    channels = decoder.mel_embedding.embedding_dim
    latents = torch.randn(32, channels, generator=torch.Generator().manual_seed(7))
    return decoder.read_voice(latents.to(decoder.mel_head.weight.device))


@pytest.mark.parametrize("lengths", [(1,), (0, 12), (70, 3, 25, 40), (200, 300)])
@torch.inference_mode()
def test_prompts_are_those_of_float32(exact: Decoder, halved: Decoder, lengths: tuple[int, ...]) -> None:
    texts = [[(7 * number + place) % 90 for place in range(length)] for number, length in enumerate(lengths)]
    found: list[tuple[torch.Tensor, torch.Tensor]] = []
    caches: list[KVCache] = []
    for decoder in (halved, exact):
        caches.append(filled_cache(decoder, len(texts) + 2))
        found.append(decoder.prefill(caches[-1], 1, [voice_of(decoder)] * len(texts), texts))
    for ours, theirs in zip(*found, strict=True):
        for row in range(len(texts)):
            assert error(ours[row], theirs[row]) < TOLERANCE
    for slot, length in enumerate(lengths, 1):
        written = 32 + length + 3
        assert error(caches[0].keys[:, slot, :, :written], caches[1].keys[:, slot, :, :written]) < TOLERANCE
        assert error(caches[0].values[:, slot, :, :written], caches[1].values[:, slot, :, :written]) < TOLERANCE
    before = filled_cache(halved, len(texts) + 2)
    for slot, written in ((0, 0), (len(texts) + 1, 0), *((n, 35 + length) for n, length in enumerate(lengths, 1))):
        assert torch.equal(caches[0].keys[:, slot, :, written:], before.keys[:, slot, :, written:])
        assert torch.equal(caches[0].values[:, slot, :, written:], before.values[:, slot, :, written:])


@torch.inference_mode()
def test_a_graph_of_prompts_writes_what_launches_write(halved: Decoder) -> None:
    device = halved.mel_head.weight.device
    texts = [[5] * 30, [6, 7, 8], [9] * 60]
    voice = voice_of(halved)
    caches = [filled_cache(halved, 4) for _ in range(2)]
    graphs = PromptGraphs(halved, caches[0], device)
    graphed = halved.prefill(caches[0], 1, [voice] * 3, texts, run_rows=graphs.run_rows)
    launched = halved.prefill(caches[1], 1, [voice] * 3, texts)
    for ours, theirs in zip(graphed, launched, strict=True):
        assert error(ours, theirs) < TOLERANCE
    assert error(caches[0].keys, caches[1].keys) < TOLERANCE
    assert torch.equal(caches[0].keys[:, 0], caches[1].keys[:, 0])
    rows = PromptRows.of(texts, 1, start_token=90, stop_token=91).table.to(device)
    rows[2] = PADDING
    before = caches[0].keys.clone()
    graphs.run_rows(caches[0], rows)
    assert torch.equal(caches[0].keys, before)


def test_few_rows_and_many_are_both_tried() -> None:
    assert 3 < MAX_FEW_ROWS < 17
