from typing import Any

from litestar import Request, Response, post
from litestar.di import NamedDependency
from litestar.params import JSONBody
from litestar.response import Stream

from app.http.openapi.responses import SPEECH_RESPONSES
from app.http.responses.audio import audio_response
from app.http.responses.timestamps import timed_response
from app.http.state import AppState
from app.http.wire.tts_body import TtsBody
from app.speech.dialogue import speak_turns
from app.speech.service import SpeechService


@post(
    "/tts",
    status_code=200,
    responses=SPEECH_RESPONSES,
    tags=["speech"],
    summary="Speak a text, or several turns in different voices",
)
async def speak_text(
    request: Request[Any, Any, Any],
    data: JSONBody[TtsBody],
    service: NamedDependency[SpeechService],
    app_state: NamedDependency[AppState],
) -> Response[bytes] | Stream:
    output = data.output
    speaking = speak_turns(service, data.to_turns())
    respond = timed_response if data.timestamps else audio_response
    return await respond(request, app_state.metrics, speaking, output, stream=data.stream)
