from typing import Any

from litestar import Request, Response, post
from litestar.di import NamedDependency
from litestar.params import JSONBody
from litestar.response import Stream

from app.http.openapi.responses import SPEECH_RESPONSES
from app.http.responses.audio import audio_response
from app.http.responses.timestamps import timed_response
from app.http.state import AppState
from app.http.wire.schemas import TtsBody
from app.speech.service import SpeechService


@post(
    "/tts",
    status_code=200,
    responses=SPEECH_RESPONSES,
    tags=["speech"],
    summary="Speak a text",
)
async def speak_text(
    request: Request[Any, Any, Any],
    data: JSONBody[TtsBody],
    service: NamedDependency[SpeechService],
    app_state: NamedDependency[AppState],
) -> Response[bytes] | Stream:
    output = data.output
    asked = data.to_request(
        data.text,
        speaker_id=data.speaker_id,
        language=data.language,
        speed=data.speed,
        streaming=data.stream,
        markup=data.markup,
        lexicon=data.lexicon,
    )
    respond = timed_response if data.timestamps else audio_response
    return await respond(request, app_state.metrics, service.speak(asked), output, stream=data.stream)
