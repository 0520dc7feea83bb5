"""`POST /v1/text-to-dialogue` of ElevenLabs' dialect, whole and streamed, with and without times."""

from litestar import Response
from litestar.di import NamedDependency
from litestar.params import JSONBody
from litestar.response import Stream

from app.http.dialects.elevenlabs_dialogue import ElevenLabsDialogue
from app.http.openapi.elevenlabs import TIMED_DIALOGUE_RESPONSES, TIMED_STREAM_RESPONSES
from app.http.openapi.responses import AUDIO_RESPONSES
from app.http.routes.elevenlabs_answers import SpeechCall, spoken
from app.speech.dialogue import speak_turns

DIALOGUE_PATH = "/v1/text-to-dialogue"


@spoken(DIALOGUE_PATH, AUDIO_RESPONSES, "Speak lines in several voices, as ElevenLabs does")
async def converse(data: JSONBody[ElevenLabsDialogue], call: NamedDependency[SpeechCall]) -> Response[bytes] | Stream:
    return await _speak(data, call, stream=False)


@spoken(f"{DIALOGUE_PATH}/stream", AUDIO_RESPONSES, "The same, while it is made")
async def converse_to_stream(
    data: JSONBody[ElevenLabsDialogue], call: NamedDependency[SpeechCall]
) -> Response[bytes] | Stream:
    return await _speak(data, call, stream=True)


@spoken(
    f"{DIALOGUE_PATH}/with-timestamps",
    TIMED_DIALOGUE_RESPONSES,
    "Audio in base64, when each character is heard, and in which voice",
)
async def converse_with_timestamps(
    data: JSONBody[ElevenLabsDialogue], call: NamedDependency[SpeechCall]
) -> Response[bytes] | Stream:
    return await _speak(data, call, stream=False, is_timed=True)


@spoken(f"{DIALOGUE_PATH}/stream/with-timestamps", TIMED_STREAM_RESPONSES, "The same, one line of JSON for each piece")
async def converse_to_stream_with_timestamps(
    data: JSONBody[ElevenLabsDialogue], call: NamedDependency[SpeechCall]
) -> Response[bytes] | Stream:
    return await _speak(data, call, stream=True, is_timed=True)


async def _speak(
    data: ElevenLabsDialogue, call: SpeechCall, *, stream: bool, is_timed: bool = False
) -> Response[bytes] | Stream:
    turns = data.to_turns(call.sent, streaming=stream, word_times=is_timed and call.service.can_time_words)
    speaking = speak_turns(call.service, turns)
    return await call.answer(speaking, stream=stream, is_timed=is_timed, voices=data.voices)
