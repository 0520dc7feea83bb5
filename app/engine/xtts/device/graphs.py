"""Capture of CUDA graphs: work of many kernels that is launched as one."""

import gc
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import torch

from app.errors import EngineUnavailable


class GraphMaker:
    """Captures graphs that share one pool of memory, so that one runs at a time. Work inside of the context is on a
    stream of its own.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._pool = torch.cuda.graph_pool_handle()
        self._stream = torch.cuda.Stream(device)
        self._context = torch.cuda.stream(self._stream)

    def __enter__(self) -> "GraphMaker":
        self._stream.wait_stream(torch.cuda.current_stream(self._device))
        gc.collect()  # once: `torch.cuda.graph` does it before each capture, a tenth of a second
        self._context.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._context.__exit__(*error)
        torch.cuda.current_stream(self._device).wait_stream(self._stream)

    def capture(self, work: Callable[[], None], what: str) -> torch.cuda.CUDAGraph:
        """A graph of `work`. Raises EngineUnavailable that names `what`."""
        graph = torch.cuda.CUDAGraph()
        try:
            # thread_local: other threads may ask CUDA for free memory meanwhile.
            graph.capture_begin(pool=self._pool, capture_error_mode="thread_local")
            try:
                work()
            except BaseException:
                with suppress(RuntimeError):  # capture_end raises as well; keep the original exception
                    graph.capture_end()
                raise
            graph.capture_end()
        except torch.OutOfMemoryError as error:
            raise EngineUnavailable(f"{what} does not fit into the GPU's memory: {error}") from error
        except RuntimeError as error:
            raise EngineUnavailable(
                f"{what} could not be captured as a CUDA graph ({error}); CHORUS_CUDA_GRAPHS=0 runs without graphs",
                param="CHORUS_CUDA_GRAPHS",
            ) from error
        return graph
