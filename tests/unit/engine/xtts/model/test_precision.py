"""float16 beside float32, teacher-forced: the same codes are said to both, whichever they would have chosen."""

import copy

import pytest
import torch

from app.engine.xtts.model.decoder import Decoder
from tests.support.teacher import agreement, teacher_forced
from tests.support.xtts import Pair, random_texts

NUM_TEXTS, NUM_STEPS = 16, 40
TOLERANCE = 1e-2
"""Relative norm of what float16 may change in the logits: 11 bits a number, over all layers."""


@pytest.fixture(scope="module")
def halved(tiny: Pair) -> Decoder:
    decoder = copy.deepcopy(tiny.checkpoint.networks.decoder)
    decoder.to_half()
    return decoder


def test_what_every_step_reads_is_float16_and_what_adds_up_is_not(halved: Decoder) -> None:
    kept = {name for name, tensor in halved.state_dict().items() if tensor.dtype == torch.float32}
    halves = {name for name, tensor in halved.state_dict().items() if tensor.dtype == torch.float16}
    assert kept | halves == set(halved.state_dict())
    assert {name.rpartition(".")[0].rpartition(".")[2] for name in halves} == {"c_attn", "c_proj", "c_fc"}
    assert {"mel_head.weight", "final_norm.weight", "gpt.h.0.ln_1.weight", "mel_embedding.weight"} <= kept
    assert halved.cache_dtype == torch.float16


def test_logits_stay_within_the_tolerance_and_codes_differ_only_where_two_are_as_likely(
    tiny: Pair, halved: Decoder
) -> None:
    texts = [tiny.tokens(text) for text in random_texts(NUM_TEXTS, seed=4)]
    codes = torch.randint(0, 1024, (NUM_TEXTS, NUM_STEPS), generator=torch.Generator().manual_seed(4))
    exact = teacher_forced(tiny.checkpoint.networks.decoder, tiny.voice, texts, codes)
    ours = teacher_forced(halved, tiny.voice, texts, codes)
    found = agreement(ours, exact)
    assert 1e-5 < found.relative_error < TOLERANCE  # not nothing: it is float16 that is measured
    assert found.same_best >= 0.98
    assert found.widest_disagreement < TOLERANCE
