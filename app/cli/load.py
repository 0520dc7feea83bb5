"""Load for `chorus bench`: many listeners at once, and what each of them would notice.

Knows texts, samples and moments. Knows nothing of how the figures are shown.
"""

import asyncio
import json
import statistics
import time
from collections.abc import AsyncIterator, Callable, Sequence

import httpx
import msgspec

from app.engine.base import Engine, SamplingParams, SynthesisRequest
from app.speech.playback import Playback
from app.speech.prepare import prepare_text
from app.text.languages import default_language

OpenStream = Callable[[str, int], AsyncIterator[int]]
"""(text, seed) -> the number of samples in each piece of audio, as it comes"""

SENTENCES = (
    "The morning was bright and the river ran slowly past the old stone mill.",
    "Nobody had opened its door for years, but today there was smoke above the chimney.",
    "A long road runs from the harbour to the hills, and travellers tell stories about it.",
    "She put the lamp into the highest window, as her mother had done each winter.",
    "When the wind turned in the evening, all the boats came home at the same time.",
    "There is a garden behind the house, and in the garden there is a very old tree.",
    "He read the letter twice, folded it with care, and said nothing until supper.",
    "Rain fell on the roof all night, and in the morning the fields were shining.",
)


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """What `streams` listeners at once got."""

    streams: int
    first_audio_p50_s: float
    first_audio_p95_s: float
    real_time_factor: float
    """seconds of waiting for a second of audio, the median listener's"""
    audio_s_per_s: float
    """seconds of audio made in a second, for all together"""
    codes_per_s: float | None
    underruns: int
    """listeners who would have heard a gap"""


class _Heard(msgspec.Struct, frozen=True):
    first_audio_s: float
    total_s: float
    audio_s: float
    has_gap: bool


async def measure(
    open_stream: OpenStream,
    streams: int,
    *,
    sample_rate_hz: int,
    code_s: float | None,
    clock: Callable[[], float] = time.perf_counter,
) -> Figures:
    """Start `streams` listeners at the same moment, each with a text of its own, and wait for all of them.

    `code_s`: seconds of audio in one audio code; None where the engine has no codes. `clock`: seconds.
    """
    began_at_s = clock()
    texts = [SENTENCES[number % len(SENTENCES)] for number in range(streams)]
    heard = await asyncio.gather(
        *(_listen(open_stream, text, seed, sample_rate_hz, clock) for seed, text in enumerate(texts))
    )
    elapsed_s = clock() - began_at_s
    first = sorted(one.first_audio_s for one in heard)
    audio_s = sum(one.audio_s for one in heard)
    return Figures(
        streams=streams,
        first_audio_p50_s=statistics.median(first),
        first_audio_p95_s=first[min(len(first) - 1, round(0.95 * (len(first) - 1)))],
        real_time_factor=statistics.median(one.total_s / one.audio_s for one in heard),
        audio_s_per_s=audio_s / elapsed_s,
        codes_per_s=None if code_s is None else audio_s / code_s / elapsed_s,
        underruns=sum(one.has_gap for one in heard),
    )


async def _listen(
    open_stream: OpenStream, text: str, seed: int, sample_rate_hz: int, clock: Callable[[], float]
) -> _Heard:
    began_at_s = clock()
    first_s: float | None = None
    audio_s = 0.0
    playback = Playback(clock)
    async for num_samples in open_stream(text, seed):
        now_s = clock() - began_at_s
        if not num_samples:
            continue
        if first_s is None:
            first_s = now_s
        playback.delivered(num_samples / sample_rate_hz)
        audio_s += num_samples / sample_rate_hz
    assert first_s is not None, "a stream without audio"
    return _Heard(first_s, clock() - began_at_s, audio_s, playback.num_underruns > 0)


def engine_streams(engine: Engine) -> OpenStream:
    """Straight into an engine of this process."""
    voice = engine.voice(engine.speakers()[0].id)
    language = default_language(engine.info.languages)

    async def open_stream(text: str, seed: int) -> AsyncIterator[int]:
        segments = (await prepare_text(engine, text, language)).segments
        sampling = SamplingParams(seed=seed)
        stream = engine.submit(SynthesisRequest(segments=segments, language=language, voice=voice, sampling=sampling))
        try:
            async for chunk in stream:
                yield len(chunk.samples)
        finally:
            await stream.aclose()

    return open_stream


def http_streams(client: httpx.AsyncClient) -> OpenStream:
    """Over `POST /tts` of a running server, as 16-bit samples."""

    async def open_stream(text: str, seed: int) -> AsyncIterator[int]:
        body = {"text": text, "stream": True, "format": "pcm", "seed": seed}
        async with client.stream("POST", "/tts", json=body) as answer:
            if not answer.is_success:
                error = json.loads(await answer.aread())["error"]["message"]
                raise httpx.HTTPError(f"the server answers {answer.status_code}: {error}")
            async for data in answer.aiter_raw():
                yield len(data) // 2

    return open_stream


def as_markdown(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
