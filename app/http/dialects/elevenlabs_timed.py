"""ElevenLabs' answers with timestamps: one JSON object, or a line of JSON for each piece of the audio."""

import base64
from collections.abc import AsyncGenerator, Coroutine, Sequence
from contextlib import aclosing

import msgspec
from litestar import MediaType, Response
from litestar.response import Stream

from app.audio.formats import OutputFormat
from app.http.dialects.elevenlabs_dialogue import TimedDialogue, VoiceSegment, voice_segments
from app.http.dialects.elevenlabs_times import (
    CharacterTimes,
    SegmentTimer,
    TimedAudio,
    character_moments,
    character_times,
    to_times,
)
from app.http.metrics import Metrics
from app.http.responses.audio import encoded_events, encoded_whole, streamed_response, whole_headers, whole_response
from app.http.wire.errors import AnyRequest
from app.pools import WHOLE_ANSWERS
from app.speech.events import SegmentEnded, WordsSpoken
from app.speech.receipt import Speech

LINES = "application/x-ndjson"


async def timed_answer(
    request: AnyRequest,
    metrics: Metrics,
    speaking: Coroutine[None, None, Speech],
    output: OutputFormat,
    *,
    stream: bool,
    voices: Sequence[str] | None = None,
) -> Response[bytes] | Stream:
    """`voices`: those of the lines of a dialogue, whose answer tells them."""

    async def collect(speech: Speech) -> Response[bytes]:
        data = await encoded_whole(speech, output)
        receipt = speech.receipt()
        times = character_times(receipt.segments, {each.index: each.words for each in receipt.words})
        # In a thread: a chapter is a hundred megabytes of base64.
        spoken_by = None if voices is None else voice_segments(receipt.segments, voices, speech.turn_of)
        body = await WHOLE_ANSWERS.run(_encode, data, times, spoken_by)
        return Response(body, media_type=MediaType.JSON, headers=whole_headers(receipt), status_code=200)

    if stream:
        return await streamed_response(request, metrics, speaking, lambda speech: _lines(speech, output, voices), LINES)
    return await whole_response(request, metrics, speaking, collect)


async def _lines(speech: Speech, output: OutputFormat, voices: Sequence[str] | None) -> AsyncGenerator[bytes]:
    """The times of a segment come in a line without audio, behind its last audio."""
    timer = SegmentTimer(by_words=speech.times_words)
    async with aclosing(encoded_events(speech, output)) as events:
        async for event in events:
            if isinstance(event, bytes):
                yield _encode(event, None, None if voices is None else []) + b"\n"
            elif isinstance(event, SegmentEnded | WordsSpoken):
                for segment, after_s, words in timer.take(event):
                    times = to_times(character_moments(segment, after_s, words))
                    spoken_by = None if voices is None else voice_segments([segment], voices, speech.turn_of, after_s)
                    yield _encode(b"", times, spoken_by) + b"\n"


def _encode(data: bytes, times: CharacterTimes | None, spoken_by: list[VoiceSegment] | None) -> bytes:
    timed = TimedAudio(audio_base64=base64.b64encode(data).decode(), alignment=times, normalized_alignment=times)
    if spoken_by is None:
        return msgspec.json.encode(timed)
    return msgspec.json.encode(TimedDialogue(**msgspec.structs.asdict(timed), voice_segments=spoken_by))
