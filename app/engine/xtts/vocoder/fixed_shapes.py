"""The generator on a GPU in a few shapes, each captured as a CUDA graph: a chunk is some 700 kernels.

A last chunk of any length has the shape of a full one: how many of its frames are valid is a number on the device.
"""

from collections.abc import Callable, Sequence

import msgspec
import torch

from app.engine.xtts.device.copies import copy_into
from app.engine.xtts.device.graphs import GraphMaker
from app.engine.xtts.vocoder.generator import StreamingGenerator
from app.engine.xtts.vocoder.pieces import Count, Memory, Piece, StateLayout

COUNTS = (1, 2, 4, 8)
"""Chunks in one call of the generator on a GPU."""


class Shape(msgspec.Struct, frozen=True):
    """length     frames of each chunk
    count      chunks
    is_first   whether they begin their segments
    is_last    whether they end their segments
    """

    length: int
    count: int
    is_first: bool
    is_last: bool


class FixedShapes:
    """Runs each shape in tensors of its own; with graphs, as one launch.

    lengths   frames of chunks: of the first ones of segments, then of others
    """

    def __init__(self, generator: StreamingGenerator, lengths: Sequence[int], *, use_graphs: bool) -> None:
        first, *others = lengths
        assert first <= min(others), "a segment of one chunk has the length of first ones"
        kinds = [(first, True, False), (first, True, True), (first, False, True)]
        kinds += [(length, False, is_last) for length in others for is_last in (False, True)]
        shapes = [Shape(length, count, *rest) for length, *rest in kinds for count in COUNTS]
        shapes.sort(key=lambda shape: -shape.length * shape.count)  # smaller graphs reuse the memory of larger ones
        layout = _layout_of(generator, first)
        self._calls: dict[Shape, _Call] = {}
        if not use_graphs:
            self._calls = {shape: _Call(generator, shape, layout) for shape in shapes}
            return
        with GraphMaker(generator.device) as maker:
            for shape in shapes:
                self._calls[shape] = call = _Call(generator, shape, layout)
                call.work()  # libraries plan at first use
                graph = maker.capture(call.work, f"a call of the vocoder for {shape.count} times {shape.length} frames")
                call.run = graph.replay

    @torch.inference_mode()
    def run(
        self,
        shape: Shape,
        frames: torch.Tensor,
        num_frames: Sequence[int],
        embeddings: torch.Tensor,
        states: Sequence[torch.Tensor],
    ) -> tuple[list[torch.Tensor], torch.Tensor | None]:
        """The samples of each chunk, and the states for the next ones, [count, state]; None behind last ones.

        They lie in memory that the next call writes to: copies are queued before it.

        frames       [count, length, channels]
        num_frames   valid frames of each chunk
        embeddings   [count, 512, 1], on the host or the device
        states       of each chunk, [state], as they come from here; none for first ones
        """
        call = self._calls[shape]
        copy_into(call.frames, frames)
        copy_into(call.embeddings, embeddings.to(call.embeddings.dtype))
        copy_into(call.num_frames, torch.tensor(num_frames))
        if states:
            torch.stack(list(states), out=call.state)
        call.run()
        count = call.count
        samples = [
            row[: count.known + count.per_frame * number]
            for row, number in zip(call.samples.unbind(), num_frames, strict=True)
        ]
        return samples, None if shape.is_last else call.kept


class _Call:
    """Tensors of one shape. `work` computes from them; `run` does the same, or is a graph of it.

    count   valid samples of a stream, once `work` has run
    """

    def __init__(self, generator: StreamingGenerator, shape: Shape, layout: StateLayout) -> None:
        device, dtype = generator.device, generator.dtype
        self._generator, self._shape, self._layout = generator, shape, layout
        self.frames = torch.zeros(shape.count, shape.length, generator.num_channels, device=device, dtype=dtype)
        self.embeddings = torch.zeros(shape.count, generator.num_embedding, 1, device=device, dtype=dtype)
        self.num_frames = torch.full((shape.count,), shape.length, device=device)
        self.state = torch.zeros(shape.count, 0 if shape.is_first else layout.size, device=device, dtype=dtype)
        self.kept = torch.zeros(shape.count, 0 if shape.is_last else layout.size, device=device, dtype=dtype)
        self.samples = torch.empty(0)
        self.count = Count(0)
        self.run: Callable[[], None] = self.work

    @torch.inference_mode()
    def work(self) -> None:
        shape = self._shape
        memory = Memory(
            None if shape.is_first else self._layout.views(self.state),
            is_last=shape.is_last,
            num_frames=self.num_frames,
            kept_here=None if shape.is_last else self._layout.views(self.kept),
        )
        # [streams, frames, channels] is [streams, channels, 1, frames] in channels-last order: no copy is made.
        frames = self.frames.transpose(1, 2)[:, :, None]
        valid = Count(0, per_frame=1) if shape.is_last else Count(shape.length)
        made = self._generator.run(Piece(frames, valid), self.embeddings[:, :, None], memory)
        self.samples = made.columns[:, 0, 0].float()
        self.count = made.num_valid


@torch.inference_mode()
def _layout_of(generator: StreamingGenerator, length: int) -> StateLayout:
    """The layout after a first chunk, which is that after any other."""
    memory = Memory(None, is_last=False)
    frames = torch.zeros(1, generator.num_channels, 1, length, device=generator.device, dtype=generator.dtype)
    embedding = torch.zeros(1, generator.num_embedding, 1, 1, device=generator.device, dtype=generator.dtype)
    generator.run(Piece(frames, Count(length)), embedding, memory)
    return StateLayout(memory.kept)
