"""Time that a child process adds to decoding a recording: `python -m tests.bench.uploads`. One JSON line."""

import asyncio
import io
import json
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable

import numpy as np
import soundfile

from app.audio.recording import decode_recording
from app.audio.reference import DECODE, decode_clip
from app.isolation.pool import Sandbox

NUM_RUNS = 50
SECONDS, RATE_HZ = 10, 24_000


async def median_ms(run: Callable[[], Awaitable[object]]) -> float:
    times_ms: list[float] = []
    for _ in range(NUM_RUNS):
        began_at_s = time.perf_counter()
        await run()
        times_ms.append((time.perf_counter() - began_at_s) * 1000)
    return round(statistics.median(times_ms), 2)


async def main() -> None:
    buffer = io.BytesIO()
    noise = np.random.default_rng(0).normal(0, 0.1, SECONDS * RATE_HZ)
    soundfile.write(buffer, noise, RATE_HZ, format="WAV", subtype="PCM_16")
    data = buffer.getvalue()
    sandbox = Sandbox(functions=(DECODE,))

    async def isolated() -> object:
        with tempfile.TemporaryFile() as file:
            file.write(data)
            return await sandbox.run(lambda child: decode_clip(child, file, name="clip", max_s=30))

    async def in_process() -> object:
        return await asyncio.to_thread(decode_recording, io.BytesIO(data), name="clip", max_s=30)

    try:
        began_at_s = time.perf_counter()
        await isolated()
        cold_ms = round((time.perf_counter() - began_at_s) * 1000, 1)
        figures = {"in_process_ms": await median_ms(in_process), "isolated_ms": await median_ms(isolated)}
    finally:
        await sandbox.aclose()
    added_ms = round(figures["isolated_ms"] - figures["in_process_ms"], 2)
    print(json.dumps({"recording_s": SECONDS, "runs": NUM_RUNS, "cold_ms": cold_ms, **figures, "added_ms": added_ms}))


if __name__ == "__main__":
    asyncio.run(main())
