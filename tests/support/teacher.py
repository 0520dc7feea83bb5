"""Teacher forcing: the same codes are given to two decoders, and their logits compared."""

from collections.abc import Sequence

import msgspec
import torch

from app.engine.xtts.model.decoder import Decoder, num_prompt_positions
from app.engine.xtts.model.kv_cache import KVCache
from app.engine.xtts.voice.speakers import VoiceConditioning

NUM_AUDIO_CODES = 1024


@torch.inference_mode()
def teacher_forced(
    decoder: Decoder, voice: VoiceConditioning, texts: Sequence[torch.Tensor], codes: torch.Tensor
) -> torch.Tensor:
    """Logits [texts, steps, 1024] of the codes that are audio, float32 on the CPU, after `codes` [texts, steps].

    The start and stop codes are left out: test checkpoints give them logits of their own, such as -1e9.
    """
    device, num_steps = decoder.mel_embedding.weight.device, codes.shape[1]
    latents = voice.gpt_conditioning_latents.to(device)
    lengths = torch.tensor([num_prompt_positions(len(text)) for text in texts], device=device)
    cache = KVCache(
        layers=len(decoder.gpt.layers),
        slots=len(texts),
        heads=decoder.num_heads,
        positions=int(lengths.max()) + num_steps,
        head_dim=decoder.head_dim,
        device=device,
        dtype=decoder.cache_dtype,
    )
    codes = codes.to(device)
    steps = [decoder.prefill(cache, 0, [latents] * len(texts), [text.to(device) for text in texts])[0].float().cpu()]
    for step in range(num_steps - 1):
        place = torch.full_like(lengths, step + 1)
        logits, _ = decoder.decode(cache, codes[:, step], place, lengths + step, max_positions=cache.positions)
        steps.append(logits.float().cpu())
    return torch.stack(steps, dim=1)[..., :NUM_AUDIO_CODES]


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
