"""Responses and bodies of ElevenLabs' routes, for the OpenAPI document."""

from dataclasses import dataclass
from types import MappingProxyType

from app.http.dialects.elevenlabs_dialogue import TimedDialogue
from app.http.dialects.elevenlabs_lists import AddedVoice, AddVoiceUpload
from app.http.dialects.elevenlabs_times import TimedAudio
from app.http.openapi.responses import AUDIO_RESPONSES, FORM, BodyOperation, answer, errors

TIMED_RESPONSES = AUDIO_RESPONSES | {200: answer(TimedAudio, "Audio in base64, and times in seconds")}
TIMED_STREAM_RESPONSES = AUDIO_RESPONSES | {
    200: answer(
        bytes,
        "Lines of JSON, each as the whole answer's: a piece of the audio, or the times of a segment behind its audio",
        "application/x-ndjson",
    )
}
TIMED_DIALOGUE_RESPONSES = AUDIO_RESPONSES | {
    200: answer(TimedDialogue, "Audio in base64, times in seconds, and the voice of each part")
}
ADD_RESPONSES = {200: answer(AddedVoice, "The voice, which may have been kept before")} | errors(
    400, 404, 408, 409, 413, 415, 422, 501, 507
)


@dataclass
class AddVoiceOperation(BodyOperation):
    schemas = MappingProxyType({FORM: AddVoiceUpload})
