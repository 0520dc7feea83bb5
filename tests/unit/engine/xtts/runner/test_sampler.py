"""The sampler against the transformers library's logits processors, and its noise."""

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from transformers.generation.logits_process import (
    RepetitionPenaltyLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

from app.engine.xtts.runner.sampler import draw, filter_logits, sequence_seed, top_p_tail_of

NUM_CODES = 1026


def reference_filter(
    logits: torch.Tensor, said: list[int], temperature: float, top_k: int, top_p: float, penalty: float
) -> torch.Tensor:
    """One row, in the order in which `generate` applies them."""
    scores = logits[None]
    if penalty != 1.0:
        scores = RepetitionPenaltyLogitsProcessor(penalty)(torch.tensor([said]), scores)
    scores = TemperatureLogitsWarper(temperature)(None, scores)
    scores = TopKLogitsWarper(top_k)(None, scores)
    return TopPLogitsWarper(top_p)(None, scores)[0] if top_p < 1 else scores[0]


ROWS = st.lists(
    st.tuples(
        st.floats(0.05, 2.0), st.integers(1, 1024), st.floats(0.01, 1.0), st.floats(1.0, 20.0), st.integers(1, 300)
    ),
    min_size=1,
    max_size=8,
)


@given(rows=ROWS, seed=st.integers(0, 1000))
@example(rows=[(0.0625, 3, 0.9999999999999999, 1.0, 1)], seed=0)  # 1 in float32, and less than 1 in the reference
@settings(max_examples=60, deadline=None)
def test_each_row_is_filtered_as_the_reference_filters_it_alone(
    rows: list[tuple[float, int, float, float, int]], seed: int
) -> None:
    noise = torch.Generator().manual_seed(seed)
    logits = torch.randn(len(rows), NUM_CODES, generator=noise) * 4
    said = [torch.randint(0, NUM_CODES, (num_said,), generator=noise).tolist() for *_, num_said in rows]
    seen = torch.zeros(len(rows), NUM_CODES, dtype=torch.bool)
    for row, codes in enumerate(said):
        seen[row, codes] = True
    temperature, top_k, top_p, penalty = (list(column) for column in list(zip(*rows, strict=True))[:4])
    ours = filter_logits(
        logits,
        seen,
        temperature=torch.tensor(temperature),
        top_k=torch.tensor(top_k),
        top_p_tail=torch.tensor([top_p_tail_of(share) for share in top_p]),
        repetition_penalty=torch.tensor(penalty),
    )
    for row, theirs in enumerate(reference_filter(logits[row], said[row], *rows[row][:4]) for row in range(len(rows))):
        kept = theirs.isfinite()
        assert torch.equal(ours[row].isfinite(), kept)
        # The penalty and temperature are float32 tensors here and Python numbers there: the last bit may differ.
        torch.testing.assert_close(ours[row][kept], theirs[kept], rtol=3e-7, atol=0)


def test_however_small_top_p_is_the_best_code_stays() -> None:
    logits = torch.randn(3, NUM_CODES)
    ones = torch.ones(3)
    tail = torch.tensor([top_p_tail_of(top_p) for top_p in (1e-12, 1e-3, 1e-8)])
    scores = filter_logits(
        logits, torch.zeros(3, NUM_CODES, dtype=torch.bool), temperature=ones, top_k=ones.long() * 50, top_p_tail=tail,
        repetition_penalty=ones,
    )  # fmt: skip
    assert torch.equal(draw(scores, torch.arange(3), torch.arange(3)), logits.argmax(dim=-1))


def test_top_k_of_one_is_greedy() -> None:
    logits = torch.randn(4, NUM_CODES)
    ones = torch.ones(4)
    scores = filter_logits(
        logits, torch.zeros(4, NUM_CODES, dtype=torch.bool), temperature=ones, top_k=ones.long(), top_p_tail=-ones,
        repetition_penalty=ones,
    )  # fmt: skip
    assert torch.equal(draw(scores, torch.arange(4), torch.arange(4)), logits.argmax(dim=-1))


def test_draws_follow_the_softmax_of_the_scores() -> None:
    scores = torch.tensor([2.0, 1.0, 0.0, float("-inf"), -1.0])
    count = 40_000
    codes = draw(scores.expand(count, -1), torch.full((count,), 7), torch.arange(count))
    shares = torch.bincount(codes, minlength=5) / count
    # Three standard deviations of a share near one half are 0.0075.
    torch.testing.assert_close(shares, scores.softmax(-1), atol=0.0075, rtol=0)


def test_a_row_draws_the_same_whoever_its_neighbours_are() -> None:
    scores = torch.randn(6, NUM_CODES)
    seeds, steps = torch.arange(6) * 1000, torch.tensor([0, 5, 2, 9, 9, 0])
    together = draw(scores, seeds, steps)
    order = torch.tensor([3, 0, 5])
    assert torch.equal(draw(scores[order], seeds[order], steps[order]), together[order])


@pytest.mark.parametrize(("other"), [(1, 0, 1), (1, 1, 0), (2, 0, 0)])
def test_other_seeds_segments_and_attempts_draw_other_codes(other: tuple[int, int, int]) -> None:
    scores = torch.zeros(200, NUM_CODES)
    steps = torch.arange(200)
    first = draw(scores, torch.full((200,), sequence_seed(1, 0, 0)), steps)
    second = draw(scores, torch.full((200,), sequence_seed(*other)), steps)
    assert (first == second).sum() < 5
    assert len(first.unique()) > 150
