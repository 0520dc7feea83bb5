"""The kernel that samples draws what torch's operators draw."""

import copy

import pytest
import torch

from app.engine.xtts.runner.state import NOT_FINITE, BatchState
from app.engine.xtts.runner.step import sample_codes
from tests.support.xtts import Pair

SLOTS, ROUNDS = 64, 20


@pytest.fixture(scope="module")
def states(tiny: Pair) -> tuple[BatchState, BatchState]:
    """The same twice: the second one samples with torch's operators."""
    decoder = copy.deepcopy(tiny.checkpoint.networks.decoder)
    decoder.to_half()
    device = decoder.mel_head.weight.device
    ours, theirs = (BatchState(decoder, slots=SLOTS, max_codes=100, device=device) for _ in range(2))
    assert ours.sampler is not None
    theirs.sampler = None
    return ours, theirs


def prepare(state: BatchState, *, top_k: int, top_p: float, temperature: float, penalty: float) -> None:
    state.seed[:] = torch.arange(SLOTS, device=state.device)
    state.top_k[:], state.top_p_tail[:] = top_k, (1 - top_p if top_p < 1 else -1.0)
    state.temperature[:], state.repetition_penalty[:] = temperature, penalty
    state.is_active[:], state.seen_codes[:] = 1, False
    for tensor in (state.num_codes, state.num_positions, state.latents):
        tensor.zero_()


@pytest.mark.parametrize(
    ("top_k", "top_p", "temperature", "penalty"),
    [
        (50, 0.85, 0.75, 5.0), (1, 1.0, 1.0, 5.0), (1026, 1.0, 1.0, 1.0), (1026, 0.3, 2.0, 1.3), (5, 0.01, 0.65, 2.0),
        (3, 0.99, 0.1, 10.0),
    ],
)  # fmt: skip
@torch.inference_mode()
def test_codes_are_those_of_the_operators(
    states: tuple[BatchState, BatchState], top_k: int, top_p: float, temperature: float, penalty: float
) -> None:
    ours, theirs = states
    for state in states:
        prepare(state, top_k=top_k, top_p=top_p, temperature=temperature, penalty=penalty)
    generator = torch.Generator(ours.device).manual_seed(5)
    num_codes, channels = ours.seen_codes.shape[1], ours.latents.shape[2]
    num_unequal = 0
    for _ in range(ROUNDS):
        logits = 3 * torch.randn(SLOTS, num_codes, generator=generator, device=ours.device)
        latents = torch.randn(SLOTS, channels, generator=generator, device=ours.device)
        for state in states:
            sample_codes(state, slice(0, SLOTS), logits, latents, is_step=True)
        num_unequal += int((ours.sampled_codes != theirs.sampled_codes).sum())
        assert torch.equal(ours.last_code, ours.sampled_codes)
        # Sums in another order may cut off another code: both go on with the same codes seen.
        ours.seen_codes.copy_(theirs.seen_codes)
    assert num_unequal <= (0 if top_k == 1 else 2)
    assert torch.equal(ours.latents, theirs.latents)
    assert torch.equal(ours.num_codes, theirs.num_codes) and int(ours.num_codes[0]) == ROUNDS
    assert torch.equal(ours.num_positions, theirs.num_positions) and int(ours.num_positions[0]) == ROUNDS


@torch.inference_mode()
def test_what_is_not_finite_is_told_and_free_slots_stay(states: tuple[BatchState, BatchState]) -> None:
    for state in states:
        prepare(state, top_k=50, top_p=0.85, temperature=0.75, penalty=5.0)
        state.is_active[2] = 0
        logits = torch.zeros(SLOTS, state.seen_codes.shape[1], device=state.device)
        logits[:, 7] = 5
        logits[1, 3], logits[3, 3] = float("nan"), float("inf")
        sample_codes(state, slice(0, 5), logits[:5], torch.ones(5, state.latents.shape[2], device=state.device))
        assert state.sampled_codes[:5].tolist()[1::2] == [NOT_FINITE, NOT_FINITE]
        assert state.num_codes[:6].tolist() == [1, 1, 0, 1, 1, 0]
        assert not state.num_positions.any()
        assert 0 <= int(state.last_code[1]) < state.seen_codes.shape[1]


@torch.inference_mode()
def test_equal_scores_are_all_drawn(states: tuple[BatchState, BatchState]) -> None:
    """Top-k takes all codes whose score is that of the k-th, as the operators do."""
    drawn: list[list[int]] = []
    for state in states:
        prepare(state, top_k=2, top_p=1.0, temperature=1.0, penalty=1.0)
        logits = torch.zeros(SLOTS, state.seen_codes.shape[1], device=state.device)
        logits[:, [5, 6, 900]] = 4.0
        sample_codes(state, slice(0, SLOTS), logits, torch.ones(SLOTS, state.latents.shape[2], device=state.device))
        drawn.append(state.sampled_codes.tolist())
    assert set(drawn[0]) == {5, 6, 900}
    assert drawn[0] == drawn[1]
