"""Memory of a recogniser, in MB: after loading, with one window of 30 s, with a full turn. Linux.

`python -m tests.bench.asr_memory [CHORUS_ASR_MODEL]`
"""

import asyncio
import sys
from pathlib import Path

import numpy as np
from hibari import Hibari

from app.asr.base import Recognizer, TranscriptionRequest
from app.asr.factory import build_recognizer
from app.asr.installation import choose_model
from app.settings import Settings
from tests.support.embedded_asr import at_model_rate

TEXT = "My mother read the letters in the kitchen while the soup was boiling. " * 8


def print_memory(stage: str) -> None:
    """The resident memory now, and its maximum since the last call."""
    lines = Path("/proc/self/status").read_text().splitlines()
    megabytes = {line.split(":")[0]: int(line.split()[1]) // 1000 for line in lines if line.startswith("Vm")}
    print(f"{stage:<16} now {megabytes['VmRSS']:>5}   most {megabytes['VmHWM']:>5}", flush=True)
    Path("/proc/self/clear_refs").write_text("5")


async def transcribe(recognizer: Recognizer, request: TranscriptionRequest) -> None:
    async for _ in recognizer.submit(request):
        pass


async def main(model: str) -> None:
    samples = at_model_rate(np.concatenate(list(Hibari().stream(TEXT))), 24_000)[: 30 * 16_000]
    request = TranscriptionRequest(samples=samples, word_timestamps=True)
    print_memory("before loading")
    settings = Settings(asr_model=model)
    recognizer = build_recognizer(settings, choose_model(settings))
    print_memory("loaded")
    for count in (1, recognizer.info.max_batch):
        await asyncio.gather(*(transcribe(recognizer, request) for _ in range(count)))
        print_memory(f"{count} x 30 s")
    await recognizer.aclose()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:] or ["auto"]))
