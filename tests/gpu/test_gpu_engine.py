"""The engine on a GPU, as the server uses it: it speaks, streams what it says whole, and its memory never grows."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from app.engine.scheduler import Request
from app.engine.values import AudioChunk, SamplingParams
from app.engine.xtts.device.memory import RESERVE_BYTES
from app.engine.xtts.engine import XttsEngine
from app.errors import EngineUnavailable
from app.text.segments import split_segments
from tests.support.xtts import random_texts

TEXT = "The old grey house stood by the sea. Nothing more was said about it, and the fox went home over the hills."
# Chunks of one segment are made in other company each time: convolutions of other shapes round otherwise.
TOLERANCES = {"float32": 1e-4, "float16": 2e-2}


def run(folder: Path, scenario: Callable[[XttsEngine], Awaitable[None]], **options: object) -> None:
    async def main() -> None:
        engine = await asyncio.to_thread(lambda: XttsEngine(folder, device="cuda", **options))  # type: ignore[arg-type]
        try:
            await asyncio.wait_for(scenario(engine), 300)
        finally:
            await engine.aclose()

    asyncio.run(main())


async def speak(engine: XttsEngine, text: str, *, streaming: bool, seed: int = 7) -> list[AudioChunk]:
    request = Request(
        sequences=engine.prepare(split_segments(text, language="en", max_chars=250), "en"),
        voice=engine.voice("ada tiny"),
        sampling=SamplingParams(seed=seed),
        streaming=streaming,
    )
    return [chunk async for chunk in engine.submit(request)]


def samples_of(chunks: list[AudioChunk]) -> np.ndarray:
    return np.concatenate([chunk.samples for chunk in chunks])


@pytest.mark.parametrize("precision", ["float32", "float16"])
@pytest.mark.parametrize("use_graphs", [True, False], ids=["graphs", "launches"])
def test_a_stream_has_the_samples_of_the_whole_answer(
    cuda: torch.device, tiny_checkpoint: Path, precision: str, use_graphs: bool
) -> None:
    async def scenario(engine: XttsEngine) -> None:
        streamed = await speak(engine, TEXT, streaming=True)
        whole = await speak(engine, TEXT, streaming=False)
        assert sum(len(chunk.samples) > 0 for chunk in streamed) > 2
        assert np.abs(samples_of(whole)).max() > 0.01
        np.testing.assert_allclose(samples_of(streamed), samples_of(whole), atol=TOLERANCES[precision], rtol=0)

    run(tiny_checkpoint, scenario, precision=precision, use_graphs=use_graphs, max_slots=4)


def test_fifty_requests_at_a_time_leave_the_memory_as_they_found_it(cuda: torch.device, tiny_checkpoint: Path) -> None:
    async def scenario(engine: XttsEngine) -> None:
        texts = [text.capitalize() for text in random_texts(50, seed=2)]

        async def all_of_them() -> None:
            await asyncio.gather(*(speak(engine, text, streaming=True, seed=n) for n, text in enumerate(texts)))

        await all_of_them()
        before = torch.cuda.memory_reserved(cuda)
        for _ in range(4):
            await all_of_them()
        # Chunks and prefills meet in other numbers each time, and each may need one block more than the last.
        assert torch.cuda.memory_reserved(cuda) <= before + (64 << 20)
        memory = engine.stats().device_memory
        assert memory is not None
        assert 0 < memory.allocated <= memory.reserved < memory.limit

    run(tiny_checkpoint, scenario, max_slots=8, max_queue=64)


def test_slots_that_do_not_fit_are_refused_in_one_line(cuda: torch.device, tiny_checkpoint: Path) -> None:
    with pytest.raises(EngineUnavailable, match="slots fit"):
        XttsEngine(tiny_checkpoint, device="cuda", max_slots=10_000_000)
    assert torch.cuda.mem_get_info(cuda)[0] > RESERVE_BYTES
