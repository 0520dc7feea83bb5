"""An answer as OpenAI's server-sent events: the audio in base64, and its usage at the end.

Times of words and verdicts are ours. They are sent to callers that ask for them only, because other readers may refuse
an event that they do not know.
"""

import base64
import math
from collections.abc import AsyncGenerator, Coroutine
from contextlib import aclosing

import msgspec
from litestar.response import Stream

from app.audio.formats import OutputFormat
from app.http.dialects.openai import FIELD_NAMES
from app.http.metrics import Metrics
from app.http.responses.audio import encoded_events, streamed_response
from app.http.responses.sse import MEDIA_TYPE, server_sent_event
from app.http.wire.errors import AnyRequest, error_body
from app.speech.events import SegmentChecked, WordsSpoken
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


class TimedWord(msgspec.Struct, kw_only=True):
    """A word, in the form of OpenAI's transcriptions. Seconds from the first sample."""

    word: str
    start: float
    end: float
    probability: float
    """that it was said"""


class AudioWords(msgspec.Struct, kw_only=True, tag_field="type", tag="speech.audio.words"):
    """The words of a segment, some time behind its audio; none where it could not be aligned."""

    words: list[TimedWord]


class AudioDone(msgspec.Struct, kw_only=True, tag_field="type", tag="speech.audio.done"):
    """All audio has been sent."""

    usage: SpeechUsage
    checks: tuple[SegmentChecked, ...] | msgspec.UnsetType = msgspec.UNSET
    """with a check: the verdict of each segment"""


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
        async with aclosing(encoded_events(speech, output)) as events:
            async for event in events:
                if isinstance(event, bytes):
                    yield _event(AudioDelta(audio=base64.b64encode(event).decode()))
                elif isinstance(event, WordsSpoken):
                    yield _event(_words(event))
    except Exception as error:
        yield server_sent_event(msgspec.json.encode(error_body(error, FIELD_NAMES)), event="error")
        raise
    receipt = speech.receipt()
    num_codes = math.ceil(receipt.audio_s * CODES_PER_S)
    usage = SpeechUsage(input_tokens=len(asked.text), output_tokens=num_codes, total_tokens=len(asked.text) + num_codes)
    yield _event(AudioDone(usage=usage, checks=msgspec.UNSET if receipt.check == "off" else receipt.checks))


def _words(spoken: WordsSpoken) -> AudioWords:
    return AudioWords(
        words=[
            TimedWord(word=word.text, start=word.start_s, end=word.end_s, probability=word.probability)
            for word in spoken.words
        ]
    )


def _event(event: AudioDelta | AudioWords | AudioDone) -> bytes:
    return server_sent_event(msgspec.json.encode(event))
