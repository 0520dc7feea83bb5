"""The dialect of SillyTavern's XTTS provider below `/sillytavern`, and four of its routes at the root.

`GET /speakers` at the root has another shape, so SillyTavern's endpoint is `http://<host>:8000/sillytavern`. Older
tools find the other four where xtts-api-server has them.
"""

from typing import Annotated, Any

from litestar import Request, Response, get, post, route
from litestar.di import NamedDependency
from litestar.enums import HttpMethod
from litestar.params import JSONBody, Parameter
from litestar.response import Stream

from app.audio.formats import MAX_RATE_HZ, MIN_RATE_HZ
from app.errors import InvalidField
from app.http.dialects.sillytavern import (
    FIELD_NAMES,
    VOICE_FIELD,
    Languages,
    Message,
    SillyTavernSpeech,
    SillyTavernVoice,
    to_languages,
    to_voices,
)
from app.http.dialects.unknown_fields import unknown_fields
from app.http.openapi.responses import AUDIO_RESPONSES, LIST_RESPONSES, RANGE_RESPONSES
from app.http.responses.audio import audio_response
from app.http.responses.file_response import file_response
from app.http.state import AppState
from app.http.wire.json_body import sent_fields
from app.http.wire.schemas import ErrorBody
from app.speech.request import MAX_ID_CHARS, MAX_LANGUAGE_CHARS, MAX_SEED
from app.speech.service import SpeechService
from app.voices.names import listed_names

PREFIX = "/sillytavern"
STREAM_PATHS = ["/tts_stream", f"{PREFIX}/tts_stream"]
STREAM_PARAMETERS = ("text", "speaker_wav", "language", "seed", "sample_rate")
TextParameter = Annotated[str, Parameter(min_length=1, description="What to say")]
VoiceParameter = Annotated[
    str | None, Parameter(max_length=MAX_ID_CHARS, description="An id from `GET /speakers_list`; never a path")
]
LanguageParameter = Annotated[str | None, Parameter(max_length=MAX_LANGUAGE_CHARS)]
SeedParameter = Annotated[
    int | None,
    Parameter(
        ge=0,
        le=MAX_SEED,
        description="Another take of the same text",
        schema_extra={"minimum": 0},  # Litestar leaves a bound of 0 out of the document
    ),
]
SampleRateParameter = Annotated[
    int | None,
    Parameter(
        description="Samples a second; the engine's by default",
        schema_extra={"minimum": MIN_RATE_HZ, "maximum": MAX_RATE_HZ},
    ),
]
NOT_KEPT = (
    "not kept: settings belong to each request here, since many callers share this server; "
    "/tts_to_audio/ takes speed, temperature, top_k, top_p, repetition_penalty and seed"
)


@get(
    f"{PREFIX}/speakers",
    responses=LIST_RESPONSES,
    operation_id="list_sillytavern_voices",
    tags=["sillytavern"],
    summary="The voices, as SillyTavern asks for them",
)
async def list_voices(service: NamedDependency[SpeechService]) -> list[SillyTavernVoice]:
    return to_voices((await service.voices.list()).speakers)


@get(
    ["/speakers_list", f"{PREFIX}/speakers_list"],
    responses=LIST_RESPONSES,
    tags=["sillytavern"],
    summary="What `speaker_wav` may be",
)
async def list_speaker_ids(service: NamedDependency[SpeechService]) -> list[str]:
    return [name for name, _ in listed_names((await service.voices.list()).speakers)]


@get(["/languages", f"{PREFIX}/languages"], tags=["sillytavern"], summary="The languages of the engine")
async def list_languages(service: NamedDependency[SpeechService]) -> Languages:
    return to_languages(service.engine.info.languages)


