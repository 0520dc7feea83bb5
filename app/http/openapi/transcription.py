"""Responses and bodies of the routes that transcribe, for the OpenAPI document."""

from dataclasses import dataclass
from types import MappingProxyType

from app.http.dialects.openai_transcript import OpenAITranscript
from app.http.dialects.openai_transcription import OpenAITranscriptionUpload, OpenAITranslationUpload
from app.http.openapi.responses import FORM, BodyOperation, answer, errors
from app.http.wire.alignment import AlignmentUpload
from app.http.wire.transcription import TranscribeUpload
from app.transcription.alignment import RecordingAlignment
from app.transcription.formats import TranscriptAnswer

TRANSCRIBE_RESPONSES = {
    200: answer(
        TranscriptAnswer,
        "The text, and the times of its segments and words. With `stream` server-sent events: `language`, `segment` "
        "with its words, `progress`, and `done` with the text; or `error` and a broken connection",
        "application/json, text/event-stream",
    )
} | errors(400, 408, 413, 415, 501, 504, 507)
ALIGNMENT_RESPONSES = {
    200: answer(
        RecordingAlignment,
        "Times and probabilities of the text's words, and for each sentence whether it is said as it is written",
    )
} | errors(400, 408, 413, 415, 422, 501, 504, 507)
OPENAI_TRANSLATION_RESPONSES = {
    200: answer(
        OpenAITranscript,
        "With `json` the object has `text` and `usage` only; with `text`, `srt` and `vtt` the answer is that text",
        "application/json, text/plain, text/vtt",
    )
} | errors(400, 404, 408, 413, 415, 501, 504, 507)
OPENAI_TRANSCRIPTION_RESPONSES = OPENAI_TRANSLATION_RESPONSES | {
    200: answer(
        OpenAITranscript,
        "With `json` the object has `text` and `usage` only; with `text`, `srt` and `vtt` the answer is that text. "
        "With `stream` server-sent events: `transcript.text.delta` with the next piece of the text, and one "
        "`transcript.text.done` with all of it and `usage` (encoder positions of 20 ms in, tokens out)",
        "application/json, text/plain, text/vtt, text/event-stream",
    )
}


@dataclass
class TranscribeOperation(BodyOperation):
    schemas = MappingProxyType({FORM: TranscribeUpload, "application/octet-stream": None})


@dataclass
class OpenAITranscriptionOperation(BodyOperation):
    schemas = MappingProxyType({FORM: OpenAITranscriptionUpload})


@dataclass
class OpenAITranslationOperation(BodyOperation):
    schemas = MappingProxyType({FORM: OpenAITranslationUpload})


@dataclass
class AlignmentOperation(BodyOperation):
    schemas = MappingProxyType({FORM: AlignmentUpload})
