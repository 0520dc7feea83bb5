"""The HiFi-GAN generator of the TTS package, fed piece by piece: its samples are those of one pass over the segment.

Each convolution keeps the inputs that its next outputs need, so no frame is computed twice and memory does not grow
with the segment. Branches that lag less wait for those that lag more. Before a segment and behind it each layer sees
zeros, as the padding of the reference does.

Tensors are [streams, channels, 1, columns] with channels innermost in memory: on a CPU that order is 1.4 times as fast
as one-dimensional convolutions; results differ by rounding only.
"""

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple, cast

import torch
from torch import nn
from TTS.vocoder.models.hifigan_generator import LRELU_SLOPE, HifiganGenerator, ResBlock1

State = list[torch.Tensor]
"""Columns that each layer keeps between two pieces, in the order in which the layers run."""


LAST_SLOPE = 0.01
"""of the leaky ReLU before the last convolution, where the reference leaves it to torch's default"""


class StreamingGenerator:
    """The layers of a generator, in a form that goes on where it stopped.

    frame_samples   samples of one frame
    context         frames behind a frame on which its samples depend
    dtype           of frames and embeddings; later stages may have another
    """

    def __init__(self, generator: HifiganGenerator) -> None:
        upsamplers = cast("list[nn.ConvTranspose1d]", list(generator.ups))
        blocks = cast("list[ResBlock1]", list(generator.resblocks))
        count = generator.num_kernels
        groups = [blocks[start : start + count] for start in range(0, len(blocks), count)]
        self.frame_samples = math.prod(layer.stride[0] for layer in upsamplers)
        self.context = _context(generator, upsamplers, groups)
        weight = cast("nn.Conv1d", generator.conv_pre).weight
        self.device, self.dtype = weight.device, weight.dtype
        self._first, self._last = _Convolution(generator.conv_pre), _Convolution(generator.conv_post)
        self._speaker = _as_2d(generator.cond_layer)
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
        memory = _Memory(state, is_last=is_last)
        x = self._first(_Piece(frames, num_valid), memory)
        x = _Piece(x.columns + self._speaker(embeddings), x.num_valid)
        for number, upsample in enumerate(self._upsamplers):
            x = upsample(x, memory)
            if self._speakers:
                x.columns.add_(self._speakers[number](embeddings.to(x.columns.dtype)))
            x = _mean([block(x, memory) for block in self._groups[number]], memory)
        x = self._last(x, memory, slope=LAST_SLOPE)
        return torch.tanh(x.columns[:, 0, 0, : x.num_valid]), memory.kept


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


class _Piece(NamedTuple):
    """`num_valid` columns of the segments, and others behind them that mean nothing."""

    columns: torch.Tensor
    num_valid: int


class _Memory:
    """The state of all layers: each one takes its columns in turn, and leaves those for the next piece."""

    def __init__(self, state: State | None, *, is_last: bool) -> None:
        self._earlier: Iterator[torch.Tensor] | None = None if state is None else iter(state)
        self.is_last = is_last
        self.kept: State = []

    def join(self, piece: _Piece, *, slope: float = 1.0, padding: int = 0) -> _Piece:
        """The piece behind the columns that this layer kept, or behind `padding` zeros at the segment's start.

        The piece goes through a leaky ReLU of this slope on its way. With `padding`, so many zeros follow the last one.
        """
        x = piece.columns
        earlier = _zeros(x, padding) if self._earlier is None else next(self._earlier)
        num_earlier, num_columns = earlier.shape[3], earlier.shape[3] + x.shape[3]
        num_valid = num_earlier + piece.num_valid
        num_zeros = padding if self.is_last else 0
        # Written in place: torch.cat copies once more, and forgets the order of channels where a part is empty.
        joined = torch.empty(
            (*x.shape[:3], num_columns + num_zeros),
            dtype=x.dtype,
            device=x.device,
            memory_format=torch.channels_last,
        )
        joined[..., :num_earlier] = earlier
        torch.ops.aten.leaky_relu.out(x, slope, out=joined[..., num_earlier:num_columns])
        if self.is_last and padding:
            joined[..., num_valid:] = 0
        return _Piece(joined, num_valid + num_zeros)

    def keep(self, columns: torch.Tensor) -> None:
        """Copied: a slice would hold the whole piece in memory."""
        self.kept.append(columns.clone(memory_format=torch.channels_last))


