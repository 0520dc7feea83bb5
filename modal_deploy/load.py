"""Many callers at once against a deployed server: their waiting times, and the number of servers that answered.

Each request has a text of its own and is streamed. `X-Chorus-Instance` names a server and the time of its start: a
later start than the test's is a cold start.
"""

import asyncio
import re
import statistics
from collections import Counter
from collections.abc import Callable, Sequence

import httpx
import msgspec

from app.bench.figures import percentile
from app.bench.listener import Listener
from app.bench.streams import SENTENCES, post_stream, samples_of
from modal_deploy.probe import START_TIMEOUT_S

SAMPLE_RATE_HZ = 24_000
_QUEUE = re.compile(r"queue;dur=([\d.]+)")


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """One request. Times in seconds; None where the answer had none."""

    status: str
    """HTTP status, or the name of the error that ended the request"""
    first_audio_s: float | None = None
    total_s: float | None = None
    audio_s: float = 0.0
    queue_s: float | None = None
    """in the server; the rest of the wait is the network, the host's own queue, and cold starts"""
    instance: str | None = None


async def run_load(
    url: str, key: str | None, *, requests: int, report: Callable[[str], None] = lambda _: None
) -> list[Result]:
    """All requests at once; a failed one is a result too."""
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
    listener = Listener()
    try:
        async with post_stream(client, text, seed) as answer:
            instance = answer.headers.get("x-chorus-instance")
            if not answer.is_success:
                return Result(status=str(answer.status_code), instance=instance)
            await listener.listen(samples_of(answer), sample_rate_hz=SAMPLE_RATE_HZ)
    except httpx.HTTPError as error:
        return Result(status=type(error).__name__, first_audio_s=listener.first_playable_s)
    queue = _QUEUE.search(answer.headers.get("server-timing", ""))
    return Result(
        status=str(answer.status_code) if listener.audio_s else "no audio",
        first_audio_s=listener.first_playable_s,
        total_s=listener.total_s,
        audio_s=listener.audio_s,
        queue_s=float(queue[1]) / 1000 if queue else None,
        instance=instance,
    )


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    statuses: dict[str, int]
    rows: list[tuple[str, float, float, float]]
    """name, median, 95th percentile, worst"""
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
            rows.append((name, statistics.median(found), percentile(found, 0.95), found[-1]))
    return Summary(
        statuses=dict(Counter(result.status for result in results)),
        rows=rows,
        containers=len(instances),
        cold_starts=sum(int(instance.partition("-")[0]) >= int(began_at_unix_s) for instance in instances),
    )
