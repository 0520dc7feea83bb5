"""Pieces, which go from layer to layer of the generator, and the memory of the columns that each layer keeps.

How many columns are of the segment is known beforehand, or, where a CUDA graph makes last pieces of any length, on the
device only.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import torch

State = list[torch.Tensor]
"""Columns that each layer keeps between two pieces, in the order in which the layers run."""


class Count(NamedTuple):
    """`known` columns, and `per_frame` more for each valid frame of a stream, which is known on the device."""

    known: int
    per_frame: int = 0

    def plus(self, columns: int) -> "Count":
        """Not below 0, as far as that is known."""
        known = self.known + columns
        return Count(known, self.per_frame) if self.per_frame else Count(max(0, known))

    def times(self, factor: int) -> "Count":
        return Count(self.known * factor, self.per_frame * factor)


class Piece(NamedTuple):
    """[streams, channels, 1, columns], of which `num_valid` are of the segments; others behind them mean nothing."""

    columns: torch.Tensor
    num_valid: Count


class Memory:
    """The state of all layers: each one takes its columns in turn, and leaves those for the next piece.

    earlier      from the piece before; None at the start of the segments
    num_frames   [streams] valid frames, which the counts of a last piece are told in
    kept_here    tensors for the columns that are left; without them `kept` has them
    """

    def __init__(
        self,
        earlier: Iterable[torch.Tensor] | None,
        *,
        is_last: bool,
        num_frames: torch.Tensor | None = None,
        kept_here: Iterable[torch.Tensor] | None = None,
    ) -> None:
        self._earlier: Iterator[torch.Tensor] | None = None if earlier is None else iter(earlier)
        self._num_frames = num_frames
        self._kept_here: Iterator[torch.Tensor] | None = None if kept_here is None else iter(kept_here)
        self.is_last = is_last
        self.kept: State = []

    def join(self, piece: Piece, *, slope: float = 1.0, padding: int = 0) -> Piece:
        """The piece behind the columns that this layer kept, or behind `padding` zeros at the segment's start.

        The piece goes through a leaky ReLU of this slope on its way. With `padding`, so many zeros follow the last one.
        """
        x = piece.columns
        earlier = zeros(x, padding) if self._earlier is None else next(self._earlier)
        num_earlier, num_columns = earlier.shape[3], earlier.shape[3] + x.shape[3]
        num_valid = piece.num_valid.plus(num_earlier)
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
            self.clear_behind(joined, num_valid)
        return Piece(joined, num_valid.plus(num_zeros))

    def clear_behind(self, columns: torch.Tensor, count: Count) -> None:
        """Zeros behind the first `count` columns."""
        if not count.per_frame:
            columns[..., count.known :] = 0
            return
        assert self._num_frames is not None
        ends = self._num_frames * count.per_frame + count.known
        places = torch.arange(columns.shape[3], device=columns.device)
        columns.masked_fill_((places >= ends[:, None])[:, None, None], 0)

    def keep(self, columns: torch.Tensor) -> None:
        """Copied: a slice would hold the whole piece in memory. Nothing follows a last piece."""
        if self.is_last:
            return
        if self._kept_here is None:
            self.kept.append(columns.clone(memory_format=torch.channels_last))
        else:
            next(self._kept_here).copy_(columns)


class StateLayout:
    """A state of one tensor for each stream, in which the columns of all layers lie one behind the other."""

    def __init__(self, state: Sequence[torch.Tensor]) -> None:
        """state   of any streams, as `Memory.kept` has it"""
        self._sizes = [(columns.shape[1], columns.shape[3]) for columns in state]
        self.size = sum(channels * width for channels, width in self._sizes)

    def views(self, flat: torch.Tensor) -> Iterator[torch.Tensor]:
        """flat, [streams, size], as the columns of each layer."""
        start = 0
        for channels, width in self._sizes:
            part = flat[:, start : start + channels * width]
            yield part.unflatten(1, (width, channels)).transpose(1, 2)[:, :, None]
            start += channels * width


def zeros(like: torch.Tensor, width: int, num_channels: int | None = None) -> torch.Tensor:
    return like.new_zeros(like.shape[0], num_channels or like.shape[1], 1, width)
