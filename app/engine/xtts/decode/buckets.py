"""The shapes in which steps are taken where each shape costs a capture: few, and none much larger than what is asked.

Knows numbers only.
"""

from bisect import bisect_left

import msgspec

ROWS = (1, 2, 4, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768)
SPANS = (128, 192, 256, 384, 512, 768)
"""Multiples of 64, as kernels like their strides. A segment of 250 characters ends near 500 positions."""


class Buckets(msgspec.Struct, frozen=True):
    """Shapes (rows, span); both ascend, and the last is the batch's own."""

    rows: tuple[int, ...]
    spans: tuple[int, ...]

    @classmethod
    def of(cls, slots: int, positions: int) -> "Buckets":
        """For a batch of so many slots of so many positions."""
        return cls(_up_to(slots, ROWS), _up_to(positions, SPANS))

    def fit(self, count: int, span: int) -> tuple[int, int]:
        """The smallest shape that holds `count` rows and `span` positions."""
        return self.rows[bisect_left(self.rows, count)], self.spans[bisect_left(self.spans, span)]

    def largest_first(self) -> list[tuple[int, int]]:
        """In the order of capture: the smaller ones reuse what the larger ones took from the memory pool."""
        return [(count, span) for count in reversed(self.rows) for span in reversed(self.spans)]


def _up_to(limit: int, sizes: tuple[int, ...]) -> tuple[int, ...]:
    return (*(size for size in sizes if size < limit), limit)
