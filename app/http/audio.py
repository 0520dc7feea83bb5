"""Speech to an audio answer: whole or streamed, with its receipts in the headers."""

import asyncio
import time
from collections.abc import AsyncIterator, Coroutine
from typing import Any
from urllib.parse import quote

from litestar import Response
from litestar.background_tasks import BackgroundTask
from litestar.response import Stream

from app.audio.encoders import encode_whole, open_encoder
from app.audio.formats import AudioFormat
from app.http.context import facts_of
from app.http.disconnect import unless_client_leaves
from app.http.errors import AnyRequest
from app.http.metrics import Metrics
from app.speech.playback import Playback
from app.speech.speech import Receipt, Speech
from app.tracing import current, span

_ASCII = "".join(map(chr, range(32, 127))).replace("%", "")


async def audio_response(
    request: AnyRequest, speaking: Coroutine[None, None, Speech], audio_format: AudioFormat, *, stream: bool
) -> Response[bytes] | Stream:
    """Await the first audio, and all of it unless `stream`, before the status is decided."""
    speech = await unless_client_leaves(request, speaking)
    facts = facts_of(request.scope)
    facts |= {"format": audio_format.value, "stream": stream}
    answer = _Answer(speech, request.app.state.metrics, facts)
    if stream:
        return _streamed(answer, audio_format)
    try:
        return await unless_client_leaves(request, _whole(answer, audio_format))
    finally:
        await answer.aclose()


class _Answer:
    """A Speech on its way to the caller: closed as often as anybody likes, counted once."""

    def __init__(self, speech: Speech, metrics: Metrics, facts: dict[str, Any]) -> None:
        self.speech = speech
        self.playback = Playback()
        self.num_delivered = 0
        self._metrics = metrics
        self._facts = facts
        self._is_counted = False

    async def aclose(self) -> None:
        try:
            await self.speech.aclose()
        finally:
            if not self._is_counted:
                self._is_counted = True
                delivered_s = self.num_delivered / self.speech.sample_rate_hz
                num_underruns = self.playback.num_underruns
                receipt = self.speech.receipt()
                self._metrics.on_answer_end(receipt, delivered_s, num_underruns=num_underruns)
                self._facts |= receipt_facts(receipt) | {
                    "delivered_s": round(delivered_s, 3),
                    "underruns": num_underruns,
                }


async def _whole(answer: _Answer, audio_format: AudioFormat) -> Response[bytes]:
    speech = answer.speech
    samples = await speech.collect()
    with span("encode"):
        data = await asyncio.to_thread(encode_whole, samples, audio_format, speech.sample_rate_hz)
    answer.num_delivered = len(samples)
    receipt = speech.receipt()
    headers = receipt_headers(receipt) | {"X-Audio-Seconds": f"{receipt.audio_s:.3f}"}
    return Response(data, media_type=audio_format.mime_type, headers=headers, status_code=200)


def _streamed(answer: _Answer, audio_format: AudioFormat) -> Stream:
    """Body = encoded audio. Closed by its own `finally` and by the background task: see docs/decisions.md, 7."""
    speech = answer.speech
    request_span = current()

    async def body() -> AsyncIterator[bytes]:
        encoder = open_encoder(audio_format, speech.sample_rate_hz, streaming=True)
        encoding = request_span.child("encode")
        num_encoded, encode_s = 0, 0.0
        try:
            async for samples in speech:
                began_at_s = time.perf_counter()
                data = await asyncio.to_thread(encoder.encode, samples)
                encode_s += time.perf_counter() - began_at_s
                num_encoded += len(samples)
                if data:
                    answer.playback.delivered((num_encoded - answer.num_delivered) / speech.sample_rate_hz)
                    yield data
                    answer.playback.taken()
                    answer.num_delivered = num_encoded
            if data := await asyncio.to_thread(encoder.close):
                yield data
            answer.num_delivered = num_encoded
        finally:
            encoder.close()
            encoding.set("chorus.encode_seconds", encode_s)
            encoding.end()
            await answer.aclose()

    return Stream(
        body,
        media_type=audio_format.mime_type,
        headers=receipt_headers(speech.receipt()),
        background=BackgroundTask(answer.aclose),
        status_code=200,
    )


def receipt_facts(receipt: Receipt) -> dict[str, Any]:
    """For the log; what an answer did not reach is left out."""
    times = {
        "audio_s": receipt.audio_s,
        "queue_s": receipt.queue_s,
        "first_audio_s": receipt.first_audio_s,
        "total_s": receipt.total_s,
    }
    known = {name: round(seconds, 3) for name, seconds in times.items() if seconds is not None}
    counts = {"segments": receipt.num_segments, "characters": receipt.num_characters}
    return {"engine": receipt.engine, "seed": receipt.seed} | counts | known


def receipt_headers(receipt: Receipt) -> dict[str, str]:
    timings = (("queue", receipt.queue_s), ("first-audio", receipt.first_audio_s), ("total", receipt.total_s))
    headers = {
        "X-Chorus-Engine": receipt.engine,
        "X-Seed": str(receipt.seed),
        "Server-Timing": ", ".join(f"{name};dur={s * 1000:.1f}" for name, s in timings if s is not None),
    }
    if receipt.warnings:
        # Header values are ASCII: other characters are percent-encoded.
        headers["X-Chorus-Warnings"] = quote("; ".join(receipt.warnings), safe=_ASCII)
    return headers
