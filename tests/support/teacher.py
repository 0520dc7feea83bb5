"""Teacher forcing: the same codes are given to two decoders, and their logits compared."""

from collections.abc import Sequence

import msgspec
import torch

from app.engine.xtts.checkpoint.agreement import logits_of
from app.engine.xtts.model.decoder import Decoder
from app.engine.xtts.voice.speakers import VoiceConditioning

NUM_AUDIO_CODES = 1024


def teacher_forced(
    decoder: Decoder, voice: VoiceConditioning, texts: Sequence[torch.Tensor], codes: torch.Tensor
) -> torch.Tensor:
    """Logits [texts, steps, 1024] of the codes that are audio, float32 on the CPU; `codes` [texts, steps] are said.

    The start and stop codes are left out: test checkpoints give them logits of their own, such as -1e9.
    """
    logits = logits_of(decoder, voice.gpt_conditioning_latents, texts, codes.shape[1], lambda step, _: codes[:, step])
    return logits[..., :NUM_AUDIO_CODES]


class Agreement(msgspec.Struct, frozen=True, kw_only=True):
    """Distance of one decoder's logits from the exact ones."""

    relative_error: float
    """norm of the difference over norm of the exact logits"""
    same_best: float
    """share of steps in which the same code is best"""
    widest_disagreement: float
    """in the other steps the largest distance between the exact two best logits, over the exact logits' root mean
    square; 0 where all agree"""


def agreement(ours: torch.Tensor, exact: torch.Tensor) -> Agreement:
    """ours, exact   [texts, steps, codes]"""
    best_two = exact.topk(2, dim=-1).values
    differs = ours.argmax(dim=-1) != exact.argmax(dim=-1)
    margins = (best_two[..., 0] - best_two[..., 1])[differs] / exact.square().mean().sqrt()
    return Agreement(
        relative_error=float((ours - exact).norm() / exact.norm()),
        same_best=1 - float(differs.float().mean()),
        widest_disagreement=float(margins.max()) if len(margins) else 0.0,
    )
