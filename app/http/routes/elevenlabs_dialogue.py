"""`POST /v1/text-to-dialogue` of ElevenLabs' dialect, whole and streamed, with and without times."""

from typing import Any

from litestar import Request, Response, post
from litestar.di import NamedDependency
from litestar.params import JSONBody
from litestar.response import Stream

from app.http.dialects.elevenlabs import parse_output
from app.http.dialects.elevenlabs_dialogue import ElevenLabsDialogue
from app.http.dialects.elevenlabs_timed import timed_answer
from app.http.openapi.elevenlabs import TIMED_DIALOGUE_RESPONSES, TIMED_STREAM_RESPONSES
from app.http.openapi.responses import AUDIO_RESPONSES
from app.http.responses.audio import audio_response
from app.http.routes.elevenlabs import OPT, OutputParameter, both
from app.http.state import AppState
from app.http.wire.json_body import sent_fields
from app.speech.dialogue import speak_turns
from app.speech.service import SpeechService

PATH = "/v1/text-to-dialogue"


@post(
    both(PATH),
    status_code=200,
    responses=AUDIO_RESPONSES,
    opt=OPT,
    tags=["elevenlabs"],
    summary="Speak lines in several voices, as ElevenLabs does",
)
async def converse(
    request: Request[Any, Any, Any],
    data: JSONBody[ElevenLabsDialogue],
    service: NamedDependency[SpeechService],
    app_state: NamedDependency[AppState],
    output_format: OutputParameter = None,
) -> Response[bytes] | Stream:
    return await _speak(request, data, service, app_state, output_format, stream=False)


@post(
    both(f"{PATH}/stream"),
    status_code=200,
    responses=AUDIO_RESPONSES,
    opt=OPT,
    tags=["elevenlabs"],
    summary="The same, while it is made",
)
async def converse_to_stream(
    request: Request[Any, Any, Any],
    data: JSONBody[ElevenLabsDialogue],
    service: NamedDependency[SpeechService],
    app_state: NamedDependency[AppState],
    output_format: OutputParameter = None,
) -> Response[bytes] | Stream:
    return await _speak(request, data, service, app_state, output_format, stream=True)


@post(
    both(f"{PATH}/with-timestamps"),
    status_code=200,
    responses=TIMED_DIALOGUE_RESPONSES,
    opt=OPT,
    tags=["elevenlabs"],
    summary="Audio in base64, when each character is heard, and in which voice",
)
async def converse_with_timestamps(
    request: Request[Any, Any, Any],
    data: JSONBody[ElevenLabsDialogue],
    service: NamedDependency[SpeechService],
    app_state: NamedDependency[AppState],
    output_format: OutputParameter = None,
) -> Response[bytes] | Stream:
    return await _speak(request, data, service, app_state, output_format, stream=False, is_timed=True)


@post(
    both(f"{PATH}/stream/with-timestamps"),
    status_code=200,
    responses=TIMED_STREAM_RESPONSES,
    opt=OPT,
    tags=["elevenlabs"],
    summary="The same, one line of JSON for each piece",
)
async def converse_to_stream_with_timestamps(
    request: Request[Any, Any, Any],
    data: JSONBody[ElevenLabsDialogue],
    service: NamedDependency[SpeechService],
    app_state: NamedDependency[AppState],
    output_format: OutputParameter = None,
) -> Response[bytes] | Stream:
    return await _speak(request, data, service, app_state, output_format, stream=True, is_timed=True)


async def _speak(
    request: Request[Any, Any, Any],
    data: ElevenLabsDialogue,
    service: SpeechService,
    app_state: AppState,
    output_format: str | None,
    *,
    stream: bool,
    is_timed: bool = False,
) -> Response[bytes] | Stream:
    output = parse_output(output_format)
    word_times = is_timed and service.can_time_words
    speaking = speak_turns(service, data.to_turns(sent_fields(request), streaming=stream, word_times=word_times))
    if not is_timed:
        return await audio_response(request, app_state.metrics, speaking, output, stream=stream)
    return await timed_answer(request, app_state.metrics, speaking, output, stream=stream, voices=data.voices)
