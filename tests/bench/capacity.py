"""`python -m tests.bench.capacity`: the promised number of streams beside the load at which streams have gaps.

Engine and settings come from the environment, as for `chorus bench`. Requests arrive at random (Poisson) and wait for
no other; the offered load is their rate times the length of their audio: the number of listeners at a time, on average.
Shares of the promise are offered without the limit on streams and with it. Prints JSON lines: the promise, the figures
of each load, the knee.

The knee is the largest number of listeners at a time with which at least 99 % of all streams that met no more were
heard well: no gap over 100 ms, and the first audio within `--first` seconds. A listener counts from the request until
all is played. Both are asked for because engines fail in two ways. XTTS makes streams in steps, and too many have gaps.
The embedded voice makes a stream in a tenth of a second, so it never has a gap, and too many streams wait.
"""

import argparse
import asyncio
import json
import math
import os
import time
from collections.abc import AsyncIterator, Sequence
from typing import Any

import msgspec
import numpy as np

from app.bench.arrivals import Load, Rate, at_once, poisson
from app.bench.figures import Figures
from app.bench.load import measure
from app.bench.streams import OpenStream, service_streams
from app.engine.factory import build_engine
from app.engine.values import Samples
from app.lifecycle import Lifecycle
from app.pools import switch_threads_often
from app.settings import Settings, load_settings
from app.speech.playback import Playback
from app.speech.service import SpeechService

SHARES = "0.25,0.5,0.75,1,1.25,1.5"
"""of the promise"""
MAX_UNDERRUN_S = 0.1
ENOUGH = 0.99
RATE_HZ = 24_000


class Heard(msgspec.Struct):
    """One stream as its listener plays it. `until_s` is the moment when all that has arrived is played."""

    playback: Playback
    from_s: float
    """when it was asked for"""
    first_s: float = math.inf
    """seconds until the first audio"""
    until_s: float = 0.0
    audio_s: float = 0.0

    def take(self, seconds: float, now_s: float) -> None:
        self.playback.delivered(seconds)
        self.first_s = min(self.first_s, now_s - self.from_s)
        self.until_s = max(self.until_s, now_s) + seconds
        self.audio_s += seconds


class Listeners:
    """Opens streams, and keeps how each of them was heard."""

    def __init__(self, open_stream: OpenStream) -> None:
        self._open_stream = open_stream
        self.heard: list[Heard] = []

    async def open(self, text: str, seed: int) -> AsyncIterator[Samples]:
        heard = Heard(Playback(), time.perf_counter())
        async for samples in self._open_stream(text, seed):
            if not heard.audio_s:  # others were refused
                self.heard.append(heard)
            heard.take(len(samples) / RATE_HZ, time.perf_counter())
            yield samples


def knee(heard: Sequence[Heard], *, max_first_s: float) -> tuple[int, int]:
    """(largest number of listeners at a time who are heard well, number of streams that met no more)."""
    starts = np.sort([one.from_s for one in heard])
    ends = np.sort([one.until_s for one in heard])
    # Listeners right after each start: one who is asked for at the moment of another's end does not meet it.
    present = np.searchsorted(starts, starts, "right") - np.searchsorted(ends, starts, "right")
    at_a_time = [
        int(present[np.searchsorted(starts, one.from_s) : np.searchsorted(starts, one.until_s)].max()) for one in heard
    ]
    best = (0, 0)
    for number in sorted(set(at_a_time)):
        some = [one for one, met in zip(heard, at_a_time, strict=True) if met <= number]
        well = [one.first_s <= max_first_s and one.playback.largest_underrun_s <= MAX_UNDERRUN_S for one in some]
        if sum(well) >= ENOUGH * len(some):
            best = (number, len(some))
    return best


def say(**facts: Any) -> None:
    print(json.dumps({name: round(fact, 3) if isinstance(fact, float) else fact for name, fact in facts.items()}),
          flush=True)  # fmt: skip


async def sweep(settings: Settings, shares: Sequence[float], options: argparse.Namespace) -> None:
    """Offer shares of the promise to an engine of the settings."""
    engine = await asyncio.to_thread(build_engine, settings, exact_codes=options.codes)
    lifecycle = Lifecycle()
    lifecycle.is_ready()
    service = SpeechService(engine, settings, lifecycle)
    listeners = Listeners(service_streams(service))
    at_start = engine.stats().capacity_streams

    async def run(load: Load) -> Figures:
        figures: list[Figures] = []
        await measure(
            listeners.open,
            load,
            sample_rate_hz=RATE_HZ,
            code_s=None,
            num_sentences=options.sentences,
            record=figures.append,
        )
        return figures[-1]

    try:
        await run(at_once(1))
        listeners.heard.clear()
        await run(at_once(max(1, int(at_start))))
        audio_s = sum(heard.audio_s for heard in listeners.heard) / len(listeners.heard)
        listeners.heard.clear()
        promise = engine.stats().capacity_streams
        info = {"engine": engine.info.name, "precision": engine.info.precision, "limited": settings.limit_streams}
        say(**info, capacity_at_start=at_start, capacity=promise, stream_s=audio_s, machine_load=os.getloadavg()[0])
        for share in shares:
            rate = Rate(f"{share:g}", share * promise / audio_s)
            row = await run(poisson(rate, duration_s=options.duration, seed=options.seed))
            facts = {"share": share, "offered_streams": share * promise, "capacity": engine.stats().capacity_streams}
            say(**info, **facts, machine_load=os.getloadavg()[0], **msgspec.to_builtins(row))
        streams, num_heard = knee(listeners.heard, max_first_s=options.first)
        capacity = engine.stats().capacity_streams
        say(**info, knee_streams=streams, of_streams=num_heard, capacity=capacity, ratio=capacity / max(streams, 1))
    finally:
        await service.aclose()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shares", default=SHARES)
    parser.add_argument("--duration", type=float, default=60.0, help="seconds in which requests arrive at each load")
    parser.add_argument("--sentences", type=int, default=4, help="of each text")
    parser.add_argument("--first", type=float, default=3.0, help="seconds in which a stream's audio must begin")
    parser.add_argument("--codes", type=int, help="audio codes of each segment (XTTS)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--limited", choices=("0", "1"), help="with the limit on streams only, or without only")
    options = parser.parse_args()
    switch_threads_often()
    shares = [float(share) for share in options.shares.split(",")]
    for is_limited in (False, True):
        if options.limited in (None, str(int(is_limited))):
            settings = msgspec.structs.replace(load_settings(), limit_streams=is_limited, max_queue=100_000)
            asyncio.run(sweep(settings, shares, options))


if __name__ == "__main__":
    main()
