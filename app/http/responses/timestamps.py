"""An answer with its timing receipts.

Whole: one JSON object. Streamed: server-sent events `audio`, `segment` as each ends, `words` and `check` where they
are asked for, and `done`, or after the first event `error` and a broken stream.
"""

from collections.abc import AsyncGenerator, Coroutine
from contextlib import aclosing
from functools import partial

import msgspec
from litestar import MediaType, Response
from litestar.response import Stream

from app.audio.formats import OutputFormat
from app.http.metrics import Metrics
from app.http.responses.audio import (
    encoded_events,
    encoded_whole,
    streamed_response,
    whole_headers,
    whole_response,
)
from app.http.responses.sse import MEDIA_TYPE, server_sent_event
from app.http.wire.errors import AnyRequest, error_body
from app.http.wire.schemas import AudioEvent, EncodedAudio, TimedAnswer, TimingReceipt
from app.pools import WHOLE_ANSWERS
from app.speech.captions import to_srt, to_vtt, words_of
from app.speech.events import SegmentChecked, SegmentEnded, WordsSpoken
from app.speech.receipt import Speech


async def timed_response(
    request: AnyRequest,
    metrics: Metrics,
    speaking: Coroutine[None, None, Speech],
    output: OutputFormat,
    *,
    stream: bool,
) -> Response[bytes] | Stream:
    if stream:
        return await streamed_response(request, metrics, speaking, partial(_events, output=output), MEDIA_TYPE)
    return await whole_response(request, metrics, speaking, partial(_whole, output=output))


async def _whole(speech: Speech, output: OutputFormat) -> Response[bytes]:
    data = await encoded_whole(speech, output)
    receipt = _receipt(speech)
    audio = EncodedAudio(format=output.format, media_type=output.format.mime_type, data=data)
    timed = TimedAnswer(audio=audio, **msgspec.structs.asdict(receipt))
    # In a thread: a chapter is a hundred megabytes of base64.
    body = await WHOLE_ANSWERS.run(msgspec.json.encode, timed)
    headers = whole_headers(speech.receipt())
    return Response(body, media_type=MediaType.JSON, headers=headers, status_code=200)


async def _events(speech: Speech, output: OutputFormat) -> AsyncGenerator[bytes]:
    try:
        async with aclosing(encoded_events(speech, output)) as events:
            async for event in events:
                if isinstance(event, bytes):
                    yield _event("audio", AudioEvent(data=event))
                elif isinstance(event, SegmentEnded):
                    yield _event("segment", event)
                elif isinstance(event, WordsSpoken):
                    yield _event("words", event)
                elif isinstance(event, SegmentChecked):
                    yield _event("check", event)
        yield _event("done", _receipt(speech))
    except Exception as error:
        yield _event("error", error_body(error))
        raise


def _event(name: str, data: msgspec.Struct) -> bytes:
    return server_sent_event(msgspec.json.encode(data), event=name)


def _receipt(speech: Speech) -> TimingReceipt:
    receipt = speech.receipt()
    timed = words_of(receipt.words) if speech.times_words else receipt.segments
    return TimingReceipt(
        audio_s=receipt.audio_s,
        seed=receipt.seed,
        warnings=receipt.warnings,
        segments=receipt.segments,
        srt=to_srt(timed),
        vtt=to_vtt(timed),
        words=receipt.words if speech.times_words else msgspec.UNSET,
        checks=msgspec.UNSET if receipt.check == "off" else receipt.checks,
    )
