"""The network that listens to reference audio, ahead of the perceiver.

Written after ConditioningEncoder and AttentionBlock of the TTS package, whose modules import a text generation library:
the engine starts 7 s sooner. Parameters have the names of the checkpoint.
"""

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own name for it
from torch import nn

NUM_MELS = 80
NUM_BLOCKS = 6


class AttentionBlock(nn.Module):
    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm = nn.GroupNorm(_num_groups(channels), channels)
        self.qkv = nn.Conv1d(channels, 3 * channels, 1)
        self.proj_out = nn.Conv1d(channels, channels, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[batch, channels, frames] to the same."""
        batch, channels, frames = x.shape
        # The residual is the normed input: XTTS was trained so.
        normed = self.norm(x)
        # [batch, heads, head_dim, frames] each
        query, key, value = self.qkv(normed).view(batch, self.heads, -1, frames).chunk(3, dim=2)
        heads = F.scaled_dot_product_attention(query.transpose(2, 3), key.transpose(2, 3), value.transpose(2, 3))
        return normed + self.proj_out(heads.transpose(2, 3).reshape(batch, channels, frames))


class ConditioningEncoder(nn.Module):
    """Mel, [batch, 80, frames], to [batch, channels, frames]: `init`, then `attn`, block by block (see Conditioner)."""

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.init = nn.Conv1d(NUM_MELS, channels, 1)
        self.attn = nn.Sequential(*(AttentionBlock(channels, heads) for _ in range(NUM_BLOCKS)))


def _num_groups(channels: int) -> int:
    groups = 8 if channels <= 16 else 16 if channels <= 64 else 32
    while channels % groups:
        groups //= 2
    return groups
