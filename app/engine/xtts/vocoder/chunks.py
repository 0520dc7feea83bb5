"""The chunks in which a segment's frames go through the vocoder.

Their sizes follow one schedule, counted from the segment's start, and depend on its length only: a stream and a whole
answer are the same samples to the bit. Small ones come first for an early first sound, larger ones later because they
take less time for each frame.

A listener waits for a chunk while the earlier ones play. Speech that is made r times as fast as it is played has no
gap if a chunk is at most the first one and (r - 1) times all earlier ones. A GPU has r far above 2, so its chunks
double. On a CPU r is near 1, so its chunks grow by a tenth of the speech before them.
"""

from collections.abc import Sequence

import msgspec

FEW_CHUNK_FRAMES = (24, 48, 96, 192)
"""Frames that become samples with the first chunks and with all that follow; a frame is 256 samples, 10.7 ms."""
GRADUAL_CHUNK_FRAMES = (24, 32, 40, 40, 48, 48, 56, 64, 64, 72, 80, 80, 96, 96, 112, 128)
"""The same for a device on which shapes cost nothing: no gap where speech is made 1.1 times as fast as it is played."""


class Chunk(msgspec.Struct, frozen=True):
    """Frames `start` to `stop` of a segment. `length`: frames of the call of the generator, the last ones empty."""

    start: int
    stop: int
    length: int
    is_last: bool


def plan_chunk(
    index: int,
    start: int,
    *,
    num_ready: int,
    context: int,
    is_final: bool,
    few_lengths: bool = False,
    sizes: Sequence[int] | None = None,
) -> Chunk | None:
    """The chunk number `index` of a segment, which begins at frame `start`; None when it cannot be made yet.

    A chunk that is not the last is made when a frame behind it is there: only then is it known not to be the last.

    num_ready     frames that are there: all of the segment's when `is_final`
    context       frames behind a frame on which its samples depend: the first chunk takes them along
    few_lengths   the last chunk is filled up to one of the lengths that other chunks have
    sizes         None: the schedule that suits `few_lengths`
    """
    lengths = chunk_lengths(context, sizes or chunk_frames(few_lengths=few_lengths))
    length = lengths[min(index, len(lengths) - 1)]
    if num_ready > start + length:
        return Chunk(start, start + length, length, is_last=False)
    if not is_final or start >= num_ready:
        return None
    left = num_ready - start
    if few_lengths:
        return Chunk(start, num_ready, next(length for length in sorted(lengths) if length >= left), is_last=True)
    return Chunk(start, num_ready, left, is_last=True)


def chunk_frames(*, few_lengths: bool) -> tuple[int, ...]:
    return FEW_CHUNK_FRAMES if few_lengths else GRADUAL_CHUNK_FRAMES


def chunk_lengths(context: int, sizes: Sequence[int]) -> tuple[int, ...]:
    """Frames of the first chunks, and of all that follow. With the frame behind it the first one has its context."""
    return (sizes[0] + context - 1, *sizes[1:])
