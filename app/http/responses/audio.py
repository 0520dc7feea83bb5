"""Speech to an audio answer."""

import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine
from contextlib import aclosing
from typing import Any

import numpy as np
from litestar import Response
from litestar.background_tasks import BackgroundTask
from litestar.response import Stream

from app.audio.encoders import encode_whole, open_encoder
from app.audio.formats import AudioFormat
from app.http.metrics import Metrics
from app.http.responses.disconnect import unless_client_leaves
from app.http.responses.warnings_header import warnings_header
from app.http.wire.errors import AnyRequest
from app.observability.request_context import request_context
from app.observability.tracing import get_current_span, span, start_span
from app.pools import ENCODERS, WHOLE_ANSWERS
from app.speech.events import SegmentEnded, SegmentStarted
from app.speech.playback import Playback
from app.speech.stream import Receipt, SpeechStream


async def audio_response(
    request: AnyRequest,
    metrics: Metrics,
    speaking: Coroutine[None, None, SpeechStream],
    audio_format: AudioFormat,
    *,
    stream: bool,
) -> Response[bytes] | Stream:
    """Await the first audio, and all of it unless `stream`, before the status is decided."""
    request_context.get().facts.update(format=audio_format.value, stream=stream)
    if stream:
        media_type = audio_format.mime_type
        return await streamed_response(
            request, metrics, speaking, lambda answer: encoded_pieces(answer, audio_format), media_type
        )
    return await whole_response(request, metrics, speaking, lambda answer: _whole(answer, audio_format))


class AudioResponse:
    """A SpeechStream on its way to the caller. May be closed repeatedly; counted once."""

    def __init__(self, speech: SpeechStream, metrics: Metrics, facts: dict[str, Any]) -> None:
        self.speech = speech
        self.trace = get_current_span()
        self.num_encoded = 0
        """samples that were sent or are sent next"""
        self.num_delivered = 0
        self._playback = Playback()
        self._metrics = metrics
        self._facts = facts
        self._is_counted = False

    def is_ready(self) -> None:
        if num_new := self.num_encoded - self.num_delivered:
            self._playback.delivered(num_new / self.speech.sample_rate_hz)

    def is_taken(self) -> None:
        self._playback.taken()
        self.num_delivered = self.num_encoded

    async def aclose(self) -> None:
        try:
            await self.speech.aclose()
        finally:
            if not self._is_counted:
                self._is_counted = True
                delivered_s = self.num_delivered / self.speech.sample_rate_hz
                num_underruns = self._playback.num_underruns
                receipt = self.speech.receipt()
                self._metrics.on_answer_end(receipt, delivered_s, num_underruns=num_underruns)
                self._facts |= receipt_facts(receipt) | {
                    "delivered_s": round(delivered_s, 3),
                    "underruns": num_underruns,
                }


async def whole_response(
    request: AnyRequest,
    metrics: Metrics,
    speaking: Coroutine[None, None, SpeechStream],
    collect: Callable[[AudioResponse], Coroutine[None, None, Response[bytes]]],
) -> Response[bytes]:
    """Return `collect`'s response to the answer, and close the answer after it."""
    answer = AudioResponse(await unless_client_leaves(request, speaking), metrics, request_context.get().facts)
    try:
        return await unless_client_leaves(request, collect(answer))
    finally:
        await answer.aclose()


async def streamed_response(
    request: AnyRequest,
    metrics: Metrics,
    speaking: Coroutine[None, None, SpeechStream],
    pieces: Callable[[AudioResponse], AsyncGenerator[bytes]],
    media_type: str,
) -> Stream:
    """Closed by its `finally` and by the background task: docs/decisions/http.md, 7."""
    answer = AudioResponse(await unless_client_leaves(request, speaking), metrics, request_context.get().facts)

    async def body() -> AsyncIterator[bytes]:
        try:
            async with aclosing(pieces(answer)) as parts:
                async for piece in parts:
                    answer.is_ready()
                    yield piece
                    answer.is_taken()
        finally:
            await answer.aclose()

    return Stream(
        body,
        media_type=media_type,
        headers=receipt_headers(answer.speech.receipt()),
        background=BackgroundTask(answer.aclose),
        status_code=200,
    )


async def encode_answer(answer: AudioResponse, audio_format: AudioFormat) -> bytes:
    samples = await answer.speech.collect()
    with span("encode"):
        data = await WHOLE_ANSWERS.run(encode_whole, samples, audio_format, answer.speech.sample_rate_hz)
    answer.num_delivered = len(samples)
    return data


def whole_headers(receipt: Receipt) -> dict[str, str]:
    """Headers with the length, which only a whole answer knows before its body."""
    return receipt_headers(receipt) | {"X-Audio-Seconds": f"{receipt.audio_s:.3f}"}


async def _whole(answer: AudioResponse, audio_format: AudioFormat) -> Response[bytes]:
    data = await encode_answer(answer, audio_format)
    headers = whole_headers(answer.speech.receipt())
    return Response(data, media_type=audio_format.mime_type, headers=headers, status_code=200)


async def encoded_pieces(answer: AudioResponse, audio_format: AudioFormat) -> AsyncGenerator[bytes]:
    async with aclosing(encoded_events(answer, audio_format)) as events:
        async for event in events:
            if isinstance(event, bytes):
                yield event


async def encoded_events(
    answer: AudioResponse, audio_format: AudioFormat
) -> AsyncGenerator[bytes | SegmentStarted | SegmentEnded]:
    """The events of the stream, with the bytes of the file in place of samples."""
    encoder = open_encoder(audio_format, answer.speech.sample_rate_hz, streaming=True)
    encoding, encode_s = start_span("encode", parent=answer.trace), 0.0
    try:
        async for event in answer.speech:
            if not isinstance(event, np.ndarray):
                yield event
                continue
            began_at_s = time.perf_counter()
            data = await ENCODERS.run(encoder.encode, event)
            encode_s += time.perf_counter() - began_at_s
            answer.num_encoded += len(event)
            if data:
                yield data
        if data := await ENCODERS.run(encoder.close):
            yield data
    finally:
        encoder.close()
        encoding.set_attribute("chorus.encode_seconds", encode_s)
        encoding.end()


def receipt_facts(receipt: Receipt) -> dict[str, Any]:
    """Fields for the log."""
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
        headers["X-Chorus-Warnings"] = warnings_header(receipt.warnings)
    return headers
