"""`POST /transcribe`, and OpenAI's two routes for recordings."""

from collections.abc import Callable, Collection
from typing import Any, TypeVar

import msgspec
from litestar import Request, Response, post
from litestar.di import NamedDependency
from litestar.response import Stream

from app.asr.base import Task
from app.errors import InvalidField
from app.http.dialects import openai_transcription as openai
from app.http.dialects.openai_transcript import to_json, to_verbose
from app.http.dialects.openai_transcription import (
    OpenAITranscriptionForm,
    OpenAITranslationForm,
    TranscriptFormat,
)
from app.http.dialects.openai_transcription_events import transcription_events
from app.http.dialects.unknown_fields import unknown_names
from app.http.openapi.transcription import (
    OPENAI_TRANSCRIPTION_RESPONSES,
    OPENAI_TRANSLATION_RESPONSES,
    TRANSCRIBE_RESPONSES,
    OpenAITranscriptionOperation,
    OpenAITranslationOperation,
    TranscribeOperation,
)
from app.http.responses.transcript import events_response, json_response, text_response, whole_transcript
from app.http.responses.transcript_events import timed_events
from app.http.state import AppState
from app.http.wire.multipart import Fields
from app.http.wire.transcription import TranscribeForm
from app.http.wire.uploads import convert_form
from app.observability.tracing import span
from app.transcription.formats import to_answer, to_srt, to_text, to_vtt
from app.transcription.request import TranscriptionOptions
from app.transcription.stream import TranscriptionStream
from app.transcription.transcript import Transcript

F = TypeVar("F")


@post(
    "/transcribe",
    status_code=200,
    responses=TRANSCRIBE_RESPONSES,
    operation_class=TranscribeOperation,
    opt={"field_names": openai.FIELD_NAMES},
    tags=["transcription"],
    summary="A recording as text, with times of segments and words",
    description="A body of any type but a form is the recording itself; the other fields are parameters of the query.",
)
async def transcribe(request: Request[Any, Any, Any], app_state: NamedDependency[AppState]) -> Response[bytes] | Stream:
    def read(fields: Fields) -> tuple[TranscribeForm, TranscriptionOptions]:
        form = convert_form(_with_query(request, fields), TranscribeForm)
        return form, form.options()

    form, stream = await _transcribe(request, app_state, read, takes_body=True)
    if form.stream:
        return await events_response(request, app_state.metrics, stream, timed_events)
    transcript = await whole_transcript(request, app_state.metrics, stream)
    return json_response(transcript, to_answer(transcript))


@post(
    "/v1/audio/transcriptions",
    status_code=200,
    responses=OPENAI_TRANSCRIPTION_RESPONSES,
    operation_class=OpenAITranscriptionOperation,
    opt={"field_names": openai.FIELD_NAMES},
    tags=["openai"],
    summary="Transcribe a recording, as OpenAI does",
)
async def create_transcription(
    request: Request[Any, Any, Any], app_state: NamedDependency[AppState]
) -> Response[bytes] | Stream:
    def read(fields: Fields) -> tuple[OpenAITranscriptionForm, TranscriptionOptions]:
        form = convert_form(_sent(fields, OpenAITranscriptionForm), OpenAITranscriptionForm, formats=openai.FORMATS)
        openai.check_transcription_model(form.model, app_state.recognizer.info, app_state.settings.model_names)
        form.check()
        unknown = [*unknown_names(fields, form.__struct_fields__), *(["include"] if form.include else [])]
        words = "word" in form.granularities
        return form, form.options("transcribe", unknown, language=form.language or "", words=words)

    form, stream = await _transcribe(request, app_state, read, list_fields=openai.LIST_FIELDS)
    if form.stream:
        return await events_response(request, app_state.metrics, stream, transcription_events)
    transcript = await whole_transcript(request, app_state.metrics, stream)
    if form.format == "verbose_json":
        return json_response(transcript, to_verbose(transcript, "transcribe", form.granularities))
    return _response(transcript, form.format)


@post(
    "/v1/audio/translations",
    status_code=200,
    responses=OPENAI_TRANSLATION_RESPONSES,
    operation_class=OpenAITranslationOperation,
    opt={"field_names": openai.TRANSLATION_FIELD_NAMES},
    tags=["openai"],
    summary="Translate a recording into English text, as OpenAI does",
)
async def create_translation(request: Request[Any, Any, Any], app_state: NamedDependency[AppState]) -> Response[bytes]:
    task: Task = "translate"

    def read(fields: Fields) -> tuple[OpenAITranslationForm, TranscriptionOptions]:
        form = convert_form(_sent(fields, OpenAITranslationForm), OpenAITranslationForm, formats=openai.FORMATS)
        openai.check_transcription_model(form.model, app_state.recognizer.info, app_state.settings.model_names)
        return form, form.options(task, unknown_names(fields, form.__struct_fields__))

    form, stream = await _transcribe(request, app_state, read, list_fields=openai.LIST_FIELDS)
    transcript = await whole_transcript(request, app_state.metrics, stream)
    if form.format == "verbose_json":
        return json_response(transcript, to_verbose(transcript, task, frozenset(["segment"])))
    return _response(transcript, form.format)


async def _transcribe(
    request: Request[Any, Any, Any],
    app_state: AppState,
    read: Callable[[Fields], tuple[F, TranscriptionOptions]],
    *,
    takes_body: bool = False,
    list_fields: Collection[str] = (),
) -> tuple[F, TranscriptionStream]:
    """Receive, check and decode a recording, and admit it. The caller must close the stream.

    A full recogniser, options and the form are refused before the work that they would make useless.
    """
    transcription = app_state.transcription
    transcription.recognizer.check_room()
    upload = app_state.uploads.file(request, "file", takes_body=takes_body, list_fields=list_fields)
    async with upload as (fields, recording):
        form, options = read(fields)
        transcription.check(options)
        with span("decode"):
            samples = await app_state.uploads.decode_speech(request, recording)
    return form, transcription.transcribe(samples, options)


def _response(transcript: Transcript, name: TranscriptFormat) -> Response[bytes]:
    match name:
        case "text":
            return text_response(transcript, to_text(transcript), "text/plain")
        case "srt":
            return text_response(transcript, to_srt(transcript), "text/plain")
        case "vtt":
            return text_response(transcript, to_vtt(transcript), "text/vtt")
        case _:
            return json_response(transcript, to_json(transcript))


def _sent(fields: Fields, form: type[msgspec.Struct]) -> Fields:
    """Without the empty fields, which some clients send for those that are not chosen.

    Raises InvalidField for a field of `form` that is no list and was sent several times.
    """
    for name in (field.encode_name for field in msgspec.structs.fields(form)):
        if name not in openai.LIST_FIELDS and isinstance(fields.get(name), list):
            raise InvalidField(f"{name}: send it once, without []", param=name)
    return {name: value for name, value in fields.items() if value}


def _with_query(request: Request[Any, Any, Any], fields: Fields) -> Fields:
    """The parameters of the query, which a body that is the recording needs, and the fields of the form.

    Raises InvalidField for one that comes twice.
    """
    read: Fields = {**fields}
    for name, value in request.query_params.multi_items():
        if name in read:
            raise InvalidField(f"{name}: send it once", param=name)
        read[name] = value
    return read
