"""Attention of one decode step: the newest position of each slot over the positions that the slot has written.

Knows tensors of one layer. Knows nothing of layers and of time.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own name for it

from app.engine.xtts.model.kv_cache import POSITIONS_STEP, KVCache

SUM = 0
"""torch's number for bags that are added up."""

Attend = Callable[[torch.Tensor, KVCache, int], torch.Tensor]
"""Attention of one layer: writes the new keys and values of the slots into the cache, and reads what they may see.

qkv     [slots, 3, heads, head_dim], of the newest position of the first slots
cache   and the number of the layer

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

    def attend(qkv: torch.Tensor, cache: KVCache, layer: int) -> torch.Tensor:
        query, key, value = qkv.unbind(1)
        cache.write(layer, (slots, slice(None), num_positions), key, value)
        seen = (layer, slice(0, len(qkv)), slice(None), slice(0, max_positions))
        heads = F.scaled_dot_product_attention(query[:, :, None], cache.keys[seen], cache.values[seen], attn_mask=mask)
        return heads[:, :, 0]

    return attend


def separate_attention(num_positions: torch.Tensor, num_heads: int) -> Attend:
    """Attention on a CPU, with keys in float32, that gives a slot the same bits whatever its neighbours have written.

    Scores are one product for each slot, over its own positions rounded up to whole vectors, so the product's shape
    depends on the slot alone. Values are added up one position after the other, as bags of rows, in float32 or from one
    byte each. Scores beyond the written positions are -inf, and their weights of 0 fall on the newest position.

    Reads `num_positions` on the host.

    num_positions   [slots] int64, positions that each slot has written before this step
    """
    lengths = [-(-(written + 1) // POSITIONS_STEP) * POSITIONS_STEP for written in num_positions.tolist()]
    num_slots, width = len(lengths), max(lengths)
    slots, positions = torch.arange(num_slots), torch.arange(width)
    unwritten = (positions > num_positions[:, None])[:, None]
    seen = torch.minimum(positions, num_positions[:, None])[:, None]
    scores = torch.full((num_slots, num_heads, width), float("-inf"))
    weights = torch.empty_like(scores)
    slot_scores = [part[:, None, :length] for part, length in zip(scores, lengths, strict=True)]
    bag_starts = torch.arange(0, weights.numel(), width, dtype=torch.int32)
    rows: torch.Tensor | None = None

    def attend(qkv: torch.Tensor, cache: KVCache, layer: int) -> torch.Tensor:
        nonlocal rows
        if rows is None:  # of the layer's values as [slots * heads * positions, head_dim]; the same in each layer
            heads = torch.arange(0, num_slots * num_heads * cache.positions, cache.positions, dtype=torch.int32)
            rows = (heads.view(num_slots, num_heads, 1) + seen).int().flatten()
        query, key, value = qkv.unbind(1)
        cache.write(layer, (slots, slice(None), num_positions), key, value)
        scale = query.shape[-1] ** -0.5
        slot_keys = cache.keys[layer, :num_slots].mT
        for part, length, one_query, one_keys in zip(
            slot_scores, lengths, query[:, :, None].unbind(), slot_keys.unbind(), strict=True
        ):
            part.baddbmm_(one_query, one_keys[:, :, :length], beta=0, alpha=scale)
        torch.softmax(scores.masked_fill_(unwritten, float("-inf")), -1, out=weights)
        return _sum_rows(cache.values[layer].flatten(0, 2), rows, bag_starts, weights.view(-1)).view_as(query)

    return attend


def _sum_rows(table: torch.Tensor, rows: torch.Tensor, starts: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """[bags, head_dim]: weighted sums of rows of the table, added up in the order of `rows`.

    table     [all rows, head_dim], float32 or in bytes as KVCache has them
    rows      [rows of all bags] int32
    starts    [bags] int32, the place in `rows` where each bag begins
    weights   [rows of all bags]
    """
    if table.dtype == torch.uint8:
        return torch.ops.quantized.embedding_bag_byte_rowwise_offsets.default(
            table, rows, starts, mode=SUM, per_sample_weights=weights
        )
    return torch.embedding_bag(table, rows, starts, mode=SUM, per_sample_weights=weights)[0]
