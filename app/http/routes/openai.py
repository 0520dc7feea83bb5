"""The OpenAI dialect: `POST /v1/audio/speech`, `GET /v1/models`, `GET /v1/audio/voices`."""

from typing import Any

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody
from litestar.response import Stream

from app.errors import InvalidField
from app.http.audio import audio_response
from app.http.openapi import AUDIO_RESPONSES, LIST_RESPONSES
from app.http.schemas import OPENAI_MODELS, OpenAIModel, OpenAIModelList, OpenAISpeechBody, OpenAIVoice, OpenAIVoiceList
from app.speech.request import SpeechRequest
from app.speech.service import SpeechService

STOCK_VOICES = frozenset(
    ["alloy", "ash", "ballad", "cedar", "coral", "echo", "fable", "marin", "nova", "onyx", "sage", "shimmer", "verse"]
)
RELEASED_AT = 1_700_000_000  # XTTS v2, November 2023


@post("/v1/audio/speech", status_code=200, responses=AUDIO_RESPONSES, tags=["openai"], summary="Speak, as OpenAI does")
async def create_speech(
    request: Request[Any, Any, Any], data: JSONBody[OpenAISpeechBody], service: NamedDependency[SpeechService]
) -> Response[bytes] | Stream:
    if data.model not in OPENAI_MODELS:
        raise InvalidField(f"no model {data.model!r}; known are {', '.join(OPENAI_MODELS)}", param="model")
    speaking = service.speak(
        SpeechRequest(
            text=data.input,
            language=data.language,
            speaker_id=_speaker_id(data.voice, service),
            speed=data.speed,
            streaming=True,
            seed=data.seed,
            without_effect=() if data.instructions is None else ("instructions",),
        )
    )
    return await audio_response(request, speaking, data.response_format, stream=True)


@get("/v1/models", tags=["openai"], summary="Model names that `/v1/audio/speech` takes")
async def list_models() -> OpenAIModelList:
    return OpenAIModelList(data=[OpenAIModel(id=name, created=RELEASED_AT) for name in OPENAI_MODELS])


@get("/v1/audio/voices", responses=LIST_RESPONSES, tags=["openai"], summary="The voices, as Open WebUI asks for them")
async def list_voices(service: NamedDependency[SpeechService]) -> OpenAIVoiceList:
    listed = await service.speakers.list()
    return OpenAIVoiceList(voices=[OpenAIVoice(id=speaker.id, name=speaker.name) for speaker in listed.speakers])


def _speaker_id(voice: str, service: SpeechService) -> str | None:
    """OpenAI's stock names mean our default voice, unless a speaker has that very id."""
    ids = {speaker.id for speaker in service.engine.speakers()}
    return None if voice in STOCK_VOICES and voice not in ids else voice
