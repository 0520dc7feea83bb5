"""Speech to an audio answer."""

import time
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import aclosing
from functools import partial
from typing import Any, get_args

import numpy as np
from litestar import Response
from litestar.response import Stream

from app.audio.formats import OutputFormat
from app.audio.output import encode_whole, open_output_encoder
from app.http.metrics import Metrics
from app.http.middleware.at_end import at_end
from app.http.responses.disconnect import unless_client_leaves
from app.http.responses.warnings_header import warnings_header
from app.http.wire.errors import AnyRequest
from app.observability.request_context import request_context
from app.observability.tracing import span, start_span
from app.pools import ENCODERS, WHOLE_ANSWERS
from app.speech.events import CheckOutcome, SegmentChecked, SegmentEnded, SegmentStarted, WordsSpoken
from app.speech.receipt import Receipt, Speech


async def audio_response(
    request: AnyRequest,
    metrics: Metrics,
    speaking: Coroutine[None, None, Speech],
    output: OutputFormat,
    *,
    stream: bool,
) -> Response[bytes] | Stream:
    """Await the first audio (all of it unless `stream`) before the status is decided."""
    request_context.get().facts.update(output_facts(output), stream=stream)
    if stream:
        media_type = output.format.mime_type
        return await streamed_response(request, metrics, speaking, partial(encoded_pieces, output=output), media_type)
    return await whole_response(request, metrics, speaking, partial(_whole, output=output))


def closing(speech: Speech, metrics: Metrics) -> Callable[[], Awaitable[None]]:
    """A function that closes `speech`; its first call also puts the receipt into metrics and log."""
    facts = request_context.get().facts
    is_counted = False

    async def close() -> None:
        nonlocal is_counted
        try:
            await speech.aclose()
        finally:
            if not is_counted:
                is_counted = True
                receipt = speech.receipt()
                metrics.on_answer_end(receipt)
                facts.update(receipt_facts(receipt))

    return close


async def open_speech(
    request: AnyRequest, metrics: Metrics, speaking: Coroutine[None, None, Speech]
) -> tuple[Speech, Callable[[], Awaitable[None]]]:
    """The speech and the function that closes it, which is called at the end of the exchange at the latest."""

    async def opened() -> tuple[Speech, Callable[[], Awaitable[None]]]:
        speech = await speaking
        close = closing(speech, metrics)
        at_end(request.scope, close)
        return speech, close

    try:
        return await unless_client_leaves(request, opened())
    finally:
        speaking.close()  # where `opened` was cancelled before its first turn


async def whole_response(
    request: AnyRequest,
    metrics: Metrics,
    speaking: Coroutine[None, None, Speech],
    collect: Callable[[Speech], Coroutine[None, None, Response[bytes]]],
) -> Response[bytes]:
    """The response that `collect` makes of the speech, which is then closed."""
    speech, close = await open_speech(request, metrics, speaking)
    try:
        return await unless_client_leaves(request, collect(speech))
    finally:
        await close()


async def streamed_response(
    request: AnyRequest,
    metrics: Metrics,
    speaking: Coroutine[None, None, Speech],
    pieces: Callable[[Speech], AsyncGenerator[bytes]],
    media_type: str,
) -> Stream:
    """Stream `pieces`. The speech is closed before the end of the body is sent: docs/decisions/http.md, 7."""
    speech, close = await open_speech(request, metrics, speaking)

    async def body() -> AsyncIterator[bytes]:
        try:
            async with aclosing(pieces(speech)) as parts:
                async for piece in parts:
                    speech.delivery.ready()
                    yield piece
                    speech.delivery.sent()
        finally:
            await close()

    return Stream(body, media_type=media_type, headers=receipt_headers(speech.receipt()), status_code=200)


async def encoded_whole(speech: Speech, output: OutputFormat) -> bytes:
    samples = await speech.collect()
    with span("encode"):
        provenance = speech.receipt().provenance
        data = await WHOLE_ANSWERS.run(encode_whole, samples, output, speech.sample_rate_hz, provenance)
        if speech.signer is not None and provenance is not None:
            data = await WHOLE_ANSWERS.run(speech.signer.sign, data, output.format.mime_type, provenance)
    speech.delivery.sent()
    return data


