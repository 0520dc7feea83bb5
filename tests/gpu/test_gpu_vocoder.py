"""The vocoder's graphs on a GPU make the samples of the generator on a CPU."""

import copy

import numpy as np
import pytest
import torch

from app.engine.xtts.vocoder.vocoder import Vocoder
from tests.support.vocode import vocode
from tests.support.xtts import CPU, Pair


@pytest.mark.parametrize("use_graphs", [True, False], ids=["graphs", "launches"])
@pytest.mark.parametrize("count", [5, 20, 61, 150])
def test_samples_are_those_of_a_cpu(tiny: Pair, use_graphs: bool, count: int) -> None:
    generator = tiny.checkpoint.networks.generator
    latents = torch.randn(count, 64, generator=torch.Generator().manual_seed(count))
    vocoder = Vocoder(copy.deepcopy(generator), few_shapes=True, use_graphs=use_graphs)
    ours = vocode(vocoder, tiny, latents.to(vocoder.device))
    theirs = vocode(Vocoder(copy.deepcopy(generator).to(CPU)), tiny, latents)
    np.testing.assert_allclose(ours, theirs, atol=1e-4, rtol=0)
