"""One step of the batch, on the device from its beginning to its end: decode, draw, write back.

Reads and writes `Rows` only and asks for no value, so that a CUDA graph can hold it. Knows nothing of the host's side.
"""

import torch

from app.engine.xtts.decode.decoder import Decoder
from app.engine.xtts.decode.rows import LOST, Rows
from app.engine.xtts.decode.sampler import draw, filter_logits


def take_step(decoder: Decoder, rows: Rows, count: int, span: int) -> None:
    """The next code of the first `count` rows, of which those that are free stay where they are.

    span   cache positions to look at, at least the longest row's length + 1
    """
    part = slice(0, count)
    logits, latents = decoder.decode(
        rows.cache, rows.last_code[part], rows.num_codes[part], rows.length[part], span=span
    )
    rows.length[part] += rows.is_active[part]
    draw_codes(rows, part, logits, latents)


def draw_codes(rows: Rows, part: slice, logits: torch.Tensor, latents: torch.Tensor) -> None:
    """Draw the next code of each row of `part`, and note what comes of it.

    logits    [rows of part, codes]
    latents   [rows of part, channels]
    """
    is_finite = logits.isfinite().all(dim=-1)
    scores = filter_logits(
        logits.nan_to_num(),
        rows.seen[part],
        temperature=rows.temperature[part],
        top_k=rows.top_k[part],
        tail=rows.tail[part],
        repetition_penalty=rows.repetition_penalty[part],
    )
    codes = draw(scores, rows.seed[part], rows.num_codes[part])
    rows.told[part] = codes.masked_fill(~is_finite, LOST)
    rows.last_code[part] = codes
    rows.seen[part].scatter_(1, codes[:, None], True)
    rows.latents[torch.arange(part.start, part.stop, device=codes.device), rows.num_codes[part]] = latents
    rows.num_codes[part] += rows.is_active[part]
