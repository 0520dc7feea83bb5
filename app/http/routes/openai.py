"""The OpenAI dialect below `/v1`, and the two lists that Open WebUI asks for beside it."""

from typing import Any

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody
from litestar.response import Stream

from app.audio.formats import AudioFormat
from app.http.dialects.openai import (
    FIELD_NAMES,
    MODELS,
    ListedModel,
    ListedModels,
    ListedVoice,
    ListedVoices,
    OpenAIModel,
    OpenAIModelList,
    OpenAISpeechBody,
    check_model,
)
from app.http.dialects.openai_events import event_response
from app.http.dialects.openai_transcription import known_models
from app.http.dialects.unknown_fields import unknown_names
from app.http.openapi.responses import LIST_RESPONSES, MODEL_RESPONSES, OPENAI_SPEECH_RESPONSES
from app.http.responses.audio import audio_response
from app.http.state import AppState
from app.http.wire.json_body import sent_fields
from app.http.wire.schemas import IdInPath
from app.speech.service import SpeechService


@post(
    "/v1/audio/speech",
    status_code=200,
    responses=OPENAI_SPEECH_RESPONSES,
    opt={"field_names": FIELD_NAMES},
    tags=["openai"],
    summary="Speak, as OpenAI does",
)
async def create_speech(
    request: Request[Any, Any, Any],
    data: JSONBody[OpenAISpeechBody],
    service: NamedDependency[SpeechService],
    app_state: NamedDependency[AppState],
) -> Response[bytes] | Stream:
    check_model(data.model)
    unknown = unknown_names(sent_fields(request), OpenAISpeechBody.__struct_fields__)
    asked = data.translated({speaker.id for speaker in service.engine.speakers()}, unknown)
    audio_format = data.response_format or AudioFormat.MP3
    if data.stream_format == "sse":
        return await event_response(request, app_state.metrics, service.speak(asked), asked, audio_format)
    return await audio_response(request, app_state.metrics, service.speak(asked), audio_format, stream=True)


@get("/v1/models", tags=["openai"], summary="Model names that speech and, with a recogniser, transcriptions take")
async def list_models(app_state: NamedDependency[AppState]) -> OpenAIModelList:
    return OpenAIModelList(data=[OpenAIModel(id=name) for name in _model_names(app_state)])


@get("/v1/models/{model_id:str}", responses=MODEL_RESPONSES, tags=["openai"], summary="One of them")
async def get_model(model_id: IdInPath, app_state: NamedDependency[AppState]) -> OpenAIModel:
    return OpenAIModel(id=check_model(model_id, _model_names(app_state)))


def _model_names(app_state: AppState) -> list[str]:
    recognizer = app_state.loaded_recognizer
    names = MODELS if recognizer is None else (*MODELS, *known_models(recognizer.info))
    return list(dict.fromkeys(names))


@get("/v1/audio/models", tags=["openai"], summary="The models, as Open WebUI asks for them")
async def list_audio_models() -> ListedModels:
    return ListedModels(models=[ListedModel(id=name, name=name) for name in MODELS])


@get("/v1/audio/voices", responses=LIST_RESPONSES, tags=["openai"], summary="The voices, as Open WebUI asks for them")
async def list_voices(service: NamedDependency[SpeechService]) -> ListedVoices:
    listed = await service.voices.list()
    return ListedVoices(voices=[ListedVoice(id=speaker.id, name=speaker.name) for speaker in listed.speakers])
