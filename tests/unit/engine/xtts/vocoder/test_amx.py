"""The vocoder in products of AMX, beside torch's convolutions."""

import copy
import sys

import numpy as np
import pytest
import torch
from TTS.vocoder.models.hifigan_generator import HifiganGenerator

from app.engine.values import Samples
from app.engine.xtts.vocoder.generator import StreamingGenerator, to_bfloat16
from app.engine.xtts.vocoder.pieces import State
from app.engine.xtts.vocoder.vocoder import Vocoder
from tests.support.vocode import vocode
from tests.support.xtts import Pair

AMX = "app.engine.xtts.vocoder.amx.generator"
WHOLE = (1_000_000,)

pytestmark = pytest.mark.skipif(
    not torch.cpu.get_capabilities().get("amx_bf16"), reason="the CPU has no AMX for bfloat16"
)


def rounded(pair: Pair, *, has_speaker_in_each_layer: bool = True) -> HifiganGenerator:
    generator = copy.deepcopy(pair.checkpoint.networks.generator)
    generator.cond_in_each_up_layer = generator.cond_in_each_up_layer and has_speaker_in_each_layer
    to_bfloat16(generator)
    return generator


@pytest.fixture(scope="module")
def compiled(tiny: Pair) -> Vocoder:
    vocoder = Vocoder(rounded(tiny))
    assert not isinstance(vocoder._generator, StreamingGenerator)
    return vocoder


def noise_db(ours: Samples, exact: Samples) -> float:
    return float(10 * np.log10(np.mean(np.square(ours - exact)) / np.mean(np.square(exact))))


@pytest.mark.parametrize("count", [1, 9, 60])
@pytest.mark.parametrize("has_speaker_in_each_layer", [True, False])
def test_the_samples_are_nearer_to_float32_than_those_of_torch(
    tiny: Pair, count: int, *, has_speaker_in_each_layer: bool
) -> None:
    """In each part of the segment: its start and its end too."""
    generator = copy.deepcopy(tiny.checkpoint.networks.generator)
    generator.cond_in_each_up_layer = generator.cond_in_each_up_layer and has_speaker_in_each_layer
    ours = Vocoder(rounded(tiny, has_speaker_in_each_layer=has_speaker_in_each_layer))
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, AMX, None)  # as where numba is missing
        torchs = Vocoder(rounded(tiny, has_speaker_in_each_layer=has_speaker_in_each_layer))
    assert isinstance(torchs._generator, StreamingGenerator)
    latents = torch.randn(count, 64, generator=torch.Generator().manual_seed(count))
    exact, by_amx, by_torch = (vocode(each, tiny, latents) for each in (Vocoder(generator), ours, torchs))
    assert by_amx.shape == exact.shape
    assert -80 < noise_db(by_amx, exact) < noise_db(by_torch, exact) < -40
    for part in np.array_split(np.arange(len(exact)), 8):
        assert noise_db(by_amx[part], exact[part]) < -35


@pytest.mark.parametrize("sizes", [(1,), (24, 31, 5), (64, 7)])
def test_the_samples_have_the_same_bits_however_the_segment_is_cut(
    compiled: Vocoder, tiny: Pair, sizes: tuple[int, ...]
) -> None:
    latents = torch.randn(20, 64, generator=torch.Generator().manual_seed(1))
    whole = vocode(compiled, tiny, latents, WHOLE)
    assert vocode(compiled, tiny, latents, sizes).tobytes() == whole.tobytes()


def test_the_samples_have_the_same_bits_on_any_number_of_threads(compiled: Vocoder, tiny: Pair, threads: int) -> None:
    latents = torch.randn(20, 64, generator=torch.Generator().manual_seed(1))
    ours = vocode(compiled, tiny, latents)
    torch.set_num_threads(1)
    assert ours.tobytes() == vocode(compiled, tiny, latents).tobytes()


def test_segments_in_turn_do_not_change_each_other(compiled: Vocoder, tiny: Pair) -> None:
    """The memory of the generator is one, but each segment has a state of its own, which a later chunk leaves alone."""
    frames = torch.randn(2, 64, 1, 40, generator=torch.Generator().manual_seed(1)).to(torch.bfloat16)
    embedding = tiny.voice.speaker_embedding[None, :, None]
    generator = compiled._generator

    def run(number: int, start: int, state: State | None) -> tuple[torch.Tensor, State]:
        piece = frames[number : number + 1, :, :, start : start + 20]
        return generator(piece, embedding, state, num_valid=20, is_last=start > 0)

    first, state = run(0, 0, None)
    alone, nothing = run(0, 20, state)
    assert not nothing
    _, other = run(1, 0, None)
    run(1, 20, other)
    again, _ = run(0, 20, state)
    assert torch.equal(alone, again)
    assert torch.isfinite(torch.cat((first, again), dim=1)).all()
