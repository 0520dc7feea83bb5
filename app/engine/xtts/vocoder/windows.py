"""The windows in which a segment is vocoded: frames for the generator, and samples that are kept.

A window takes frames on both sides along, as far as the generator looks, and drops their samples (overlap-save).
Windows follow one schedule from the segment's start, streamed or whole: small ones first for an early first sound,
larger ones later for less repeated work.
"""

from collections.abc import Sequence

import msgspec

WINDOW_FRAMES = (24, 48, 96, 192)
"""New frames of the first windows and of all that follow; a frame is 256 samples, 10.7 ms."""


class Window(msgspec.Struct, frozen=True):
    """Frames `first` to `last` go through the generator; the samples of `start` to `stop` are kept."""

    first: int
    start: int
    stop: int
    last: int


def plan_window(
    index: int,
    start: int,
    *,
    num_ready: int,
    context: int,
    is_final: bool,
    sizes: Sequence[int] = WINDOW_FRAMES,
    lengths: Sequence[int] = (),
) -> Window | None:
    """The window number `index`, which begins at frame `start`; None when it cannot be made yet.

    num_ready   frames that are there: all of the segment's when `is_final`
    context     frames that the generator looks to each side
    lengths     ascending lengths, one of which a window of a long enough segment has: it takes earlier frames along
    """
    stop = start + sizes[min(index, len(sizes) - 1)]
    if is_final:
        stop = min(stop, num_ready)
    if start >= stop or (not is_final and stop + context > num_ready):
        return None
    first, last = max(0, start - context), min(num_ready, stop + context)
    length = next((length for length in lengths if length >= last - first), 0)
    return Window(min(first, max(0, last - length)), start, stop, last)


def window_lengths(context: int, sizes: Sequence[int] = WINDOW_FRAMES) -> tuple[int, ...]:
    """Those of a segment that goes on: the first window has no frames before it."""
    return (sizes[0] + context, *(size + 2 * context for size in sizes[1:]))
