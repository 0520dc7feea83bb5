"""The HiFi-GAN generator of the TTS package, fed piece by piece: its samples are those of one pass over the segment.

Each convolution keeps the inputs that its next outputs need, so no frame is computed twice and memory does not grow
with the segment. Branches that lag less wait for those that lag more. Before a segment and behind it each layer sees
zeros, as the padding of the reference does.

Tensors are [streams, channels, 1, columns] with channels innermost in memory: on a CPU that order is 1.4 times as fast
as one-dimensional convolutions; results differ by rounding only.
"""

import math
from collections.abc import Sequence
from typing import cast

import torch
from torch import nn
from TTS.vocoder.models.hifigan_generator import LRELU_SLOPE, HifiganGenerator, ResBlock1

from app.engine.xtts.vocoder.pieces import Count, Memory, Piece, State, zeros

LAST_SLOPE = 0.01
"""of the leaky ReLU before the last convolution, where the reference leaves it to torch's default"""


class StreamingGenerator:
    """The layers of a generator, in a form that goes on where it stopped.

    frame_samples   samples of one frame
    context         frames behind a frame on which its samples depend
    dtype           of frames and embeddings; later stages may have another
    num_channels, num_embedding   of frames and embeddings
    """

    def __init__(self, generator: HifiganGenerator) -> None:
        upsamplers, groups = upsamplers_of(generator), groups_of(generator)
        self.frame_samples = math.prod(layer.stride[0] for layer in upsamplers)
        self.context = context_of(generator)
        weight = cast("nn.Conv1d", generator.conv_pre).weight
        self.device, self.dtype = weight.device, weight.dtype
        self._first, self._last = _Convolution(generator.conv_pre), _Convolution(generator.conv_post)
        self._speaker = _as_2d(generator.cond_layer)
        self.num_channels, self.num_embedding = int(weight.shape[1]), self._speaker.in_channels
        self._speakers = [_as_2d(layer) for layer in generator.conds] if generator.cond_in_each_up_layer else []
        self._upsamplers = [_Upsampler(layer) for layer in upsamplers]
        self._groups = [[_Block(block) for block in group] for group in groups]

    @torch.inference_mode()
    def __call__(
        self, frames: torch.Tensor, embeddings: torch.Tensor, state: State | None, *, num_valid: int, is_last: bool
    ) -> tuple[torch.Tensor, State]:
        """The samples that no later frame can change, [streams, samples], and the state for the next piece.

        frames       [streams, channels, 1, frames], the next ones of each segment
        embeddings   [streams, 512, 1, 1]
        state        None at the start of the segments
        num_valid    frames that are of the segment; a last piece may have others behind them, which change nothing
        is_last      whether the segments end with these frames
        """
        memory = Memory(state, is_last=is_last)
        samples = self.run(Piece(frames, Count(num_valid)), embeddings, memory)
        return samples.columns[:, 0, 0, : samples.num_valid.known], memory.kept

    def run(self, frames: Piece, embeddings: torch.Tensor, memory: Memory) -> Piece:
        """The samples, [streams, 1, 1, columns]."""
        x = self._first(frames, memory)
        x = Piece(x.columns + self._speaker(embeddings), x.num_valid)
        for number, upsample in enumerate(self._upsamplers):
            x = upsample(x, memory)
            if self._speakers:
                x.columns.add_(self._speakers[number](embeddings.to(x.columns.dtype)))
            x = _mean([block(x, memory) for block in self._groups[number]], memory)
        x = self._last(x, memory, slope=LAST_SLOPE)
        return Piece(torch.tanh(x.columns), x.num_valid)


def to_bfloat16(generator: HifiganGenerator) -> None:
    """Convert all stages but the last one, which adds the most error for the least time.

    A CPU with products in bfloat16 then takes half the time (decision 460).
    """
    generator.to(torch.bfloat16)
    last = [generator.ups[-1], *generator.resblocks[-generator.num_kernels :], generator.conv_post]
    if generator.cond_in_each_up_layer:
        last.append(generator.conds[-1])
    for layer in last:
        layer.float()


class _Convolution:
    """A convolution of odd kernel. Its output lags behind its input by the padding, until the last piece."""

    def __init__(self, layer: nn.Module) -> None:
        assert isinstance(layer, nn.Conv1d)
        self._layer = _as_2d(layer)
        self._padding = radius_of(layer)

    def __call__(self, piece: Piece, memory: Memory, *, slope: float = 1.0) -> Piece:
        x, num_valid = memory.join(piece, slope=slope, padding=self._padding)
        lost = 2 * self._padding
        memory.keep(x[..., max(0, x.shape[3] - lost) :])
        if x.shape[3] <= lost:
            return Piece(zeros(x, 0, self._layer.out_channels), Count(0))
        return Piece(self._layer(x), num_valid.plus(-lost))


