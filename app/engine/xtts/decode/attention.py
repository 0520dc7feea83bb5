"""Attention of one step: each row's newest position over what its slot holds.

Two ways to compute the same, chosen once for a batch. Knows tensors of one layer; knows nothing of layers and of time.
"""

from typing import Protocol

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own name for it


class Attend(Protocol):
    """One layer's attention: writes the rows' new keys and values into the cache and reads what the rows may see.

    qkv            [rows, 3, heads, head_dim], of the newest position
    keys, values   [slots, heads, positions, head_dim], one layer of the cache

    Returns [rows, heads, head_dim].
    """

    def __call__(self, qkv: torch.Tensor, keys: torch.Tensor, values: torch.Tensor) -> torch.Tensor: ...


class Attention(Protocol):
    """What all layers of a step share.

    lengths   [rows] int64, positions that each row has written before this step
    span      positions to look at, at least max(lengths) + 1
    """

    def __call__(self, lengths: torch.Tensor, span: int, dtype: torch.dtype) -> Attend: ...


def masked_attention(lengths: torch.Tensor, span: int, dtype: torch.dtype) -> Attend:
    """torch's own kernel over the first `span` positions of every row; what is beyond a row's length is masked."""
    rows = torch.arange(len(lengths), device=lengths.device)
    unwritten = torch.arange(span, device=lengths.device) > lengths[:, None]
    mask = torch.zeros(unwritten.shape, device=lengths.device, dtype=dtype).masked_fill_(unwritten, float("-inf"))
    mask = mask[:, None, None]

    def attend(qkv: torch.Tensor, keys: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
        query, key, value = qkv.unbind(1)
        keys[rows, :, lengths] = key
        values[rows, :, lengths] = value
        seen = slice(0, len(qkv))
        heads = F.scaled_dot_product_attention(
            query[:, :, None], keys[seen, :, :span], values[seen, :, :span], attn_mask=mask
        )
        return heads[:, :, 0]

    return attend
