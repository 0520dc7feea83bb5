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

NUM_CONDITIONING_LATENTS = 32
START_CODE = -1
"""Stands in `PromptRows` for the start code, which is no text token."""
PADDING = -1
"""The slot of a row that fills up a shape."""


def num_prompt_positions(num_text_tokens: int) -> int:
    """Cache positions of a prompt: conditioning latents, start, text, stop, and the start code."""
    return NUM_CONDITIONING_LATENTS + num_text_tokens + 3


class VoicePrefix(msgspec.Struct, frozen=True, eq=False):
    """Keys and values of a voice's conditioning latents: [layers, heads, 32, head_dim]."""

    keys: torch.Tensor
    values: torch.Tensor

    @property
    def num_positions(self) -> int:
        return self.keys.shape[2]

    def write(self, cache: KVCache, slot: int) -> None:
        """Write it to the first positions of a slot, in all layers."""
        cache.keys[:, slot, :, : self.num_positions] = self.keys
        cache.values[:, slot, :, : self.num_positions] = self.values


class PromptRows(msgspec.Struct, frozen=True, eq=False):
    """Texts of prompts, which lie end to end in the rows of one matrix, so no product is wasted on padding.

    table     [4, rows] int64: text token, or START_CODE; place in the text; slot of the cache, or PADDING; position in
              that slot
    lengths   rows of each prompt
    """

    table: torch.Tensor
    lengths: tuple[int, ...]

    @classmethod
    def of(cls, texts: Sequence[Sequence[int]], first_slot: int, *, start_token: int, stop_token: int) -> "PromptRows":
        """Rows of texts, without start and stop, for consecutive slots. On the host."""
        rows: list[tuple[int, int, int, int]] = []
        for slot, text in enumerate(texts, first_slot):
            tokens = (start_token, *text, stop_token)
            rows += [(token, place, slot, NUM_CONDITIONING_LATENTS + place) for place, token in enumerate(tokens)]
            rows.append((START_CODE, 0, slot, NUM_CONDITIONING_LATENTS + len(tokens)))
        return cls(torch.tensor(rows).T.contiguous(), tuple(len(text) + 3 for text in texts))

    @property
    def ends(self) -> torch.Tensor:
        """[prompts] the last row of each. On the host."""
        return torch.tensor(self.lengths).cumsum(0) - 1


def voice_attention(keys: list[torch.Tensor], values: list[torch.Tensor], num_heads: int) -> Attend:
    """Attention of conditioning latents among themselves; adds their keys and values to the lists, layer by layer."""

    def attend(_: int, qkv: torch.Tensor) -> torch.Tensor:
        query, key, value = _by_head(qkv, num_heads).unbind()
        keys.append(key.contiguous())
        values.append(value.contiguous())
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
    like = prefix.keys
    hidden = torch.full((length, length), float("-inf"), device=like.device, dtype=like.dtype).triu_(1)
    return F.pad(hidden, (prefix.num_positions, 0))
