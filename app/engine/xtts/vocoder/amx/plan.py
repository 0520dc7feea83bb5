"""The list of operations that takes one piece of a segment through all layers.

Values that a layer reads or writes form a track. A track's columns are counted from the segment's start, and columns
before it and behind its end are zeros, as the padding of the reference is. Between two pieces a track keeps its last
columns in the state. For the length of a few operations its columns lie in a buffer, behind the ones it kept.
"""

from typing import Any, NamedTuple

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray

from app.engine.xtts.vocoder.amx.kernel import CLEAR, CONVOLVE, COPY, OPERATION
from app.engine.xtts.vocoder.amx.layers import Layer

Operations = NDArray[np.void]
FIELDS = OPERATION.names or ()


class Track(msgspec.Struct):
    """num_kept       columns that it keeps between two pieces
    num_behind     columns of zeros that its readers want behind the segment's end
    column_bytes   of one column
    buffer         address of the column at which a piece begins
    state          address of the columns that are kept
    """

    num_kept: int
    num_behind: int
    column_bytes: int
    buffer: int = 0
    state: int = 0


class Span(NamedTuple):
    """The columns `start` to `stop` of a track, which a piece adds to it."""

    track: Track
    start: int
    stop: int

    def address(self, column: int) -> int:
        return self.track.buffer + (column - self.start) * self.track.column_bytes


class Plan:
    """Takes operations one by one. The calls to `wait` part those that need each other."""

    def __init__(self, *, is_last: bool) -> None:
        self.is_last = is_last
        self._rows: list[dict[str, Any]] = []

    def wait(self) -> None:
        self._rows[-1]["waits"] = 1

    def operations(self) -> Operations:
        operations = np.zeros(len(self._rows), OPERATION)
        for operation, row in zip(operations, self._rows, strict=True):
            for name, value in row.items():
                operation[name] = value
        return operations

    def add(self, **fields: Any) -> None:
        self._rows.append(fields)

    def recall(self, *spans: Span) -> None:
        """Bring what tracks kept in front of the columns that are written now."""
        for span in spans:
            num_bytes = span.track.num_kept * span.track.column_bytes
            self._copy(span.track.state, span.address(span.start - span.track.num_kept), num_bytes)

    def keep(self, *spans: Span) -> None:
        """Nothing follows a last piece."""
        for span in () if self.is_last else spans:
            num_bytes = span.track.num_kept * span.track.column_bytes
            self._copy(span.address(span.stop - span.track.num_kept), span.track.state, num_bytes)

    def ahead(self, span: Span, lag: int) -> tuple[int, int]:
        """The columns that a layer can add, which needs `lag` columns behind each: zeros behind a segment's end."""
        return max(0, span.start - lag), span.stop if self.is_last else max(0, span.stop - lag)

    def end(self, span: Span) -> None:
        """Write zeros behind the segment's last column."""
        if self.is_last:
            self.clear(span, span.stop, span.stop + span.track.num_behind)

    def clear(self, span: Span, start: int, stop: int) -> None:
        num_bytes = (stop - start) * span.track.column_bytes
        self.add(kind=CLEAR, target=span.address(start), num_bytes=num_bytes)

    def convolve(self, layer: Layer, source: Span, start: int, stop: int, bias: torch.Tensor, **fields: Any) -> None:
        """Outputs `start` to `stop`, from the columns of `source` around them."""
        self.add(
            kind=CONVOLVE,
            columns=stop - start,
            row_bytes=source.track.column_bytes,
            blocks=source.track.column_bytes // 64,
            taps=layer.taps,
            dilation=layer.dilation,
            outputs=layer.outputs,
            source=source.address(start - layer.radius),
            weights=layer.weights.data_ptr(),
            bias=bias.data_ptr(),
            **fields,
        )

    def _copy(self, source: int, target: int, num_bytes: int) -> None:
        if num_bytes:
            self.add(kind=COPY, source=source, target=target, num_bytes=num_bytes)
