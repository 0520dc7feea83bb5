"""Many callers at once against a deployed server: what each of them would notice, and how many servers it took.

Knows a URL and a key. Each request has a text of its own and is streamed. A server tells when it started in
`X-Chorus-Instance`: one that started after the test did is a cold start.
"""

import asyncio
import re
import statistics
import time
from collections import Counter
from collections.abc import Callable, Sequence

import httpx
import msgspec

from app.cli.load import SENTENCES
from modal_deploy.probe import START_TIMEOUT_S

BYTES_PER_S = 48_000
_QUEUE = re.compile(r"queue;dur=([\d.]+)")


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """One request. Times in seconds; None where the answer had none."""

    status: str
    """of HTTP, or what broke"""
    first_audio_s: float | None = None
    total_s: float | None = None
    audio_s: float = 0.0
    queue_s: float | None = None
    """in the server; what the caller waited beyond it is the network, the host's own queue, and cold starts"""
    instance: str | None = None


async def run_load(
    url: str, key: str | None, *, requests: int, report: Callable[[str], None] = lambda _: None
) -> list[Result]:
    """All requests at once; one that fails is a result too."""
    limits = httpx.Limits(max_connections=requests)
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    num_done = 0
    async with httpx.AsyncClient(
        base_url=url, headers=headers, timeout=START_TIMEOUT_S, limits=limits, follow_redirects=True
    ) as client:

        async def one(number: int) -> Result:
            nonlocal num_done
            result = await _speak(client, f"{SENTENCES[number % len(SENTENCES)]} {SENTENCES[number // 8 % 8]}", number)
            num_done += 1
            if num_done % 10 == 0 or num_done == requests:
                report(f"{num_done} of {requests}")
            return result

        return list(await asyncio.gather(*map(one, range(requests))))


async def _speak(client: httpx.AsyncClient, text: str, seed: int) -> Result:
    began_at_s = time.perf_counter()
    first_s: float | None = None
    size = 0
    body = {"text": text, "stream": True, "format": "pcm", "seed": seed}
    try:
        async with client.stream("POST", "/tts", json=body) as answer:
            if not answer.is_success:
                return Result(status=str(answer.status_code), instance=answer.headers.get("x-chorus-instance"))
            async for data in answer.aiter_raw():
                first_s = first_s or time.perf_counter() - began_at_s
                size += len(data)
    except httpx.HTTPError as error:
        return Result(status=type(error).__name__, first_audio_s=first_s)
    queue = _QUEUE.search(answer.headers.get("server-timing", ""))
    return Result(
        status=str(answer.status_code) if size else "no audio",
        first_audio_s=first_s,
        total_s=time.perf_counter() - began_at_s,
        audio_s=size / BYTES_PER_S,
        queue_s=float(queue[1]) / 1000 if queue else None,
        instance=answer.headers.get("x-chorus-instance"),
    )


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    statuses: dict[str, int]
    rows: list[tuple[str, float, float, float]]
    """(name, median, 95th percentile, worst)"""
    containers: int
    cold_starts: int

    @property
    def has_failures(self) -> bool:
        return any(status != "200" for status in self.statuses)


def summarise(results: Sequence[Result], *, began_at_unix_s: float) -> Summary:
    instances = {result.instance for result in results if result.instance}
    series = {
        "queue in the server (s)": [result.queue_s for result in results],
        "first audio (s)": [result.first_audio_s for result in results],
        "whole answer (s)": [result.total_s for result in results],
        "real-time factor": [
            result.total_s / result.audio_s for result in results if result.total_s and result.audio_s
        ],
    }
    rows: list[tuple[str, float, float, float]] = []
    for name, values in series.items():
        if found := sorted(value for value in values if value is not None):
            rows.append((name, statistics.median(found), found[round(0.95 * (len(found) - 1))], found[-1]))
    return Summary(
        statuses=dict(Counter(result.status for result in results)),
        rows=rows,
        containers=len(instances),
        cold_starts=sum(int(instance.partition("-")[0]) >= int(began_at_unix_s) for instance in instances),
    )