@post(
    f"{PREFIX}/set_tts_settings",
    status_code=200,
    responses={400: AUDIO_RESPONSES[400]},
    opt={"makes_audio": False},
    tags=["sillytavern"],
    summary="Accepted and not kept: one caller's settings would be every caller's",
)
async def set_settings(data: JSONBody[dict[str, Any]]) -> Message:  # Any: a client's settings
    return Message(message=NOT_KEPT)


@post(
    ["/tts_to_audio", f"{PREFIX}/tts_to_audio"],
    status_code=200,
    responses=AUDIO_RESPONSES,
    opt={"field_names": FIELD_NAMES},
    tags=["sillytavern"],
    summary="Speak a text, as WAV",
)
async def speak_to_audio(
    request: Request[Any, Any, Any],
    data: JSONBody[SillyTavernSpeech],
    service: NamedDependency[SpeechService],
    app_state: NamedDependency[AppState],
) -> Response[bytes] | Stream:
    known = SillyTavernSpeech.__struct_fields__
    asked = data.translated(unknown_fields(sent_fields(request), known, voice_field=VOICE_FIELD), streaming=False)
    output = data.output
    return await audio_response(request, app_state.metrics, service.speak(asked), output, stream=False)


@get(
    STREAM_PATHS,
    responses=RANGE_RESPONSES,
    opt={"makes_audio": True, "field_names": FIELD_NAMES},
    tags=["sillytavern"],
    summary="Speak a text, as WAV while it is made; an audio element can play the address itself",
    description="One address is one file: without a seed, one is derived from the other parameters. Of that file a "
    "`Range` of bytes may be asked for.",
)
async def speak_to_stream(
    request: Request[Any, Any, Any],
    service: NamedDependency[SpeechService],
    app_state: NamedDependency[AppState],
    text: TextParameter,
    speaker_wav: VoiceParameter = None,
    language: LanguageParameter = None,
    seed: SeedParameter = None,
    sample_rate: SampleRateParameter = None,
) -> Response[bytes] | Response[ErrorBody] | Stream:
    unknown = _check_query(request, seed, sample_rate)
    speech = SillyTavernSpeech(
        text=text, speaker_wav=speaker_wav, language=language, seed=seed, sample_rate=sample_rate
    )
    asked = speech.translated(unknown, streaming=True)
    return await file_response(request, app_state, service, asked, speech.output)


@route(
    STREAM_PATHS,
    http_method=HttpMethod.HEAD,
    status_code=200,
    opt={"makes_audio": False},
    include_in_schema=False,
)
async def head_of_stream(
    request: Request[Any, Any, Any],
    service: NamedDependency[SpeechService],
    text: TextParameter,
    speaker_wav: VoiceParameter = None,
    language: LanguageParameter = None,
    seed: SeedParameter = None,
    sample_rate: SampleRateParameter = None,
) -> Stream:
    """The status of the same GET, without speaking: no place in the queue is taken and no request is counted."""
    _check_query(request, seed, sample_rate)
    speech = SillyTavernSpeech(
        text=text, speaker_wav=speaker_wav, language=language, seed=seed, sample_rate=sample_rate
    )
    output = speech.output
    await service.check(speech.translated((), streaming=True))
    headers = {"Accept-Ranges": "bytes"}  # as the GET, whose length is not known before the speech
    return Stream(iter(()), media_type=output.format.mime_type, headers=headers)


def _check_query(request: Request[Any, Any, Any], seed: int | None, sample_rate: int | None) -> tuple[str, ...]:
    """The unknown parameters. Raises InvalidField."""
    for name in STREAM_PARAMETERS:
        if len(request.query_params.getall(name, [])) > 1:
            raise InvalidField(f"{name}: send it once", param=name)
    for name, value in (("seed", seed), ("sample_rate", sample_rate)):
        if value is None and name in request.query_params:  # Litestar reads `seed=null` as no seed
            raise InvalidField(f"{name}: a whole number is needed", param=name)
    return unknown_fields(dict(request.query_params), STREAM_PARAMETERS, voice_field=VOICE_FIELD)
