"""Steps in shapes that were captured as CUDA graphs, or as they come.

A step of a small batch is some 400 kernels of a few microseconds, which Python launches more slowly than the GPU runs
them; a graph is launched by one call. All padding is here: a step of 5 rows runs as one of 8, of which three are free.

Knows shapes. Knows nothing of what a step does.
"""

import gc
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import torch

from app.engine.xtts.decode.buckets import Buckets
from app.errors import EngineUnavailable

Step = Callable[[int, int], None]
"""(rows, span): one step, on tensors whose addresses never change"""
WARM_UP_STEPS = 2
"""Before each capture: at first use libraries make handles and workspaces, and load the kernels of a shape."""


class EagerRunner:
    """Each step in its own shape, or padded to `buckets`."""

    num_graphs = 0

    def __init__(self, step: Step, buckets: Buckets | None = None) -> None:
        self._step = step
        self._buckets = buckets

    def run(self, count: int, span: int) -> None:
        self._step(*(self._buckets.fit(count, span) if self._buckets else (count, span)))


class GraphRunner:
    """One CUDA graph for each shape, captured when it is made. All share one pool of memory: one runs at a time.

    Must be made and used on the thread that owns the device, when no row is in use. Raises EngineUnavailable for a
    shape that cannot be captured.
    """

    def __init__(self, step: Step, buckets: Buckets, device: torch.device) -> None:
        self._buckets = buckets
        self._graphs: dict[tuple[int, int], torch.cuda.CUDAGraph] = {}
        pool = torch.cuda.graph_pool_handle()
        stream = torch.cuda.Stream(device)
        stream.wait_stream(torch.cuda.current_stream(device))
        gc.collect()  # once, not before each capture as `torch.cuda.graph` does: a tenth of a second each time
        with torch.cuda.stream(stream):
            for shape in buckets.largest_first():
                for _ in range(WARM_UP_STEPS):
                    step(*shape)
                try:
                    self._graphs[shape] = _capture(lambda shape=shape: step(*shape), pool)
                except RuntimeError as error:
                    raise EngineUnavailable(
                        f"a step of {shape[0]} rows and {shape[1]} positions could not be captured as a CUDA graph "
                        f"({error}); CHORUS_CUDA_GRAPHS=0 runs without graphs",
                        param="CHORUS_CUDA_GRAPHS",
                    ) from error
        torch.cuda.current_stream(device).wait_stream(stream)

    @property
    def num_graphs(self) -> int:
        return len(self._graphs)

    def run(self, count: int, span: int) -> None:
        self._graphs[self._buckets.fit(count, span)].replay()


def _capture(work: Callable[[], None], pool: Any) -> torch.cuda.CUDAGraph:  # Any: torch keeps its name to itself
    """What `torch.cuda.graph` does, without the garbage collection."""
    graph = torch.cuda.CUDAGraph()
    # thread_local: other threads may use CUDA meanwhile, to read how much memory there is.
    graph.capture_begin(pool=pool, capture_error_mode="thread_local")
    try:
        work()
    except BaseException:
        with suppress(RuntimeError):  # it fails too, and would hide why
            graph.capture_end()
        raise
    graph.capture_end()
    return graph
