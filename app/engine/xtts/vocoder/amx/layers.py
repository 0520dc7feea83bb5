"""The layers of the generator as the kernel takes them: weights in tiles, channels filled up to whole blocks."""

from collections.abc import Sequence

import msgspec
import torch
from torch import nn
from TTS.vocoder.models.hifigan_generator import ResBlock1

from app.engine.xtts.vocoder.amx.kernel import BLOCK
from app.engine.xtts.vocoder.generator import radius_of


class Layer(msgspec.Struct, frozen=True):
    """A convolution.

    weights   [outputs / BLOCK, taps, inputs / BLOCK, 2, 16, 16, 2] bfloat16, see `pack`
    bias      [outputs] float32
    radius    columns before an output on which it depends
    """

    weights: torch.Tensor
    bias: torch.Tensor
    inputs: int
    outputs: int
    taps: int
    dilation: int
    radius: int


class Upsampler(msgspec.Struct, frozen=True):
    """A transposed convolution whose kernel is twice its stride, as a convolution of two taps: the input before and the
    input here give `stride` columns at once.

    layer   its outputs are those columns, one behind the other
    trim    columns that are cut off at each end of a segment
    """

    layer: Layer
    stride: int
    trim: int


def read_convolution(layer: nn.Module) -> Layer:
    assert isinstance(layer, nn.Conv1d)
    weight, radius = layer.weight.detach(), radius_of(layer)
    return _make(weight, _bias_of(layer), dilation=layer.dilation[0], radius=radius)


def read_upsampler(layer: nn.Module) -> Upsampler:
    assert isinstance(layer, nn.ConvTranspose1d)
    stride, trim = layer.stride[0], int(layer.padding[0])
    assert layer.kernel_size[0] == 2 * stride == 4 * trim
    num_outputs = filled_up(layer.out_channels)
    weight = torch.zeros(stride, num_outputs, layer.in_channels, 2)
    here, before = layer.weight.detach().float().permute(2, 1, 0).split(stride)
    weight[:, : layer.out_channels, :, 0], weight[:, : layer.out_channels, :, 1] = before, here
    bias = torch.zeros(stride, num_outputs)
    bias[:, : layer.out_channels] = _bias_of(layer)
    return Upsampler(_make(weight.flatten(0, 1), bias.flatten(), dilation=1, radius=1), stride, trim)


def read_pairs(block: ResBlock1) -> Sequence[tuple[Layer, Layer]]:
    pairs = zip(block.convs1, block.convs2, strict=True)
    return [(read_convolution(one), read_convolution(two)) for one, two in pairs]


def filled_up(channels: int) -> int:
    return -(-channels // BLOCK) * BLOCK


def _bias_of(layer: nn.Conv1d | nn.ConvTranspose1d) -> torch.Tensor:
    return torch.zeros(layer.out_channels) if layer.bias is None else layer.bias.detach().float()


def _make(weight: torch.Tensor, bias: torch.Tensor, *, dilation: int, radius: int) -> Layer:
    """weight   [outputs, inputs, taps]"""
    outputs, inputs, taps = filled_up(weight.shape[0]), filled_up(weight.shape[1]), weight.shape[2]
    filled = torch.zeros(outputs, inputs, taps)
    filled[: weight.shape[0], : weight.shape[1]] = weight
    filled_bias = torch.zeros(outputs)
    filled_bias[: len(bias)] = bias
    return Layer(pack(filled), filled_bias, inputs, outputs, taps, dilation, radius)


def pack(weight: torch.Tensor) -> torch.Tensor:
    """[outputs, inputs, taps] to tiles in bfloat16, in the order in which the kernel reads them.

    A tile holds 32 inputs for 16 outputs: 16 rows, each with two inputs for every output.
    """
    outputs, inputs, taps = weight.shape
    tiles = weight.to(torch.bfloat16).view(outputs // BLOCK, 2, 16, inputs // BLOCK, 16, 2, taps)
    return tiles.permute(0, 6, 3, 1, 4, 2, 5).contiguous()