class _Convolution:
    """A convolution of odd kernel. Its output lags behind its input by the padding, until the last piece."""

    def __init__(self, layer: nn.Module) -> None:
        assert isinstance(layer, nn.Conv1d)
        self._layer = _as_2d(layer)
        self._padding = _radius(layer)

    def __call__(self, piece: _Piece, memory: _Memory, *, slope: float = 1.0) -> _Piece:
        x, num_valid = memory.join(piece, slope=slope, padding=self._padding)
        lost = 2 * self._padding
        memory.keep(x[..., max(0, x.shape[3] - lost) :])
        if x.shape[3] <= lost:
            return _Piece(_zeros(x, 0, self._layer.out_channels), 0)
        return _Piece(self._layer(x), max(0, num_valid - lost))


class _Upsampler:
    """A transposed convolution whose kernel is twice its stride: an input adds to its own outputs and the next ones."""

    def __init__(self, layer: nn.ConvTranspose1d) -> None:
        self._layer = _as_2d(layer)
        self.dtype = layer.weight.dtype
        self._stride, self._trim = layer.stride[0], int(layer.padding[0])
        assert layer.kernel_size[0] == 2 * self._stride

    def __call__(self, piece: _Piece, memory: _Memory) -> _Piece:
        """The reference cuts `_trim` outputs off at each end of the segment."""
        piece = _Piece(piece.columns.to(self.dtype), piece.num_valid)
        x, num_valid = memory.join(piece, slope=LRELU_SLOPE)
        is_start = x.shape[3] == piece.columns.shape[3]
        memory.keep(x[..., -1:])
        if not x.shape[3]:
            return _Piece(_zeros(x, 0, self._layer.out_channels), 0)
        if memory.is_last:
            x[..., num_valid:] = 0
        start = self._trim if is_start else self._stride
        stop = (num_valid + 1) * self._stride - self._trim if memory.is_last else num_valid * self._stride
        made = self._layer(x)[..., start:]
        return _Piece(made if memory.is_last else made[..., : stop - start], max(0, stop - start))


class _Block:
    """ResBlock1: pairs of convolutions, each pair beside a way past it."""

    def __init__(self, block: ResBlock1) -> None:
        self._pairs = [
            (_Convolution(one), _Convolution(two)) for one, two in zip(block.convs1, block.convs2, strict=True)
        ]

    def __call__(self, piece: _Piece, memory: _Memory) -> _Piece:
        for one, two in self._pairs:
            inner = two(one(piece, memory, slope=LRELU_SLOPE), memory, slope=LRELU_SLOPE)
            past, _ = memory.join(piece)
            width = inner.columns.shape[3]
            memory.keep(past[..., width:])
            piece = _Piece(inner.columns.add_(past[..., :width]), inner.num_valid)
        return piece


def _mean(branches: Sequence[_Piece], memory: _Memory) -> _Piece:
    """The mean of parallel branches, as far as all of them have come."""
    joined = [memory.join(branch) for branch in branches]
    width = min(branch.columns.shape[3] for branch in joined)
    for branch in joined:
        memory.keep(branch.columns[..., width:])
    total = joined[0].columns[..., :width]
    for branch in joined[1:]:
        total = total + branch.columns[..., :width]
    return _Piece(total / len(branches), min(branch.num_valid for branch in joined))


def _context(
    generator: HifiganGenerator, upsamplers: Sequence[nn.ConvTranspose1d], groups: Sequence[Sequence[ResBlock1]]
) -> int:
    """The generator's receptive field to one side, layer by layer from its end."""
    radius = _radius(generator.conv_post)
    for upsampler, group in reversed(list(zip(upsamplers, groups, strict=True))):
        radius += max(sum(_radius(layer) for layer in (*block.convs1, *block.convs2)) for block in group)
        radius = math.ceil((radius + upsampler.kernel_size[0] // 2) / upsampler.stride[0])
    return radius + _radius(generator.conv_pre)


def _radius(layer: nn.Module) -> int:
    assert isinstance(layer, nn.Conv1d)
    return (layer.kernel_size[0] - 1) // 2 * layer.dilation[0]


def _zeros(like: torch.Tensor, width: int, num_channels: int | None = None) -> torch.Tensor:
    return like.new_zeros(like.shape[0], num_channels or like.shape[1], 1, width)


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
