"""Responses by kind of route, and bodies that handlers read themselves, for the OpenAPI document.

A handler names its kind (`responses=AUDIO_RESPONSES`); document.py adds the common ones.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar

import msgspec
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import (
    OpenAPIFormat,
    OpenAPIMediaType,
    OpenAPIType,
    Operation,
    Reference,
    RequestBody,
    Schema,
)

from app.http.wire.health import Health, State
from app.http.wire.schemas import (
    CheckBody,
    CheckUpload,
    CloneBody,
    CloneUpload,
    ErrorBody,
    StoredVoice,
    TimedAnswer,
    VoiceBody,
    VoiceUpload,
)
from app.http.wire.voice_import import ImportUpload

FORM, JSON = "multipart/form-data", "application/json"
BINARY = Schema(type=OpenAPIType.STRING, format=OpenAPIFormat.BINARY)
AUDIO = "audio/*"
"""Stands for every audio format until the document lists them."""
AUDIO_OR_TIMES = f"{AUDIO}, {JSON}, text/event-stream"

ERRORS: Mapping[int, str] = {
    400: "A field is missing, malformed or out of bounds; `param` names it",
    401: "No API key came, or none that is valid. Only where the server has keys",
    403: "A web page of another site may not ask this; CHORUS_CORS_ORIGINS lists those that may",
    404: "There is no such voice or model (the message names near ones), no such consent recording or no such job",
    408: "The body did not arrive in time",
    409: "As many voices are saved, or jobs kept, as may be, several voices have this name, the saved voice was cloned "
    "with another model, or the audio of the job is not ready",
    413: "The text or the upload is too large, or the recording too long",
    415: "A recording is not audio that can be decoded, a file is no book that can be read, or the body is compressed",
    422: "Well-formed, but useless: nothing in the text can be spoken, its SSML cannot be read, a recording is too "
    "short, too long, silent or clipped, or a voice file is damaged or of another model",
    416: "The range holds no byte of the file; `Content-Range` has its length",
    421: "The server is not served under this name; CHORUS_ALLOWED_HOSTS lists its names",
    429: "As many requests as this key may make: try again after `Retry-After` seconds",
    500: "The server failed; its log has the request id",
    501: "The engine cannot clone, or there is no recogniser; the message says what helps",
    503: "The server is full, loading or shutting down: try again after `Retry-After` seconds",
    504: "The audio or the text did not come in time",
    507: "The data volume cannot be read or written",
}


def errors(*statuses: int) -> dict[int, ResponseSpec]:
    return {
        status: ResponseSpec(data_container=ErrorBody, description=ERRORS[status], generate_examples=False)
        for status in statuses
    }


def answer(schema: type, description: str, media_type: str = "application/json") -> ResponseSpec:
    """`media_type`: one, or several separated by commas, of which the schema describes JSON."""
    return ResponseSpec(data_container=schema, description=description, media_type=media_type, generate_examples=False)


EVERY_ROUTE = (401, 421, 500, 503)
CHANGING_ROUTE = (403,)
WORKING_ROUTE = (403, 429)
"""For routes that make the engine work."""
OPEN_ROUTE = (500,)
"""For routes without a key that answer in every state of the server."""

LIST_RESPONSES = errors(507)
VOICE_RESPONSES = errors(404, 507)
AUDIO_RESPONSES = {200: answer(bytes, "The audio, in the format that was asked for", AUDIO)} | errors(
    400, 404, 408, 409, 413, 415, 422, 504, 507
)
RANGE_RESPONSES = (
    AUDIO_RESPONSES
    | {206: answer(bytes, "The bytes that `Range` asks for, of the file that this address always gives", AUDIO)}
    | errors(416)
)
SPEECH_RESPONSES = AUDIO_RESPONSES | {
    200: answer(
        TimedAnswer,
        "The audio, in the format that was asked for. With `timestamps` a JSON object; with `stream` as well, "
        "server-sent events: `audio` (`data`: the next bytes of the file in base64), `segment` (`index`, `text`, "
        "`start_s`, `end_s`) as each ends, and `done` (the JSON object without `audio`) at the end. An `error` event "
        "has an error's body; the stream breaks after it",
        AUDIO_OR_TIMES,
    )
}
NORMALIZE_RESPONSES = errors(400, 413, 422)
MODEL_RESPONSES = errors(404)
CLONE_RESPONSES = SPEECH_RESPONSES | errors(501)
SAVE_RESPONSES = {200: answer(StoredVoice, "The same recordings are saved already, as this voice")} | errors(
    400, 404, 408, 409, 413, 415, 422, 501, 507
)
EXPORT_RESPONSES = {200: answer(bytes, "A `.safetensors` file with its manifest", "application/octet-stream")} | errors(
    404, 507
)
CHECK_RESPONSES = errors(400, 408, 413, 415, 507)
IMPORT_RESPONSES = {200: SAVE_RESPONSES[200]} | errors(400, 404, 408, 409, 413, 415, 422, 501, 507)
HEALTH_RESPONSES = {503: answer(Health, "It takes no requests: it is loading, draining or has failed")}
STATE_RESPONSES = {503: answer(State, "The answer is no; the state says why")}


@dataclass
class BodyOperation(Operation):
    """For a handler that reads the body itself, in one of several media types. None: bytes."""

    schemas: ClassVar[Mapping[str, type[msgspec.Struct] | None]]

    def __post_init__(self) -> None:
        self.request_body = RequestBody(
            required=True,
            content={
                media_type: OpenAPIMediaType(
                    schema=BINARY if schema is None else Reference(ref=f"#/components/schemas/{schema.__name__}")
                )
                for media_type, schema in self.schemas.items()
            },
        )


@dataclass
class CloneOperation(BodyOperation):
    schemas = MappingProxyType({FORM: CloneUpload, JSON: CloneBody})


@dataclass
class SaveOperation(BodyOperation):
    schemas = MappingProxyType({FORM: VoiceUpload, JSON: VoiceBody})


@dataclass
class CheckOperation(BodyOperation):
    schemas = MappingProxyType({FORM: CheckUpload, JSON: CheckBody})


@dataclass
class ImportOperation(BodyOperation):
    schemas = MappingProxyType({FORM: ImportUpload, "application/octet-stream": None})
