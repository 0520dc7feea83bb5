"""A transcription to an answer: whole, or as server-sent events."""

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing

import msgspec
from litestar import MediaType, Response
from litestar.response import Stream

from app.http.metrics import Metrics
from app.http.middleware.at_end import at_end
from app.http.responses.disconnect import unless_client_leaves
from app.http.responses.sse import MEDIA_TYPE
from app.http.responses.warnings_header import warnings_header
from app.http.wire.errors import AnyRequest
from app.observability.request_context import request_context
from app.transcription.stream import TranscriptionStream
from app.transcription.transcript import Transcript


async def whole_transcript(request: AnyRequest, metrics: Metrics, stream: TranscriptionStream) -> Transcript:
    """All of the stream, which is closed then. Raises ClientLeft, DeadlineExceeded and EngineFailure."""
    request_context.get().facts.update(stream=False)
    close = _closing(stream, metrics)
    try:
        return await unless_client_leaves(request, stream.collect())
    finally:
        await close()


def text_response(transcript: Transcript, text: str, media_type: str) -> Response[bytes]:
    return Response(
        text.encode(),
        media_type=media_type,  # Litestar adds the charset of text
        headers=transcript_headers(transcript),
        status_code=200,
    )


def json_response(transcript: Transcript, answer: msgspec.Struct) -> Response[bytes]:
    """With the status 200."""
    headers = transcript_headers(transcript)
    return Response(msgspec.json.encode(answer), media_type=MediaType.JSON, headers=headers, status_code=200)


async def events_response(
    request: AnyRequest,
    metrics: Metrics,
    stream: TranscriptionStream,
    events: Callable[[TranscriptionStream], AsyncGenerator[bytes]],
) -> Stream:
    """Stream `events` once the first event of the recogniser has come, as app/http/responses/audio.py does.

    `stream` is closed at the end of the exchange at the latest.
    """
    request_context.get().facts.update(stream=True)
    close = _closing(stream, metrics)
    at_end(request.scope, close)
    await unless_client_leaves(request, stream.start())

    async def body() -> AsyncIterator[bytes]:
        try:
            async with aclosing(events(stream)) as pieces:
                async for piece in pieces:
                    yield piece
        finally:
            await close()

    headers = {"X-Chorus-Warnings": warnings_header(stream.warnings)} if stream.warnings else {}
    return Stream(body, media_type=MEDIA_TYPE, headers=headers, status_code=200)


def transcript_headers(transcript: Transcript) -> dict[str, str]:
    receipt = transcript.receipt
    timings = (("queue", receipt.queue_s), ("total", receipt.total_s))
    headers = {
        "X-Audio-Seconds": f"{receipt.duration_s:.3f}",
        "Server-Timing": ", ".join(f"{name};dur={seconds * 1000:.1f}" for name, seconds in timings),
    }
    if transcript.warnings:
        headers["X-Chorus-Warnings"] = warnings_header(transcript.warnings)
    return headers


def _closing(stream: TranscriptionStream, metrics: Metrics) -> Callable[[], Awaitable[None]]:
    """A function that closes `stream`; its first call also puts the figures into the metrics and into the log."""
    facts = request_context.get().facts
    is_counted = False

    async def close() -> None:
        nonlocal is_counted
        try:
            await stream.aclose()
        finally:
            if not is_counted:
                is_counted = True
                facts.update(_facts(stream))
                if stream.receipt is not None:
                    metrics.transcriptions.on_end(stream.receipt)

    return close


def _facts(stream: TranscriptionStream) -> dict[str, object]:
    """Fields for the log."""
    facts: dict[str, object] = {
        "language": stream.language,
        "segments": stream.num_segments,
        "audio_s": round(stream.duration_s, 3),
    }
    if (receipt := stream.receipt) is not None:
        times = {"speech_s": receipt.speech_s, "queue_s": receipt.queue_s, "total_s": receipt.total_s}
        facts |= {"windows": receipt.num_windows, "fallbacks": receipt.num_fallbacks}
        facts |= {name: round(seconds, 3) for name, seconds in times.items()}
    return facts
