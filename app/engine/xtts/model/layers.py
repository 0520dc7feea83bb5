"""The layers of the GPT-2 body. Parameters have the names of the checkpoint; weights are [in, out], as in GPT-2."""

from typing import cast

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own name for it
from torch import nn

from app.engine.xtts.model.int8 import QuantizedAffine, QuantizedFeedForward

LAYER_NORM_EPS = 1e-5


class Affine(nn.Module):
    """x @ weight + bias, with the weight [in, out], in the number format of the weight."""

    def __init__(self, size_in: int, size_out: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(size_in, size_out), requires_grad=False)
        self.bias = nn.Parameter(torch.empty(size_out), requires_grad=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.addmm(self.bias, x.to(self.weight.dtype), self.weight)


class Projections(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.c_attn: Affine | QuantizedAffine = Affine(channels, 3 * channels)
        self.c_proj: Affine | QuantizedAffine = Affine(channels, channels)


class FeedForward(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.c_fc = Affine(channels, 4 * channels)
        self.c_proj = Affine(4 * channels, channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.c_proj(F.gelu(self.c_fc(x), approximate="tanh"))


class Layer(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.ln_1 = nn.LayerNorm(channels, eps=LAYER_NORM_EPS)
        self.attn = Projections(channels)
        self.ln_2 = nn.LayerNorm(channels, eps=LAYER_NORM_EPS)
        self.mlp: FeedForward | QuantizedFeedForward = FeedForward(channels)


class Body(nn.Module):
    def __init__(self, layers: int, channels: int) -> None:
        super().__init__()
        self.h = nn.ModuleList(Layer(channels) for _ in range(layers))
        self.ln_f = nn.LayerNorm(channels, eps=LAYER_NORM_EPS)

    @property
    def layers(self) -> list[Layer]:
        return cast("list[Layer]", list(self.h))


class Positions(nn.Module):
    def __init__(self, count: int, channels: int) -> None:
        super().__init__()
        self.emb = nn.Embedding(count, channels)
