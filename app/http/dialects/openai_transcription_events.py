"""A transcription as OpenAI's server-sent events: pieces of the text, and all of it at the end."""

from collections.abc import AsyncGenerator

import msgspec

from app.asr.base import RecognizedSegment
from app.http.dialects.openai_transcript import TextDelta, to_done
from app.http.dialects.openai_transcription import FIELD_NAMES
from app.http.responses.sse import server_sent_event
from app.http.wire.errors import error_body
from app.transcription.stream import TranscriptionStream


async def transcription_events(stream: TranscriptionStream) -> AsyncGenerator[bytes]:
    """An error is an `error` event without an end after it, so that the client sees a broken stream."""
    text = ""
    try:
        async for event in stream:
            if isinstance(event, RecognizedSegment):
                # The text at the end is stripped on both sides: a space waits for the word behind it.
                known = (text + event.text).lstrip()
                delta = known.rstrip()[len(text.rstrip()) :]
                text = known
                if delta:
                    yield server_sent_event(msgspec.json.encode(TextDelta(delta=delta)))
        yield server_sent_event(msgspec.json.encode(to_done(stream.transcript())))
    except Exception as error:
        yield server_sent_event(msgspec.json.encode(error_body(error, FIELD_NAMES)), event="error")
        raise
