"""Coqui's `tts-server`, MaryTTS, and speaches' list of voices. MaryTTS's `/voices` is ours here."""

from typing import Annotated, Any

from litestar import MediaType, Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import Parameter
from litestar.response import Stream

from app.audio.formats import OutputFormat
from app.errors import InvalidField
from app.http.dialects.coqui import (
    COQUI_FIELD_NAMES,
    MARY_FIELD_NAMES,
    SpeachesVoice,
    coqui_request,
    mary_request,
)
from app.http.openapi.coqui import CoquiForm, CoquiQuery, MaryForm, MaryQuery
from app.http.openapi.responses import AUDIO_RESPONSES, LIST_RESPONSES
from app.http.responses.audio import audio_response
from app.http.state import AppState
from app.http.wire.multipart import Fields, read_urlencoded
from app.speech.request import MAX_ID_CHARS, SpeechRequest
from app.speech.service import SpeechService

AnyRequest = Request[Any, Any, Any]
COQUI_OPT = {"makes_audio": True, "field_names": COQUI_FIELD_NAMES}
MARY_OPT = {"makes_audio": True, "field_names": MARY_FIELD_NAMES}


@get(
    "/api/tts",
    responses=AUDIO_RESPONSES,
    operation_class=CoquiQuery,
    opt=COQUI_OPT,
    tags=["coqui"],
    summary="Speak a text as WAV, as Coqui's server does",
)
async def speak_for_coqui(
    request: AnyRequest, service: NamedDependency[SpeechService], app_state: NamedDependency[AppState]
) -> Response[bytes] | Stream:
    return await _wav(request, service, app_state, *coqui_request(_query(request), request.headers))


@post(
    "/api/tts",
    status_code=200,
    responses=AUDIO_RESPONSES,
    operation_class=CoquiForm,
    opt=COQUI_OPT,
    tags=["coqui"],
    summary="The same with a form",
)
async def speak_form_for_coqui(
    request: AnyRequest, service: NamedDependency[SpeechService], app_state: NamedDependency[AppState]
) -> Response[bytes] | Stream:
    return await _wav(request, service, app_state, *coqui_request(await _form(request), request.headers))


@get(
    "/process",
    responses=AUDIO_RESPONSES,
    operation_class=MaryQuery,
    opt=MARY_OPT,
    tags=["coqui"],
    summary="Speak a text as WAV, as MaryTTS does",
)
async def speak_for_mary(
    request: AnyRequest, service: NamedDependency[SpeechService], app_state: NamedDependency[AppState]
) -> Response[bytes] | Stream:
    return await _wav(request, service, app_state, *mary_request(_query(request)))


@post(
    "/process",
    status_code=200,
    responses=AUDIO_RESPONSES,
    operation_class=MaryForm,
    opt=MARY_OPT,
    tags=["coqui"],
    summary="The same with a form",
)
async def speak_form_for_mary(
    request: AnyRequest, service: NamedDependency[SpeechService], app_state: NamedDependency[AppState]
) -> Response[bytes] | Stream:
    return await _wav(request, service, app_state, *mary_request(await _form(request)))


@get("/locales", media_type=MediaType.TEXT, tags=["coqui"], summary="The languages, one a line, as MaryTTS lists them")
async def list_locales(service: NamedDependency[SpeechService]) -> str:
    return "".join(f"{code}\n" for code in service.engine.info.languages)


@get("/v1/audio/speech/voices", responses=LIST_RESPONSES, tags=["openai"], summary="The voices, as speaches lists them")
async def list_speaches_voices(
    service: NamedDependency[SpeechService],
    model_id: Annotated[str, Parameter(max_length=MAX_ID_CHARS, description="Is in the answer")] = "tts-1",
) -> list[SpeachesVoice]:
    rate_hz = service.engine.info.sample_rate_hz
    return [
        SpeachesVoice(model_id=model_id, voice_id=speaker.id, name=speaker.name, sample_rate=rate_hz)
        for speaker in (await service.voices.list()).speakers
    ]


def _query(request: AnyRequest) -> Fields:
    """Raises InvalidField for a parameter that comes twice."""
    fields: Fields = {}
    for name, value in request.query_params.multi_items():
        if name in fields:
            raise InvalidField(f"{name}: send it once", param=name)
        fields[name] = value
    return fields


async def _form(request: AnyRequest) -> Fields:
    """The fields of the body, and those of the query that it does not have."""
    return _query(request) | read_urlencoded(await request.body())


async def _wav(
    request: AnyRequest, service: SpeechService, app_state: AppState, asked: SpeechRequest, output: OutputFormat
) -> Response[bytes] | Stream:
    return await audio_response(request, app_state.metrics, service.speak(asked), output, stream=False)
