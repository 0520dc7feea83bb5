"""Speech to an audio answer: whole or streamed, with its receipts in the headers."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine
from contextlib import aclosing
from urllib.parse import quote

from litestar import Response
from litestar.background_tasks import BackgroundTask
from litestar.response import Stream

from app.audio.encoders import encode_whole, open_encoder
from app.audio.formats import AudioFormat
from app.http.disconnect import unless_client_leaves
from app.http.errors import AnyRequest
from app.http.metrics import Metrics
from app.speech.speech import Receipt, Speech

_ASCII = "".join(map(chr, range(32, 127))).replace("%", "")


async def audio_response(
    request: AnyRequest, speaking: Coroutine[None, None, Speech], audio_format: AudioFormat, *, stream: bool
) -> Response[bytes] | Stream:
    """Await the first audio, and all of it unless `stream`, before the status is decided."""
    if stream:
        media_type = audio_format.mime_type
        return await streamed_response(
            request, speaking, lambda answer: encoded_pieces(answer, audio_format), media_type
        )
    return await whole_response(request, speaking, lambda answer: _whole(answer, audio_format))


class Answer:
    """A Speech on its way to the caller: closed as often as anybody likes, counted once."""

    def __init__(self, speech: Speech, metrics: Metrics) -> None:
        self.speech = speech
        self.num_delivered = 0
        self._metrics = metrics
        self._is_counted = False

    async def aclose(self) -> None:
        try:
            await self.speech.aclose()
        finally:
            if not self._is_counted:
                self._is_counted = True
                self._metrics.on_answer_end(self.speech.receipt(), self.num_delivered / self.speech.sample_rate_hz)


async def whole_response(
    request: AnyRequest,
    speaking: Coroutine[None, None, Speech],
    collect: Callable[[Answer], Coroutine[None, None, Response[bytes]]],
) -> Response[bytes]:
    """What `collect` makes of the answer, which is closed after it."""
    answer = Answer(await unless_client_leaves(request, speaking), request.app.state.metrics)
    try:
        return await unless_client_leaves(request, collect(answer))
    finally:
        await answer.aclose()


async def streamed_response(
    request: AnyRequest,
    speaking: Coroutine[None, None, Speech],
    pieces: Callable[[Answer], AsyncGenerator[bytes]],
    media_type: str,
) -> Stream:
    """Body = `pieces` of the answer. Closed by its own `finally` and by the background task: docs/decisions.md, 7."""
    answer = Answer(await unless_client_leaves(request, speaking), request.app.state.metrics)

    async def body() -> AsyncIterator[bytes]:
        try:
            async with aclosing(pieces(answer)) as parts:
                async for piece in parts:
                    yield piece
        finally:
            await answer.aclose()

    return Stream(
        body,
        media_type=media_type,
        headers=receipt_headers(answer.speech.receipt()),
        background=BackgroundTask(answer.aclose),
        status_code=200,
    )


async def encode_answer(answer: Answer, audio_format: AudioFormat) -> bytes:
    """The whole file."""
    samples = await answer.speech.collect()
    data = await asyncio.to_thread(encode_whole, samples, audio_format, answer.speech.sample_rate_hz)
    answer.num_delivered = len(samples)
    return data


def whole_headers(receipt: Receipt) -> dict[str, str]:
    """With the length, which only a whole answer knows before its body."""
    return receipt_headers(receipt) | {"X-Audio-Seconds": f"{receipt.audio_s:.3f}"}


async def _whole(answer: Answer, audio_format: AudioFormat) -> Response[bytes]:
    data = await encode_answer(answer, audio_format)
    headers = whole_headers(answer.speech.receipt())
    return Response(data, media_type=audio_format.mime_type, headers=headers, status_code=200)


async def encoded_pieces(answer: Answer, audio_format: AudioFormat) -> AsyncGenerator[bytes]:
    """The bytes of the file, as they are made."""
    encoder = open_encoder(audio_format, answer.speech.sample_rate_hz, streaming=True)
    try:
        async for samples in answer.speech:
            if data := await asyncio.to_thread(encoder.encode, samples):
                yield data
            answer.num_delivered += len(samples)
        if data := await asyncio.to_thread(encoder.close):
            yield data
    finally:
        encoder.close()


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
