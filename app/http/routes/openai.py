"""OpenAI's speech route, one of chatterbox-tts-api, and the lists of models."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.response import Stream

from app.audio.reference import ReferenceClip
from app.errors import InvalidField
from app.http.dialects.openai import (
    FIELD_NAMES,
    VOICE_FILE,
    OpenAISpeechBody,
    OpenAISpeechForm,
    check_model,
    speech_models,
)
from app.http.dialects.openai_events import event_response
from app.http.dialects.openai_models import ListedModel, ListedModels, OpenAIModel, OpenAIModelList
from app.http.dialects.openai_transcription import known_models
from app.http.dialects.voice_fields import RECORDING_FIELDS, check_task
from app.http.openapi.openai import OPENAI_SPEECH_RESPONSES, OpenAISpeechOperation, OpenAISpeechUploadOperation
from app.http.openapi.responses import MODEL_RESPONSES
from app.http.responses.audio import audio_response
from app.http.state import AppState
from app.http.wire.multipart import Recording
from app.http.wire.schemas import IdInPath
from app.http.wire.uploads import Uploads, convert_form, decode_recordings
from app.speech.request import SpeechRequest
from app.speech.service import SpeechService
from app.voices.consent import GivenConsent


@post(
    "/v1/audio/speech",
    status_code=200,
    responses=OPENAI_SPEECH_RESPONSES,
    operation_class=OpenAISpeechOperation,
    opt={"field_names": FIELD_NAMES},
    tags=["openai"],
    summary="Speak, as OpenAI does",
)
async def create_speech(
    request: Request[Any, Any, Any],
    service: NamedDependency[SpeechService],
    uploads: NamedDependency[Uploads],
    app_state: NamedDependency[AppState],
) -> Response[bytes] | Stream:
    async with uploads.speech(request, RECORDING_FIELDS) as (sent, recordings):
        body = convert_form(sent, OpenAISpeechBody, strict=True)
        if recordings and body.gpt_cond_latent_b64:
            raise InvalidField("gpt_cond_latent_b64: leave it out beside a recording", param="gpt_cond_latent_b64")
        check_task(body.task_type, body.ref_text, has_recordings=bool(recordings))
        asked = await _check(body, sent, recordings, service, app_state)
        cloned = await _decode(request, recordings, body.consent, service, uploads)
    return await _respond(request, app_state, service, body, asked, cloned)


@post(
    "/v1/audio/speech/upload",
    status_code=200,
    responses=OPENAI_SPEECH_RESPONSES,
    operation_class=OpenAISpeechUploadOperation,
    opt={"field_names": FIELD_NAMES | {"reference_audio": VOICE_FILE}, "statuses": {InvalidField: 422}},
    tags=["openai"],
    summary="The same with a form, and the recording of the voice as a file; of chatterbox-tts-api",
)
async def create_speech_of_form(
    request: Request[Any, Any, Any],
    service: NamedDependency[SpeechService],
    uploads: NamedDependency[Uploads],
    app_state: NamedDependency[AppState],
) -> Response[bytes] | Stream:
    async with uploads.speech_form(request, VOICE_FILE) as (sent, recordings):
        body = convert_form(sent, OpenAISpeechForm)
        asked = await _check(body, sent, recordings, service, app_state)
        cloned = await _decode(request, recordings, body.consent, service, uploads)
    return await _respond(request, app_state, service, body, asked, cloned)


async def _check(
    body: OpenAISpeechForm,
    sent: object,
    recordings: Sequence[Recording],
    service: SpeechService,
    app_state: AppState,
) -> SpeechRequest:
    """The request, once everything is checked that costs nothing. Raises RequestError."""
    if body.model is not None:
        check_model_name(app_state, body.model)
    body.output  # noqa: B018 - raises UnsupportedSampleRate
    speaker_id = None if recordings else await body.find_speaker(service.voices)
    return body.translated(speaker_id, cast("Mapping[str, object]", sent))


async def _decode(
    request: Request[Any, Any, Any],
    recordings: list[Recording],
    sent: str | None,
    service: SpeechService,
    uploads: Uploads,
) -> tuple[Sequence[ReferenceClip], GivenConsent] | None:
    """The clips of recordings, and the consent to clone them; None for none.

    An engine that cannot clone gets no clips to decode, and says so itself. `sent` is the field `consent`.
    """
    if not recordings:
        return None
    consent = await service.consent_rule.check(sent, field="consent")
    if not service.engine.info.can_clone:
        return (), consent
    max_s = service.engine.info.max_reference_s
    clips = await uploads.decode(request, lambda child: decode_recordings(child, recordings, max_s))
    return clips, consent


async def _respond(
    request: Request[Any, Any, Any],
    app_state: AppState,
    service: SpeechService,
    body: OpenAISpeechForm,
    asked: SpeechRequest,
    cloned: tuple[Sequence[ReferenceClip], GivenConsent] | None,
) -> Response[bytes] | Stream:
    speaking = service.speak(asked) if cloned is None else service.clone(asked, *cloned)
    if body.stream_format == "sse":
        return await event_response(request, app_state.metrics, speaking, asked, body.output)
    return await audio_response(request, app_state.metrics, speaking, body.output, stream=body.is_streamed)


@get("/v1/models", tags=["openai"], summary="Model names that speech and, with a recogniser, transcriptions take")
async def list_models(app_state: NamedDependency[AppState]) -> OpenAIModelList:
    return OpenAIModelList(data=[OpenAIModel(id=name) for name in _model_names(app_state)])


@get("/v1/models/{model_id:str}", responses=MODEL_RESPONSES, tags=["openai"], summary="One of them")
async def get_model(model_id: IdInPath, app_state: NamedDependency[AppState]) -> OpenAIModel:
    recognizer = app_state.loaded_recognizer
    if recognizer is None or model_id not in known_models(recognizer.info):
        check_model_name(app_state, model_id)
    return OpenAIModel(id=model_id)


def check_model_name(app_state: AppState, name: str) -> None:
    """Raises UnknownModel."""
    further = app_state.settings.model_names
    check_model(name, speech_models(further), takes_any=further.is_any)


def _model_names(app_state: AppState) -> list[str]:
    recognizer = app_state.loaded_recognizer
    speech = speech_models(app_state.settings.model_names)
    names = speech if recognizer is None else (*speech, *known_models(recognizer.info))
    return list(dict.fromkeys(names))


@get("/v1/audio/models", tags=["openai"], summary="The models, as Open WebUI asks for them")
async def list_audio_models(app_state: NamedDependency[AppState]) -> ListedModels:
    models = speech_models(app_state.settings.model_names)
    return ListedModels(models=[ListedModel(id=name, name=name) for name in models])
