"""First audio and gaps of checked streams: python -m tests.bench.checked_speech [--blocks 6] [--seconds 40]

First audio: two callers ask for streams of two sentences one after the other, in blocks with `check` `off` and
`report` by turns. Gaps: as many listeners as half of the measured capacity hear an engine that damages one segment in
five, with `off` and with `retry`; each plays its stream from the first piece on and asks again when it has heard it.
`--listeners` gives another number.
"""

import argparse
import asyncio
import os
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np

from app.lifecycle import Lifecycle
from app.settings import Settings
from app.speech.playback import Playback
from app.speech.request import CheckMode, SpeechRequest
from app.speech.service import SpeechService
from tests.support.damage import SENTENCES
from tests.support.damaging_engine import DamagingEngine
from tests.support.embedded_asr import open_embedded

CALLERS, STREAMS_OF_BLOCK, SENTENCES_OF_STREAM = 2, 4, 2
SHARE = 0.2


class Listened:
    """Streams of one mode."""

    def __init__(self) -> None:
        self.first_audio_s: list[float] = []
        self.num_underruns = 0
        self.largest_underrun_s = 0.0
        self.num_retried = 0
        self.num_segments = 0

    def __str__(self) -> str:
        median, high = np.percentile(self.first_audio_s, [50, 95]) * 1000
        return (
            f"{len(self.first_audio_s)} streams, first audio median {median:.0f} ms, 95th percentile {high:.0f} ms; "
            f"{self.num_underruns} gaps, largest {self.largest_underrun_s:.2f} s; {self.num_retried} of "
            f"{self.num_segments} segments spoken again"
        )


async def listen(service: SpeechService, number: int, mode: CheckMode, listened: Listened) -> float:
    """Seconds of audio."""
    first = SENTENCES_OF_STREAM * number % (len(SENTENCES) - SENTENCES_OF_STREAM)
    text = " ".join(SENTENCES[first : first + SENTENCES_OF_STREAM])
    began_s = time.perf_counter()
    speech = await service.speak(SpeechRequest(text=text, seed=number, check=mode, streaming=True))
    listened.first_audio_s.append(time.perf_counter() - began_s)
    playback = Playback()
    async for event in speech:
        if isinstance(event, np.ndarray):
            playback.delivered(len(event) / speech.sample_rate_hz)
            playback.taken()
    receipt = speech.receipt()
    listened.num_underruns += playback.num_underruns
    listened.largest_underrun_s = max(listened.largest_underrun_s, playback.largest_underrun_s)
    listened.num_retried += sum(each.num_attempts > 1 for each in receipt.checks)
    listened.num_segments += receipt.num_segments
    return receipt.audio_s


async def block(service: SpeechService, mode: CheckMode, listened: Listened) -> None:
    async def caller(number: int) -> None:
        for stream in range(STREAMS_OF_BLOCK):
            await listen(service, number * STREAMS_OF_BLOCK + stream, mode, listened)

    await asyncio.gather(*map(caller, range(CALLERS)))


async def play(service: SpeechService, num_listeners: int, mode: CheckMode, seconds: float) -> Listened:
    listened = Listened()
    until_s = time.perf_counter() + seconds

    async def listener(number: int) -> None:
        await asyncio.sleep(number * seconds / (4 * num_listeners))  # not all at once
        while (began_s := time.perf_counter()) < until_s:
            audio_s = await listen(service, number, mode, listened)
            await asyncio.sleep(max(0.0, audio_s - (time.perf_counter() - began_s)))
            number += num_listeners

    await asyncio.gather(*map(listener, range(num_listeners)))
    return listened


async def measure(num_blocks: int, seconds: float, num_listeners: int, data: Path) -> None:
    lifecycle = Lifecycle()
    lifecycle.is_ready()
    recognizer = await asyncio.to_thread(open_embedded)
    engine = await asyncio.to_thread(DamagingEngine, SHARE)
    service = SpeechService(engine, Settings(data=data), lifecycle, recognizer=recognizer)
    modes: tuple[CheckMode, CheckMode] = ("off", "report")
    listened = {mode: Listened() for mode in modes}
    try:
        await block(service, "report", Listened())  # warms up
        for number in range(num_blocks):
            for mode in modes if number % 2 else reversed(modes):
                await block(service, mode, listened[mode])
        for mode in modes:
            print(f"two callers, {mode:7} {listened[mode]}", flush=True)
        medians = [statistics.median(listened[mode].first_audio_s) for mode in modes]
        print(f"difference of the medians {1000 * (medians[1] - medians[0]):.0f} ms")
        num_listeners = num_listeners or max(1, int(engine.stats().capacity_streams / 2))
        for mode in ("off", "retry"):
            print(
                f"{num_listeners} listeners, {mode:7} {await play(service, num_listeners, mode, seconds)}", flush=True
            )
    finally:
        await service.aclose()
        await recognizer.aclose()
    print(f"load {os.getloadavg()[0]:.1f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--blocks", type=int, default=6, help="of each mode")
    parser.add_argument("--seconds", type=float, default=40.0, help="of each load")
    parser.add_argument("--listeners", type=int, default=0, help="in place of half the measured capacity")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(measure(options.blocks, options.seconds, options.listeners, Path(folder)))


if __name__ == "__main__":
    main()
