"""Attention of one decode step: the newest position of each slot over the positions that the slot has written.

Knows tensors of one layer. Knows nothing of layers and of time.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own name for it

Attend = Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]
"""Attention of one layer: writes the new keys and values of the slots into the cache, and reads what they may see.

qkv            [slots, 3, heads, head_dim], of the newest position
keys, values   [all slots, heads, positions, head_dim], one layer of the cache

Returns [slots, heads, head_dim].
"""


def masked_attention(num_positions: torch.Tensor, max_positions: int, dtype: torch.dtype) -> Attend:
    """torch's own kernel over the first `max_positions` positions of every slot; unwritten positions are masked.

    num_positions   [slots] int64, positions that each slot has written before this step
    max_positions   positions to look at, at least max(num_positions) + 1
    """
    slots = torch.arange(len(num_positions), device=num_positions.device)
    unwritten = torch.arange(max_positions, device=num_positions.device) > num_positions[:, None]
    mask = torch.zeros(unwritten.shape, device=num_positions.device, dtype=dtype).masked_fill_(unwritten, float("-inf"))
    mask = mask[:, None, None]

    def attend(qkv: torch.Tensor, keys: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
        query, key, value = qkv.unbind(1)
        keys[slots, :, num_positions] = key
        values[slots, :, num_positions] = value
        active = slice(0, len(qkv))
        heads = F.scaled_dot_product_attention(
            query[:, :, None], keys[active, :, :max_positions], values[active, :, :max_positions], attn_mask=mask
        )
        return heads[:, :, 0]

    return attend


def separate_attention(num_positions: torch.Tensor) -> Attend:
    """torch's own kernel, slot by slot, over the positions that the slot has written. It needs no mask.

    The kernel adds up in an order that depends on the number of positions, so only this gives a slot the same bits
    whatever its neighbours have written. For a CPU: it reads `num_positions`, and calls the kernel once a slot.

    num_positions   [slots] int64, positions that each slot has written before this step
    """
    written = num_positions.tolist()

    def attend(qkv: torch.Tensor, keys: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
        heads: list[torch.Tensor] = []
        for position, parts, slot_keys, slot_values in zip(
            written, qkv[:, :, :, None].split(1), keys.split(1), values.split(1), strict=False
        ):
            query, key, value = parts.unbind(1)  # each [1, heads, 1, head_dim]
            seen_keys, seen_values = slot_keys[:, :, : position + 1], slot_values[:, :, : position + 1]
            seen_keys[:, :, position:] = key
            seen_values[:, :, position:] = value
            heads.append(F.scaled_dot_product_attention(query, seen_keys, seen_values))
        return torch.cat(heads)[:, :, 0]

    return attend
