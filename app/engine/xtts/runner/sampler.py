"""The next audio code of every slot: the reference's logits processors in a batch, and noise of the slot.

Arithmetic and order are those of the transformers library: repetition penalty, temperature, top-k, top-p.

The draw is the Gumbel-max trick (Gumbel 1954; argmax of logits + noise is a draw from their softmax), with noise hashed
from (seed, step, code) by the finaliser of SplitMix64 (Steele et al. 2014). So codes depend on their own logits and
seed, never on neighbours, and a CUDA graph can hold the step.
"""

from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

# SplitMix64's constants, as the signed integers that torch has.
_GOLDEN_GAMMA = 0x9E3779B97F4A7C15 - (1 << 64)
_MIX_1 = 0xBF58476D1CE4E5B9 - (1 << 64)
_MIX_2 = 0x94D049BB133111EB - (1 << 64)


def filter_logits(
    logits: torch.Tensor,
    seen_codes: torch.Tensor,
    *,
    temperature: torch.Tensor,
    top_k: torch.Tensor,
    top_p_tail: torch.Tensor,
    repetition_penalty: torch.Tensor,
) -> torch.Tensor:
    """Logits to draw from: penalised, scaled, and -inf for excluded codes.

    logits       [slots, codes] float
    seen_codes   [slots, codes] bool, codes sampled so far, and the reference's placeholder ids
    top_p_tail   [slots] from `top_p_tail_of`
    others       [slots]; top_k int64
    """
    penalty = repetition_penalty[:, None]
    scores = torch.where(seen_codes, torch.where(logits < 0, logits * penalty, logits / penalty), logits)
    scores = scores / temperature[:, None]
    ascending, order = scores.sort(dim=-1)
    kth_best = (scores.shape[-1] - top_k).clamp(min=0)[:, None]
    ascending = ascending.masked_fill(ascending < ascending.gather(1, kth_best), float("-inf"))
    share_below = ascending.softmax(dim=-1).cumsum(dim=-1)
    removed = share_below <= top_p_tail[:, None]
    removed[:, -1].zero_()
    return torch.full_like(scores, float("-inf")).scatter(1, order, ascending.masked_fill(removed, float("-inf")))


def top_p_tail_of(top_p: float) -> float:
    """The share of the least likely codes that `top_p` cuts off; negative where it cuts nothing.

    Subtracted in double precision, as in the reference: 1 - float32(0.85) is another float32 than 0.15.
    """
    return 1 - top_p if top_p < 1 else -1.0


def draw(scores: torch.Tensor, seeds: torch.Tensor, steps: torch.Tensor) -> torch.Tensor:
    """[slots] codes, each drawn from the softmax of its scores.

    scores   [slots, codes] float, -inf where a code is excluded
    seeds    [slots] int64, from `sequence_seed`
    steps    [slots] int64, the number of codes drawn before
    """
    codes = torch.arange(scores.shape[-1], device=scores.device)
    bits = _mix(_mix(seeds + _GOLDEN_GAMMA * (steps + 1))[:, None] + _GOLDEN_GAMMA * (codes + 1))
    # 53 bits to a double in (0, 1): 0 would have an infinite logarithm and win every draw.
    uniform = ((bits >> 11) & ((1 << 53) - 1)).double().add_(0.5).mul_(2.0**-53)
    return (scores.double() - uniform.log_().neg_().log_()).argmax(dim=-1)


def sequence_seed(seed: int, segment_index: int, attempt: int) -> int:
    """The seed of one sequence: segments of a request, and attempts at them, draw differently."""
    mixed = np.zeros(1, np.int64)  # an array of numpy wraps around, as a tensor does
    for part in (seed, segment_index, attempt):
        mixed = _mix(mixed + np.array([part], np.int64) + _GOLDEN_GAMMA)
    return int(mixed[0])


Bits = TypeVar("Bits", torch.Tensor, NDArray[np.int64])


def _mix(bits: Bits) -> Bits:
    """SplitMix64's finaliser on int64. Masks make the shifts logical: those of torch and numpy keep the sign."""
    bits = (bits ^ ((bits >> 30) & ((1 << 34) - 1))) * _MIX_1
    bits = (bits ^ ((bits >> 27) & ((1 << 37) - 1))) * _MIX_2
    return bits ^ ((bits >> 31) & ((1 << 33) - 1))
