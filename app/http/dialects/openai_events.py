"""An answer as OpenAI's server-sent events: the audio in base64, and in the end what it took.

Knows the events. The audio inside them, its encoding and its release are those of any streamed answer.
"""

import base64
import math
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any, cast

import msgspec
from litestar.response import Stream

from app.audio.formats import AudioFormat
from app.errors import ChorusError
from app.http.audio import audio_response
from app.http.dialects.openai import NAMES, AudioDelta, AudioDone, SpeechUsage
from app.http.dialects.words import speak
from app.http.errors import STATUS, AnyRequest, error_response
from app.http.sse import MEDIA_TYPE, server_sent_event
from app.speech.request import SpeechRequest
from app.speech.service import SpeechService
from app.speech.speech import Speech

CODES_PER_S = 22_050 / 1024


async def event_response(
    request: AnyRequest, service: SpeechService, asked: SpeechRequest, audio_format: AudioFormat
) -> Stream:
    """The streamed answer of `audio_response`, each piece of its body in an event of its own."""
    spoken: list[Speech] = []

    async def speaking() -> Speech:
        spoken.append(await speak(service, asked, NAMES))
        return spoken[0]

    answer = await audio_response(request, speaking(), audio_format, stream=True)
    assert isinstance(answer, Stream)
    # Any: Litestar's type of a body is a union of everything that yields text or bytes; ours yields bytes.
    body = cast("Any", answer.iterator)
    return Stream(
        lambda: _events(body(), asked, spoken[0]),
        media_type=MEDIA_TYPE,
        headers={**cast("dict[str, str]", answer.headers), "Cache-Control": "no-store"},
        background=answer.background,
        status_code=200,
    )


async def _events(body: Any, asked: SpeechRequest, speech: Speech) -> AsyncIterator[bytes]:
    """After an error an error's event, and then no end: a client that reads on hears that the stream broke."""
    async with aclosing(body):
        try:
            async for data in body:
                yield _event(AudioDelta(audio=base64.b64encode(data).decode()))
        except ChorusError as error:
            failure = error_response(STATUS[type(error)], error.code, error.message, param=error.param)
            yield server_sent_event(msgspec.json.encode(failure.content), event="error")
            raise
    num_codes = math.ceil(speech.receipt().audio_s * CODES_PER_S)
    usage = SpeechUsage(input_tokens=len(asked.text), output_tokens=num_codes, total_tokens=len(asked.text) + num_codes)
    yield _event(AudioDone(usage=usage))


def _event(event: AudioDelta | AudioDone) -> bytes:
    return server_sent_event(msgspec.json.encode(event))
