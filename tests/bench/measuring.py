"""Timing shared by the benchmarks."""

import time
from collections.abc import Callable
from pathlib import Path

import httpx
import psutil

ROOT = Path(__file__).parents[2]


def timed(work: Callable[[], object]) -> float:
    began_at_s = time.perf_counter()
    work()
    return time.perf_counter() - began_at_s


def first_audio_s(client: httpx.Client, text: str) -> float:
    began_at_s = time.perf_counter()
    with client.stream("POST", "/tts", json={"text": text, "stream": True, "format": "pcm", "seed": 1}) as answer:
        answer.raise_for_status()
        next(answer.iter_raw())
        return time.perf_counter() - began_at_s


def memory_mb() -> float:
    """Resident memory of this process."""
    return psutil.Process().memory_info().rss / 1e6
