"""The memory of tracks: buffers that several of them use in turn, and the state of a segment."""

import msgspec
import torch

from app.engine.xtts.vocoder.amx.kernel import BLOCK
from app.engine.xtts.vocoder.amx.plan import Track

LINE = 64
"""Bytes: addresses are multiples of it, as tiles are loaded fastest."""


class _Reservation(msgspec.Struct, frozen=True):
    buffer: str
    track: Track
    num_columns: int


class Reservations:
    """Tracks first, then the memory for all of them.

    max_frames   frames of a piece, with those that layers lag behind
    """

    def __init__(self, max_frames: int) -> None:
        self._max_frames = max_frames
        self._all: list[_Reservation] = []

    def track(self, buffer: str, channels: int, item_bytes: int, rate: int, *, kept: int, behind: int = 0) -> Track:
        """A track of `rate` columns a frame. It writes to the buffer of this name, which others write to before and
        after.
        """
        track = Track(kept, behind, channels * item_bytes)
        # A block of columns is read as a whole, and an upsampler writes whole inputs at the ends of a segment.
        self._all.append(_Reservation(buffer, track, (self._max_frames + 1) * rate + behind + 2 * BLOCK))
        return track

    def allocate(self) -> tuple[torch.Tensor, torch.Tensor]:
        """The buffers and a state, as bytes. Tracks have their addresses from now on."""
        before: dict[str, int] = {}
        behind: dict[str, int] = {}
        for each in self._all:
            kept = (each.track.num_kept + BLOCK) * each.track.column_bytes
            before[each.buffer] = max(before.get(each.buffer, 0), kept)
            behind[each.buffer] = max(behind.get(each.buffer, 0), each.num_columns * each.track.column_bytes)
        starts: dict[str, int] = {}
        size = 0
        for buffer, num_bytes in before.items():
            starts[buffer] = size + num_bytes
            size += num_bytes + behind[buffer]
        memory = _aligned(size)
        state = _aligned(sum(each.track.num_kept * each.track.column_bytes for each in self._all))
        at = state.data_ptr()
        for each in self._all:
            each.track.buffer, each.track.state = memory.data_ptr() + starts[each.buffer], at
            at += each.track.num_kept * each.track.column_bytes
        return memory, state


def _aligned(size: int) -> torch.Tensor:
    memory = torch.zeros(size + LINE, dtype=torch.uint8)
    start = -memory.data_ptr() % LINE
    return memory[start : start + size]
