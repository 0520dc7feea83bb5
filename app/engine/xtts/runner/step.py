"""One step of the batch on the device: decode, sample, write back.

Asks for no value, so that a CUDA graph can hold it.
"""

import torch

from app.engine.xtts.model.decoder import Decoder
from app.engine.xtts.runner.sampler import draw, filter_logits
from app.engine.xtts.runner.state import NOT_FINITE, BatchState


def take_step(decoder: Decoder, state: BatchState, num_slots: int, max_positions: int) -> None:
    """Sample the next code of the first `num_slots` slots; free ones among them stay as they are.

    max_positions   cache positions to look at, at least the largest num_positions + 1
    """
    part = slice(0, num_slots)
    logits, latents = decoder.decode(
        state.cache,
        state.last_code[part],
        state.num_codes[part],
        state.num_positions[part],
        max_positions=max_positions,
    )
    sample_codes(state, part, logits, latents, is_step=True)


def sample_codes(
    state: BatchState, part: slice, logits: torch.Tensor, latents: torch.Tensor, *, is_step: bool = False
) -> None:
    """Sample the next code of each slot of `part`; write it and its latent into `state`.

    logits    [slots of part, codes]
    latents   [slots of part, channels]
    is_step   whether a position of the cache was written; prompts are counted already
    """
    if state.sampler is not None:
        state.sampler.launch(
            len(logits),
            *(logits, latents),
            *(state.seed[part], state.temperature[part], state.top_k[part], state.top_p_tail[part]),
            *(state.repetition_penalty[part], state.is_active[part], state.seen_codes[part], state.num_codes[part]),
            *(state.num_positions[part] if is_step else None, state.sampled_codes[part], state.last_code[part]),
            *(state.latents[part], latents.shape[1], state.latents.shape[1]),
        )
        return
    if is_step:
        state.num_positions[part] += state.is_active[part]
    is_finite = logits.isfinite().all(dim=-1)
    scores = filter_logits(
        logits.nan_to_num(),
        state.seen_codes[part],
        temperature=state.temperature[part],
        top_k=state.top_k[part],
        top_p_tail=state.top_p_tail[part],
        repetition_penalty=state.repetition_penalty[part],
    )
    codes = draw(scores, state.seed[part], state.num_codes[part])
    state.sampled_codes[part] = codes.masked_fill(~is_finite, NOT_FINITE)
    state.last_code[part] = codes
    state.seen_codes[part].scatter_(1, codes[:, None], True)
    state.latents[torch.arange(part.start, part.stop, device=codes.device), state.num_codes[part]] = latents
    state.num_codes[part] += state.is_active[part]
