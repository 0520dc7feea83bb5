"""The vocoder's graphs on a GPU make the samples of the generator on a CPU."""

import copy

import msgspec
import numpy as np
import pytest
import torch

from app.engine.xtts.vocoder.chunks import Chunk
from app.engine.xtts.vocoder.upsampling import LatentUpsampler
from app.engine.xtts.vocoder.vocoder import VocodedChunk, Vocoder, VocoderJob
from tests.support.vocode import vocode
from tests.support.xtts import CPU, Pair

# Convolutions of other shapes round otherwise.
TOLERANCES = {torch.float32: 1e-4, torch.float16: 2e-2}


@pytest.mark.parametrize("use_graphs", [True, False], ids=["graphs", "launches"])
@pytest.mark.parametrize("count", [5, 20, 61, 150])
def test_samples_are_those_of_a_cpu(tiny: Pair, use_graphs: bool, count: int) -> None:
    generator = tiny.checkpoint.networks.generator
    latents = torch.randn(count, 64, generator=torch.Generator().manual_seed(count))
    vocoder = Vocoder(copy.deepcopy(generator), few_shapes=True, use_graphs=use_graphs)
    ours = vocode(vocoder, tiny, latents.to(vocoder.device))
    theirs = vocode(Vocoder(copy.deepcopy(generator).to(CPU)), tiny, latents)
    np.testing.assert_allclose(ours, theirs, atol=1e-4, rtol=0)


@pytest.mark.parametrize("precision", [torch.float32, torch.float16])
@pytest.mark.parametrize("count", [3, 8])
def test_chunks_that_share_a_call_are_those_of_each_alone(tiny: Pair, precision: torch.dtype, count: int) -> None:
    """Segments of different lengths, each with a first and a last chunk."""
    generator = copy.deepcopy(tiny.checkpoint.networks.generator).to(precision)
    vocoder = Vocoder(generator, few_shapes=True, use_graphs=True)
    first = vocoder.chunk_lengths[0]
    latents = torch.randn(60, 64, generator=torch.Generator().manual_seed(1)).to(vocoder.device)
    jobs = [
        VocoderJob(
            latents=latents.roll(number, 0),
            speaker_embedding=tiny.voice.speaker_embedding,
            upsampler=LatentUpsampler(tiny.checkpoint.config.model_args),
            chunk=Chunk(0, first, first, is_last=False),
            is_final=True,
            state=None,
        )
        for number in range(count)
    ]

    def last(number: int, begun: VocodedChunk) -> VocoderJob:
        chunk = Chunk(first, first + 1 + 4 * number, 48, is_last=True)
        return msgspec.structs.replace(jobs[number], chunk=chunk, state=begun.state)

    together = vocoder.run(jobs)
    ends = vocoder.run([last(number, begun) for number, begun in enumerate(together)])
    for number, job in enumerate(jobs):
        [alone] = vocoder.run([job])
        [end] = vocoder.run([last(number, alone)])
        for ours, theirs in ((together[number], alone), (ends[number], end)):
            assert ours.num_samples == theirs.num_samples > 0
            np.testing.assert_allclose(ours.samples.wait(), theirs.samples.wait(), atol=TOLERANCES[precision], rtol=0)
