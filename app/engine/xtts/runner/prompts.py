"""Prompts of a few numbers of rows, captured as CUDA graphs: a prompt is some 250 kernels, as a step is."""

from bisect import bisect_left

import torch

from app.engine.xtts.device.graphs import GraphMaker
from app.engine.xtts.model.decoder import Decoder
from app.engine.xtts.model.kv_cache import KVCache
from app.engine.xtts.model.prompt import PADDING
from app.engine.xtts.runner.graphs import WARM_UP_STEPS

ROWS = (48, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 1536)
"""A sentence of 35 tokens has 38 rows."""


class PromptGraphs:
    """`run_rows` of the decoder, for its cache, in the next larger of `ROWS`; more rows are launched one by one.

    Made and used on the thread that owns the device. Raises EngineUnavailable for rows that cannot be captured.
    """

    def __init__(self, decoder: Decoder, cache: KVCache, device: torch.device) -> None:
        self._decoder = decoder
        self._table = torch.zeros(4, ROWS[-1], dtype=torch.int64, device=device)
        self._table[2] = PADDING
        self._graphs: dict[int, torch.cuda.CUDAGraph] = {}
        self._results: dict[int, torch.Tensor] = {}
        with GraphMaker(device) as maker:
            for rows in reversed(ROWS):
                table = self._table[:, :rows]
                for _ in range(WARM_UP_STEPS):
                    decoder.run_rows(cache, table)

                def work(rows: int = rows, table: torch.Tensor = table) -> None:
                    self._results[rows] = decoder.run_rows(cache, table)

                self._graphs[rows] = maker.capture(work, f"a prompt of {rows} rows")

    @property
    def num_graphs(self) -> int:
        return len(self._graphs)

    def run_rows(self, cache: KVCache, table: torch.Tensor) -> torch.Tensor:
        """As that of the decoder. The result is valid until the next call."""
        count = table.shape[1]
        if count > ROWS[-1]:
            return self._decoder.run_rows(cache, table)
        rows = ROWS[bisect_left(ROWS, count)]
        self._table[:, :count] = table
        self._table[2, count:rows] = PADDING
        self._graphs[rows].replay()
        return self._results[rows][:count]
