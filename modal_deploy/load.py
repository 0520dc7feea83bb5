"""Many callers at once against a deployed server: their waiting times, and the number of servers that answered.

Each request for speech has a text of its own and is streamed; the recording to transcribe is one that the server has
spoken. `X-Chorus-Instance` names a server and the time of its start: a later start than the test's is a cold start.
"""

import asyncio
import re
import statistics
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

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
    """None for a transcript too"""
    total_s: float | None = None
    audio_s: float = 0.0
    """made, or transcribed"""
    queue_s: float | None = None
    """in the server; the rest of the wait is the network, the host's own queue, and cold starts"""
    instance: str | None = None


async def run_load(
    url: str, key: str | None, *, requests: int, report: Callable[[str], None] = lambda _: None
) -> list[Result]:
    """All requests for speech at once; a failed one is a result too."""
    async with _client(url, key, requests) as client:
        texts = [f"{SENTENCES[number % len(SENTENCES)]} {SENTENCES[number // 8 % 8]}" for number in range(requests)]
        return await _all(client, [partial(_speak, text=text, seed=seed) for seed, text in enumerate(texts)], report)


async def run_transcriptions(
    url: str, key: str | None, *, recordings: int, report: Callable[[str], None] = lambda _: None
) -> list[Result]:
    """The same recording, as often at once. Raises httpx.HTTPError where the server cannot speak it."""
    async with _client(url, key, recordings) as client:
        spoken = await client.post("/tts", json={"text": " ".join(SENTENCES), "seed": 1})
        recording = spoken.raise_for_status().content
        return await _all(client, [partial(_transcribe, recording=recording)] * recordings, report)


def _client(url: str, key: str | None, num_connections: int) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        base_url=url,
        headers={"Authorization": f"Bearer {key}"} if key else {},
        timeout=START_TIMEOUT_S,
        limits=httpx.Limits(max_connections=num_connections),
        follow_redirects=True,
    )


async def _all(
    client: httpx.AsyncClient,
    requests: Sequence[Callable[[httpx.AsyncClient], Awaitable[Result]]],
    report: Callable[[str], None],
) -> list[Result]:
    num_done = 0

    async def one(request: Callable[[httpx.AsyncClient], Awaitable[Result]]) -> Result:
        nonlocal num_done
        result = await request(client)
        num_done += 1
        if num_done % 10 == 0 or num_done == len(requests):
            report(f"{num_done} of {len(requests)}")
        return result

    return list(await asyncio.gather(*map(one, requests)))


async def _transcribe(client: httpx.AsyncClient, recording: bytes) -> Result:
    began_at_s = time.perf_counter()
    try:
        answer = await client.post("/transcribe", files={"file": ("recording.wav", recording, "audio/wav")})
    except httpx.HTTPError as error:
        return Result(status=type(error).__name__)
    instance = answer.headers.get("x-chorus-instance")
    if not answer.is_success:
        return Result(status=str(answer.status_code), instance=instance)
    return Result(
        status=str(answer.status_code),
        total_s=time.perf_counter() - began_at_s,
        audio_s=answer.json()["duration_s"],
        queue_s=_queue_s(answer),
        instance=instance,
    )


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
    return Result(
        status=str(answer.status_code) if listener.audio_s else "no audio",
        first_audio_s=listener.first_playable_s,
        total_s=listener.total_s,
        audio_s=listener.audio_s,
        queue_s=_queue_s(answer),
        instance=instance,
    )


def _queue_s(answer: httpx.Response) -> float | None:
    queue = _QUEUE.search(answer.headers.get("server-timing", ""))
    return float(queue[1]) / 1000 if queue else None


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
