"""Prompts: keys and values of a voice, which every prompt of it begins with, and attention of the text behind them.

Attention is causal and conditioning latents carry no position, so what a layer computes of them depends on the voice
alone.
"""

from collections.abc import Callable, Sequence

import msgspec
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own name for it

from app.engine.xtts.model.kv_cache import KVCache

Attend = Callable[[int, torch.Tensor], torch.Tensor]
"""(number of a layer, qkv [rows, 3 * channels]) -> what the rows attend to, [rows, channels]."""


class VoicePrefix(msgspec.Struct, frozen=True, eq=False):
    """Keys and values of a voice's conditioning latents in each layer: [heads, 32, head_dim]."""

    keys: list[torch.Tensor]
    values: list[torch.Tensor]

    @property
    def num_positions(self) -> int:
        return self.keys[0].shape[1]


def voice_attention(prefix: VoicePrefix, num_heads: int) -> Attend:
    """Attention of conditioning latents among themselves; adds their keys and values to `prefix`, layer by layer."""

    def attend(_: int, qkv: torch.Tensor) -> torch.Tensor:
        query, key, value = _by_head(qkv, num_heads).unbind()
        prefix.keys.append(key.contiguous())
        prefix.values.append(value.contiguous())
        heads = F.scaled_dot_product_attention(query[None], key[None], value[None], is_causal=True)[0]
        return heads.transpose(0, 1).flatten(1)

    return attend


def text_attention(
    cache: KVCache, first_slot: int, voices: Sequence[VoicePrefix], lengths: Sequence[int], num_heads: int
) -> Attend:
    """Attention of texts, which lie end to end in the rows, each behind its voice and in its slot of the cache.

    lengths   rows of each text
    """
    masks = [_causal_mask(prefix, length) for prefix, length in zip(voices, lengths, strict=True)]

    def attend(index: int, qkv: torch.Tensor) -> torch.Tensor:
        texts = _by_head(qkv, num_heads).split(list(lengths), dim=2)
        attended: list[torch.Tensor] = []
        for slot, (prefix, text, mask) in enumerate(zip(voices, texts, masks, strict=True), first_slot):
            query, key, value = text
            key, value = torch.cat([prefix.keys[index], key], 1), torch.cat([prefix.values[index], value], 1)
            cache.write(index, (slot, slice(None), slice(0, key.shape[1])), key, value)
            heads = F.scaled_dot_product_attention(query[None], key[None], value[None], attn_mask=mask)[0]
            attended.append(heads.transpose(0, 1).flatten(1))
        return torch.cat(attended)

    return attend


def _by_head(qkv: torch.Tensor, num_heads: int) -> torch.Tensor:
    """[rows, 3 * channels] to [3, heads, rows, head_dim]."""
    return qkv.view(len(qkv), 3, num_heads, -1).permute(1, 2, 0, 3)


def _causal_mask(prefix: VoicePrefix, length: int) -> torch.Tensor:
    """[length, positions] in the number format of the keys: 0 where a row of the text may look, else -infinity."""
    like = prefix.keys[0]
    hidden = torch.full((length, length), float("-inf"), device=like.device, dtype=like.dtype).triu_(1)
    return F.pad(hidden, (prefix.num_positions, 0))
