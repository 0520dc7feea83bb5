"""The load generator: many listeners at once on an engine or on a server, and the figures of their playback."""

import asyncio
import json
import statistics
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager

import httpx
import msgspec

from app.engine.base import Engine
from app.engine.scheduler import Request
from app.engine.values import SamplingParams
from app.pools import TEXT
from app.speech.playback import Playback
from app.speech.prepare import prepare
from app.text.languages import default_language

OpenStream = Callable[[str, int], AsyncIterator[int]]
"""(text, seed) -> the number of samples in each piece of audio, as it arrives"""

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
    """Results of `streams` listeners who started at the same moment."""

    streams: int
    first_audio_p50_s: float
    first_audio_p95_s: float
    real_time_factor: float
    """seconds from request to end of stream for each second of audio; the median listener's"""
    audio_s_per_s: float
    """seconds of audio made in a second, of all listeners together"""
    codes_per_s: float | None
    underruns: int
    """listeners who would have heard a gap"""


class Listener:
    """Plays one stream as it arrives. Its times count from its construction; `clock`: seconds.

    first_audio_s   until the first samples; None while there are none
    total_s         until the end of the stream; 0 before it
    audio_s         length of the audio that has arrived
    has_gap         the audio ran out before more of it arrived
    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self.first_audio_s: float | None = None
        self.total_s = 0.0
        self.audio_s = 0.0
        self._clock = clock
        self._began_at_s = clock()
        self._playback = Playback(clock)

    @property
    def has_gap(self) -> bool:
        return self._playback.num_underruns > 0

    async def listen(self, pieces: AsyncIterator[int], *, sample_rate_hz: int) -> None:
        """`pieces`: the number of samples in each piece."""
        async for num_samples in pieces:
            if not num_samples:
                continue
            if self.first_audio_s is None:
                self.first_audio_s = self._clock() - self._began_at_s
            self._playback.delivered(num_samples / sample_rate_hz)
            self.audio_s += num_samples / sample_rate_hz
        self.total_s = self._clock() - self._began_at_s


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
    listeners = [Listener(clock) for _ in range(streams)]
    await asyncio.gather(
        *(
            listener.listen(open_stream(SENTENCES[seed % len(SENTENCES)], seed), sample_rate_hz=sample_rate_hz)
            for seed, listener in enumerate(listeners)
        )
    )
    elapsed_s = clock() - began_at_s
    first = sorted(listener.first_audio_s for listener in listeners if listener.first_audio_s is not None)
    assert len(first) == streams, "a stream without audio"
    audio_s = sum(listener.audio_s for listener in listeners)
    return Figures(
        streams=streams,
        first_audio_p50_s=statistics.median(first),
        first_audio_p95_s=percentile_95(first),
        real_time_factor=statistics.median(listener.total_s / listener.audio_s for listener in listeners),
        audio_s_per_s=audio_s / elapsed_s,
        codes_per_s=None if code_s is None else audio_s / code_s / elapsed_s,
        underruns=sum(listener.has_gap for listener in listeners),
    )


def percentile_95(ordered: Sequence[float]) -> float:
    """Nearest rank of the values, which are in ascending order."""
    return ordered[round(0.95 * (len(ordered) - 1))]


def engine_streams(engine: Engine) -> OpenStream:
    """Into an engine of this process, with its first voice."""
    voice = engine.voice(engine.speakers()[0].id)
    language = default_language(engine.info.languages)

    async def open_stream(text: str, seed: int) -> AsyncIterator[int]:
        sequences = (await TEXT.run(prepare, engine, text, language)).sequences
        sampling = SamplingParams(seed=seed)
        stream = engine.submit(Request(sequences=sequences, voice=voice, sampling=sampling))
        try:
            async for chunk in stream:
                yield len(chunk.samples)
        finally:
            await stream.aclose()

    return open_stream


def http_streams(client: httpx.AsyncClient) -> OpenStream:
    """Over `POST /tts` of a running server. Raises httpx.HTTPError when the server refuses."""

    async def open_stream(text: str, seed: int) -> AsyncIterator[int]:
        async with post_stream(client, text, seed) as answer:
            if not answer.is_success:
                error = json.loads(await answer.aread())["error"]["message"]
                raise httpx.HTTPError(f"the server answers {answer.status_code}: {error}")
            async for num_samples in samples_of(answer):
                yield num_samples

    return open_stream


def post_stream(client: httpx.AsyncClient, text: str, seed: int) -> AbstractAsyncContextManager[httpx.Response]:
    """`POST /tts` for a stream of 16-bit samples at 24 kHz; the body is not read yet."""
    return client.stream("POST", "/tts", json={"text": text, "stream": True, "format": "pcm", "seed": seed})


async def samples_of(answer: httpx.Response) -> AsyncIterator[int]:
    """Number of samples in each piece of a body of 16-bit samples."""
    async for data in answer.aiter_raw():
        yield len(data) // 2
