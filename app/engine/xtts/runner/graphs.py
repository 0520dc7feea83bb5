"""Steps as they come, or in a few shapes that were captured as CUDA graphs.

A step is 150 to 500 kernels of a few microseconds, which Python launches more slowly than the GPU runs
them; a graph is one launch. All padding is here: a step of 5 slots runs as one of 8, of which three are free.
"""

from bisect import bisect_left
from collections.abc import Callable

import msgspec
import torch

from app.engine.xtts.device.graphs import GraphMaker

SLOTS = (1, 2, 4, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768)
POSITIONS = (128, 192, 256, 384, 512, 768)
"""Multiples of 64, as kernels like their strides. A segment of 250 characters ends near 500 positions."""
WARM_UP_STEPS = 2
"""Steps before each capture: at first use libraries make handles and workspaces and load kernels."""

Step = Callable[[int, int], None]
"""on tensors whose addresses never change"""


class Buckets(msgspec.Struct, frozen=True):
    """Shapes (slots, max_positions) of steps; both ascend, and the last is the batch's own."""

    slots: tuple[int, ...]
    positions: tuple[int, ...]

    @classmethod
    def of(cls, slots: int, positions: int, *, by_positions: bool = True) -> "Buckets":
        """by_positions   false where a step looks at each slot's own positions, however many it may look at"""
        return cls(_up_to(slots, SLOTS), _up_to(positions, POSITIONS) if by_positions else (positions,))

    def fit(self, num_slots: int, max_positions: int) -> tuple[int, int]:
        """The smallest shape that holds `num_slots` and `max_positions`."""
        return (
            self.slots[bisect_left(self.slots, num_slots)],
            self.positions[bisect_left(self.positions, max_positions)],
        )

    def largest_first(self) -> list[tuple[int, int]]:
        """The order of capture: smaller graphs reuse the pool's memory of larger ones."""
        return [(slots, positions) for slots in reversed(self.slots) for positions in reversed(self.positions)]


def _up_to(limit: int, sizes: tuple[int, ...]) -> tuple[int, ...]:
    return (*(size for size in sizes if size < limit), limit)


class EagerRunner:
    """Each step in its own shape, or padded to `buckets`."""

    num_graphs = 0

    def __init__(self, step: Step, buckets: Buckets | None = None) -> None:
        self._step = step
        self._buckets = buckets

    def run(self, num_slots: int, max_positions: int) -> None:
        self._step(*(self._buckets.fit(num_slots, max_positions) if self._buckets else (num_slots, max_positions)))


class GraphRunner:
    """One CUDA graph for each shape.

    Made and used on the thread that owns the device, while no slot is in use. Raises EngineUnavailable for a shape that
    cannot be captured.
    """

    def __init__(self, step: Step, buckets: Buckets, device: torch.device) -> None:
        self._buckets = buckets
        self._graphs: dict[tuple[int, int], torch.cuda.CUDAGraph] = {}
        with GraphMaker(device) as maker:
            for shape in buckets.largest_first():
                for _ in range(WARM_UP_STEPS):
                    step(*shape)
                what = f"a step of {shape[0]} rows and {shape[1]} positions"
                self._graphs[shape] = maker.capture(lambda shape=shape: step(*shape), what)

    @property
    def num_graphs(self) -> int:
        return len(self._graphs)

    def run(self, num_slots: int, max_positions: int) -> None:
        self._graphs[self._buckets.fit(num_slots, max_positions)].replay()
