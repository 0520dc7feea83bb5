"""Responses and bodies of OpenAI's routes for speech and voices, for the OpenAPI document."""

from dataclasses import dataclass
from types import MappingProxyType

from app.http.dialects.openai import OpenAISpeechBody, OpenAISpeechUpload
from app.http.dialects.openai_batch import BatchAnswer
from app.http.dialects.openai_voices import CustomVoiceUpload, VoiceConsentUpload
from app.http.openapi.responses import AUDIO, AUDIO_RESPONSES, FORM, JSON, BodyOperation, answer, errors

OPENAI_SPEECH_RESPONSES = (
    AUDIO_RESPONSES
    | {
        200: answer(
            bytes,
            "The audio; or with `stream_format` `sse` server-sent events: `speech.audio.delta` with a piece of it in "
            "base64, with `timestamps` `word` also `speech.audio.words` with the words of each segment, and one "
            "`speech.audio.done` with `usage` (characters in, XTTS audio codes of 46.4 ms out) and, with `check`, "
            "`checks`",
            f"{AUDIO}, text/event-stream",
        )
    }
    | errors(501)
)
BATCH_RESPONSES = AUDIO_RESPONSES | {
    200: answer(BatchAnswer, "The files in base64, in the order of their texts; a text that failed has its error")
}
CREATE_VOICE_RESPONSES = errors(400, 404, 408, 409, 413, 415, 422, 501, 504, 507)
CREATE_CONSENT_RESPONSES = errors(400, 408, 409, 413, 415, 507)
CONSENT_RESPONSES = errors(400, 404, 507)


@dataclass
class OpenAISpeechOperation(BodyOperation):
    schemas = MappingProxyType({JSON: OpenAISpeechBody})


@dataclass
class OpenAISpeechUploadOperation(BodyOperation):
    schemas = MappingProxyType({FORM: OpenAISpeechUpload})


@dataclass
class CreateVoiceOperation(BodyOperation):
    schemas = MappingProxyType({FORM: CustomVoiceUpload})


@dataclass
class CreateConsentOperation(BodyOperation):
    schemas = MappingProxyType({FORM: VoiceConsentUpload})
