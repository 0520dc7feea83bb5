"""Damaged segments left by `check: retry`: python -m tests.bench.mending [--first 0] [--count 100] [--share 0.2]

The embedded voice damages a share of its attempts. Prints the segments that are damaged before and after, those that
differ from undamaged speech without need, and the time of the answers beside that of answers without a check.
"""

import argparse
import asyncio
import os
import tempfile
import time
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

import numpy as np

from app.lifecycle import Lifecycle
from app.settings import Settings
from app.speech.request import CheckMode, SpeechRequest
from app.speech.service import SpeechService
from tests.support.damage import SENTENCES
from tests.support.damaging_engine import DamagingEngine
from tests.support.embedded_asr import open_embedded


class Spoken:
    """One sentence in one mode."""

    def __init__(self, samples: object, kinds: list[list[str]], verdict: str, num_attempts: int, wall_s: float) -> None:
        self.samples = samples
        self.kinds = kinds
        """of damage, of the parts of each attempt; "" for an undamaged part"""
        self.verdict = verdict
        self.num_attempts = num_attempts
        self.wall_s = wall_s

    @property
    def delivered(self) -> str:
        """Damage of the attempt that was delivered: the last one where it passed, else perhaps the first."""
        return next(filter(None, self.kinds[-1 if self.verdict == "passed" else 0]), "")

    @property
    def is_damaged(self) -> bool:
        """True for damage of the first attempt."""
        return any(self.kinds[0])


async def speak(service: SpeechService, engine: DamagingEngine, text: str, mode: CheckMode, seed: int) -> Spoken:
    num_before, began_s = len(engine.attempts), time.perf_counter()
    speech = await service.speak(SpeechRequest(text=text, seed=seed, check=mode))
    samples = await speech.collect()
    wall_s = time.perf_counter() - began_s
    checks = speech.receipt().checks
    kinds = by_attempt(engine.attempts[num_before:])
    verdict, num_attempts = (checks[0].verdict, checks[0].num_attempts) if checks else ("", 1)
    return Spoken(samples, kinds, verdict, num_attempts, wall_s)


def by_attempt(spoken: Sequence[tuple[str, str]]) -> list[list[str]]:
    """`spoken`: text and damage of each piece. Neighbouring pieces that are not the whole text are one attempt."""
    whole, _ = spoken[0]
    attempts: list[list[str]] = []
    for is_whole, pieces in groupby(spoken, key=lambda piece: piece[0] == whole):
        kinds = [kind for _, kind in pieces]
        attempts += [[kind] for kind in kinds] if is_whole else [kinds]
    return attempts


async def measure(numbers: range, share: float, data: Path) -> None:
    lifecycle = Lifecycle()
    lifecycle.is_ready()
    recognizer = await asyncio.to_thread(open_embedded)
    engine = DamagingEngine(share)
    service = SpeechService(engine, Settings(data=data), lifecycle, recognizer=recognizer)
    before = after = without_need = 0
    wall_s = {"off": 0.0, "retry": 0.0}
    try:
        for number in numbers:
            plain = await speak(service, engine, SENTENCES[number], "off", seed=number)
            mended = await speak(service, engine, SENTENCES[number], "retry", seed=number)
            wall_s["off"] += plain.wall_s
            wall_s["retry"] += mended.wall_s
            before += plain.is_damaged
            if mended.delivered:
                after += 1
                print(f"left damaged ({mended.delivered}, {mended.verdict}): {SENTENCES[number]}")
            if not plain.is_damaged and not np.array_equal(plain.samples, mended.samples):
                without_need += 1
                print(f"changed without need: {SENTENCES[number]}")
    finally:
        await service.aclose()
        await recognizer.aclose()
    total = len(numbers)
    print(f"damaged before       {before} of {total} ({100 * before / total:.1f} %)")
    print(f"damaged after        {after} ({100 * after / total:.1f} %)")
    print(f"changed without need {without_need}")
    print(f"time of the answers  {wall_s['off']:.1f} s without a check, {wall_s['retry']:.1f} s with `retry`")
    print(f"load                 {os.getloadavg()[0]:.1f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--share", type=float, default=0.2)
    options = parser.parse_args()
    numbers = range(options.first, min(options.first + options.count, len(SENTENCES)))
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(measure(numbers, options.share, Path(folder)))


if __name__ == "__main__":
    main()
