"""An answer as OpenAI's server-sent events: the audio in base64, and its usage at the end."""

import base64
import math
from collections.abc import AsyncGenerator, Coroutine
from contextlib import aclosing

import msgspec
from litestar.response import Stream

from app.audio.formats import AudioFormat
from app.http.dialects.openai import FIELD_NAMES, AudioDelta, AudioDone, SpeechUsage
from app.http.metrics import Metrics
from app.http.responses.audio import encoded_pieces, streamed_response
from app.http.responses.sse import MEDIA_TYPE, server_sent_event
from app.http.wire.errors import AnyRequest, error_body
from app.speech.request import SpeechRequest
from app.speech.stream import SpeechStream

CODES_PER_S = 22_050 / 1024


async def event_response(
    request: AnyRequest,
    metrics: Metrics,
    speaking: Coroutine[None, None, SpeechStream],
    asked: SpeechRequest,
    audio_format: AudioFormat,
) -> Stream:
    """`audio_response` with each piece of the file in an event."""
    return await streamed_response(
        request, metrics, speaking, lambda speech: _events(speech, asked, audio_format), MEDIA_TYPE
    )


async def _events(speech: SpeechStream, asked: SpeechRequest, audio_format: AudioFormat) -> AsyncGenerator[bytes]:
    """After an `error` event the stream breaks off."""
    try:
        async with aclosing(encoded_pieces(speech, audio_format)) as pieces:
            async for data in pieces:
                yield _event(AudioDelta(audio=base64.b64encode(data).decode()))
    except Exception as error:
        yield server_sent_event(msgspec.json.encode(error_body(error, FIELD_NAMES)), event="error")
        raise
    num_codes = math.ceil(speech.receipt().audio_s * CODES_PER_S)
    usage = SpeechUsage(input_tokens=len(asked.text), output_tokens=num_codes, total_tokens=len(asked.text) + num_codes)
    yield _event(AudioDone(usage=usage))


def _event(event: AudioDelta | AudioDone) -> bytes:
    return server_sent_event(msgspec.json.encode(event))
