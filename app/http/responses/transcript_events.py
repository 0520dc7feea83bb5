"""A transcription as server-sent events with times: `language`, `segment`, `progress`, and `done` at the end."""

from collections.abc import AsyncGenerator

import msgspec

from app.asr.base import LanguageDetected, Progress, RecognizedSegment
from app.http.responses.sse import server_sent_event
from app.http.wire.errors import error_body
from app.http.wire.transcription import DoneEvent, ProgressEvent, SegmentEvent
from app.transcription.formats import to_segment, to_word
from app.transcription.stream import TranscriptionStream


async def timed_events(stream: TranscriptionStream) -> AsyncGenerator[bytes]:
    """An error is an `error` event without an end after it, so that the client sees a broken stream."""
    try:
        async for event in stream:
            match event:
                case LanguageDetected():
                    yield _event("language", event)
                case RecognizedSegment():
                    segment = msgspec.structs.asdict(to_segment(event))
                    yield _event("segment", SegmentEvent(**segment, words=tuple(map(to_word, event.words))))
                case Progress(until_s=until_s):
                    progress = ProgressEvent(until_s=round(until_s, 3), duration_s=round(stream.duration_s, 3))
                    yield _event("progress", progress)
                case _:
                    pass
        transcript = stream.transcript()
        done = DoneEvent(
            text=transcript.text,
            language=transcript.language,
            duration_s=round(transcript.duration_s, 3),
            warnings=transcript.warnings,
        )
        yield _event("done", done)
    except Exception as error:
        yield _event("error", error_body(error))
        raise


def _event(name: str, data: msgspec.Struct) -> bytes:
    return server_sent_event(msgspec.json.encode(data), event=name)