class _Upsampler:
    """A transposed convolution whose kernel is twice its stride: an input adds to its own outputs and the next ones."""

    def __init__(self, layer: nn.ConvTranspose1d) -> None:
        self._layer = _as_2d(layer)
        self.dtype = layer.weight.dtype
        self._stride, self._trim = layer.stride[0], int(layer.padding[0])
        assert layer.kernel_size[0] == 2 * self._stride

    def __call__(self, piece: Piece, memory: Memory) -> Piece:
        """The reference cuts `_trim` outputs off at each end of the segment."""
        piece = Piece(piece.columns.to(self.dtype), piece.num_valid)
        x, num_valid = memory.join(piece, slope=LRELU_SLOPE)
        is_start = x.shape[3] == piece.columns.shape[3]
        memory.keep(x[..., -1:])
        if not x.shape[3]:
            return Piece(zeros(x, 0, self._layer.out_channels), Count(0))
        start = self._trim if is_start else self._stride
        count = num_valid.times(self._stride).plus(-start)
        if not memory.is_last:
            return Piece(self._layer(x)[..., start : start + count.known], count)
        memory.clear_behind(x, num_valid)
        end = num_valid.times(self._stride).plus(self._stride - self._trim - start)
        return Piece(self._layer(x)[..., start:], end)


class _Block:
    """ResBlock1: pairs of convolutions, each pair beside a way past it."""

    def __init__(self, block: ResBlock1) -> None:
        self._pairs = [
            (_Convolution(one), _Convolution(two)) for one, two in zip(block.convs1, block.convs2, strict=True)
        ]

    def __call__(self, piece: Piece, memory: Memory) -> Piece:
        for one, two in self._pairs:
            inner = two(one(piece, memory, slope=LRELU_SLOPE), memory, slope=LRELU_SLOPE)
            past, _ = memory.join(piece)
            width = inner.columns.shape[3]
            memory.keep(past[..., width:])
            piece = Piece(inner.columns.add_(past[..., :width]), inner.num_valid)
        return piece


def _mean(branches: Sequence[Piece], memory: Memory) -> Piece:
    """The mean of parallel branches, as far as all of them have come."""
    joined = [memory.join(branch) for branch in branches]
    width = min(branch.columns.shape[3] for branch in joined)
    for branch in joined:
        memory.keep(branch.columns[..., width:])
    total = joined[0].columns[..., :width]
    for branch in joined[1:]:
        total = total + branch.columns[..., :width]
    return Piece(total / len(branches), min(branch.num_valid for branch in joined))


def upsamplers_of(generator: HifiganGenerator) -> list[nn.ConvTranspose1d]:
    return cast("list[nn.ConvTranspose1d]", list(generator.ups))


def groups_of(generator: HifiganGenerator) -> list[list[ResBlock1]]:
    """The parallel branches behind each upsampler."""
    blocks = cast("list[ResBlock1]", list(generator.resblocks))
    count = generator.num_kernels
    return [blocks[start : start + count] for start in range(0, len(blocks), count)]


def context_of(generator: HifiganGenerator) -> int:
    """The generator's receptive field to one side, layer by layer from its end."""
    radius = radius_of(generator.conv_post)
    for upsampler, group in reversed(list(zip(upsamplers_of(generator), groups_of(generator), strict=True))):
        radius += max(sum(radius_of(layer) for layer in (*block.convs1, *block.convs2)) for block in group)
        radius = math.ceil((radius + upsampler.kernel_size[0] // 2) / upsampler.stride[0])
    return radius + radius_of(generator.conv_pre)


def radius_of(layer: nn.Module) -> int:
    assert isinstance(layer, nn.Conv1d)
    return (layer.kernel_size[0] - 1) // 2 * layer.dilation[0]


def _as_2d(layer: nn.Module) -> nn.Conv2d | nn.ConvTranspose2d:
    """The same layer over [streams, channels, 1, columns], without padding."""
    assert isinstance(layer, nn.Conv1d | nn.ConvTranspose1d)
    kind = nn.Conv2d if isinstance(layer, nn.Conv1d) else nn.ConvTranspose2d
    flat = kind(
        layer.in_channels,
        layer.out_channels,
        (1, layer.kernel_size[0]),
        stride=(1, layer.stride[0]),
        dilation=(1, layer.dilation[0]),
        device="meta",
    )
    weight = layer.weight[:, :, None].contiguous(memory_format=torch.channels_last)
    flat.weight = nn.Parameter(weight, requires_grad=False)
    flat.bias = layer.bias
    return flat
