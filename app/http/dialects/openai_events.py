"""An answer as OpenAI's server-sent events: the audio in base64, and its usage at the end."""

import base64
import math
from collections.abc import AsyncGenerator, Coroutine
from contextlib import aclosing

import msgspec
from litestar.response import Stream

from app.audio.formats import OutputFormat
from app.http.dialects.openai import FIELD_NAMES
from app.http.metrics import Metrics
from app.http.responses.audio import encoded_pieces, streamed_response
from app.http.responses.sse import MEDIA_TYPE, server_sent_event
from app.http.wire.errors import AnyRequest, error_body
from app.speech.receipt import Speech
from app.speech.request import SpeechRequest

CODES_PER_S = 22_050 / 1024


class SpeechUsage(msgspec.Struct, kw_only=True):
    """Size of an answer. Only XTTS has tokens, so both numbers are computed from text and audio for every engine."""

    input_tokens: int
    """characters of `input`"""
    output_tokens: int
    """audio codes of XTTS, 1024 / 22 050 s each, rounded up"""
    total_tokens: int


class AudioDelta(msgspec.Struct, kw_only=True, tag_field="type", tag="speech.audio.delta"):
    """A piece of the encoded audio, in base64."""

    audio: str


class AudioDone(msgspec.Struct, kw_only=True, tag_field="type", tag="speech.audio.done"):
    """All audio has been sent."""

    usage: SpeechUsage


async def event_response(
    request: AnyRequest,
    metrics: Metrics,
    speaking: Coroutine[None, None, Speech],
    asked: SpeechRequest,
    output: OutputFormat,
) -> Stream:
    """`audio_response` with each piece of the file in an event."""
    return await streamed_response(
        request, metrics, speaking, lambda speech: _events(speech, asked, output), MEDIA_TYPE
    )


async def _events(speech: Speech, asked: SpeechRequest, output: OutputFormat) -> AsyncGenerator[bytes]:
    """After an `error` event the stream breaks off."""
    try:
        async with aclosing(encoded_pieces(speech, output)) as pieces:
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