def whole_headers(receipt: Receipt) -> dict[str, str]:
    """Headers with the length and the verdicts, which only a whole answer knows before its body."""
    headers = receipt_headers(receipt) | {"X-Audio-Seconds": f"{receipt.audio_s:.3f}"}
    if receipt.check != "off":
        headers["X-Chorus-Check"] += f", {_verdicts(receipt)}"
    return headers


def _verdicts(receipt: Receipt) -> str:
    """Segments of each verdict, and those that were spoken again: `passed=3, failed=1, ..., retried=2`."""
    counts = Counter(segment.verdict for segment in receipt.checks)
    retried = sum(segment.num_attempts > 1 for segment in receipt.checks)
    return ", ".join([*(f"{outcome}={counts[outcome]}" for outcome in get_args(CheckOutcome)), f"retried={retried}"])


async def _whole(speech: Speech, output: OutputFormat) -> Response[bytes]:
    data = await encoded_whole(speech, output)
    headers = whole_headers(speech.receipt())
    return Response(data, media_type=output.format.mime_type, headers=headers, status_code=200)


async def encoded_pieces(
    speech: Speech, output: OutputFormat, *, file_name: str | None = None
) -> AsyncGenerator[bytes]:
    """The bytes of the file, as they are made.

    file_name   of an address that is one file: its marks name it in place of the request
    """
    async with aclosing(encoded_events(speech, output, file_name=file_name)) as events:
        async for event in events:
            if isinstance(event, bytes):
                yield event


async def encoded_events(
    speech: Speech, output: OutputFormat, *, file_name: str | None = None
) -> AsyncGenerator[bytes | SegmentStarted | SegmentEnded | WordsSpoken | SegmentChecked]:
    """The stream's events, with bytes of the file in place of samples; `file_name` as for `encoded_pieces`."""
    provenance = speech.receipt().provenance
    if provenance is not None and file_name is not None:
        provenance = provenance.of_file(file_name)
    encoder = open_output_encoder(output, speech.sample_rate_hz, streaming=True, provenance=provenance)
    encoding, encode_s = start_span("encode"), 0.0
    try:
        async for event in speech:
            if not isinstance(event, np.ndarray):
                yield event
                continue
            began_at_s = time.perf_counter()
            data = await ENCODERS.run(encoder.encode, event)
            encode_s += time.perf_counter() - began_at_s
            if data:
                yield data
        if data := await ENCODERS.run(encoder.close):
            yield data
    finally:
        encoder.close()
        encoding.set_attribute("chorus.encode_seconds", encode_s)
        encoding.end()


def output_facts(output: OutputFormat) -> dict[str, Any]:
    """Fields for the log."""
    rate = {} if output.sample_rate is None else {"sample_rate": output.sample_rate}
    return {"format": output.format.value} | rate


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
    precision = {} if receipt.precision is None else {"precision": receipt.precision}
    check = {} if receipt.check == "off" else {"check": receipt.check, "checks": _verdicts(receipt)}
    delivered = {"delivered_s": round(receipt.delivered_s, 3), "underruns": receipt.num_underruns}
    return {"engine": receipt.engine} | precision | {"seed": receipt.seed} | counts | known | delivered | check


def receipt_headers(receipt: Receipt) -> dict[str, str]:
    timings = (("queue", receipt.queue_s), ("first-audio", receipt.first_audio_s), ("total", receipt.total_s))
    headers = {
        "X-Chorus-Engine": receipt.engine,
        "X-Seed": str(receipt.seed),
        "Server-Timing": ", ".join(f"{name};dur={s * 1000:.1f}" for name, s in timings if s is not None),
    }
    if receipt.precision is not None:
        headers["X-Chorus-Precision"] = receipt.precision
    if receipt.check != "off":
        headers["X-Chorus-Check"] = f"mode={receipt.check}"
    if receipt.provenance is not None:
        headers["X-Chorus-Provenance"] = receipt.provenance.json
    if receipt.warnings:
        headers["X-Chorus-Warnings"] = warnings_header(receipt.warnings)
    return headers
