"""The OpenAPI document: Litestar's routes, msgspec's schemas, and the errors of every route.

msgspec checks the bodies; Litestar's translation loses bounds of 0 and the refusal of unknown fields.
"""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, cast

import msgspec
from litestar import Litestar
from litestar.di import Provide
from litestar.handlers import BaseRouteHandler, HTTPRouteHandler
from litestar.openapi import OpenAPIConfig
from litestar.openapi.spec import Components, License, SecurityScheme, Server, Tag
from litestar.types import Method

from app import __version__
from app.audio.formats import AudioFormat
from app.http.access.middleware import is_open
from app.http.dialects.openai_transcript import OpenAITranscript
from app.http.dialects.openai_transcription import OpenAITranscriptionUpload
from app.http.openapi.responses import (
    AUDIO,
    CHANGING_ROUTE,
    ERRORS,
    EVERY_ROUTE,
    JSON,
    OPEN_ROUTE,
    WORKING_ROUTE,
)
from app.http.openapi.schemas import Json, error_forms, schemas_of
from app.http.wire.alignment import AlignmentUpload
from app.http.wire.schemas import ErrorBody
from app.http.wire.transcription import TranscribeUpload
from app.text.languages import default_language
from app.transcription.alignment import RecordingAlignment
from app.transcription.formats import TranscriptAnswer

TAGS = {
    "speech": "Text to audio, in a voice that the server knows or in that of a recording.",
    "transcription": "Recordings to text, where the server has a recogniser.",
    "voices": "The voices that can be named, and those that are cloned once and kept.",
    "books": "Audiobooks, made beside requests for speech. A caller sees its own jobs.",
    "provenance": "Whether a file says that a machine spoke.",
    "openai": "The same voices and the same recogniser for clients of OpenAI's audio API.",
    "sillytavern": "The same voices for SillyTavern and other clients of xtts-api-server.",
    "xtts-streaming-server": "The same voices for pipecat's XTTS services, with handles in place of latents.",
    "coqui": "The same voices for clients of Coqui's `tts-server` and of MaryTTS.",
    "elevenlabs": "The same voices for clients of ElevenLabs' API, whose errors have a form of their own.",
    "health": "For probes and dashboards. These routes need no key.",
}

_TEXT, _NUMBER, _WHOLE = {"type": "string"}, {"type": "number"}, {"type": "integer"}
HEADERS: dict[str, Json] = {
    "X-Request-Id": {
        "schema": _TEXT,
        "required": True,
        "description": "Yours where it is short and plain, else a new one; the log has it",
    },
    "X-Chorus-Instance": {
        "schema": _TEXT,
        "required": True,
        "description": "Which server answered, of several behind one address: when it started (Unix time), and a "
        "number of its own",
    },
    "X-Chorus-Engine": {"schema": _TEXT, "description": "The engine that spoke: `xtts` or `embedded`"},
    "X-Chorus-Precision": {
        "schema": _TEXT,
        "description": "Numbers in which XTTS computed: `float32`, `float16` or `int8`; absent for the embedded voice",
    },
    "X-Chorus-Check": {
        "schema": _TEXT,
        "description": "With `check`: its mode, and for whole answers the number of segments of each verdict, such as "
        "`mode=retry, passed=3, failed=1, inconclusive=0, unchecked=0, retried=2`",
    },
    "X-Chorus-Provenance": {
        "schema": _TEXT,
        "description": "JSON that says that a machine spoke: IPTC's `digitalSourceType`, `generator`, `voice` "
        "(`built-in` or `cloned`), `date`, `request` and `server`; absent where CHORUS_MARKS is off",
    },
    "X-Seed": {"schema": _WHOLE, "description": "The seed that was used: send it to hear the same again"},
    "X-Audio-Seconds": {
        "schema": _NUMBER,
        "description": "Length of the audio or recording; only of whole answers",
    },
    "X-Chorus-Warnings": {
        "schema": _TEXT,
        "description": "What was understood differently from how it was written; percent-encoded beyond ASCII. At most "
        "2,000 bytes: warnings that do not fit are counted",
    },
    "Server-Timing": {
        "schema": _TEXT,
        "description": "Milliseconds in the queue, until the first audio, and in all",
    },
    "Accept-Ranges": {"schema": _TEXT, "description": "`bytes`: a `Range` of them may be asked for"},
    "Content-Range": {"schema": _TEXT, "description": "Which bytes these are, and how many the file has"},
    "ETag": {"schema": _TEXT, "description": "Stands for the file, for `If-Range`"},
    "Retry-After": {"schema": _WHOLE, "description": "Seconds to wait before the next try"},
    "WWW-Authenticate": {"schema": _TEXT, "description": "How to send the key"},
}
EVENTS = "text/event-stream"
EVERY_ANSWER = ("X-Request-Id", "X-Chorus-Instance")
AUDIO_ANSWER = (
    "X-Chorus-Engine",
    "X-Chorus-Precision",
    "X-Chorus-Check",
    "X-Chorus-Provenance",
    "X-Seed",
    "X-Audio-Seconds",
    "X-Chorus-Warnings",
    "Server-Timing",
)


TRANSCRIPT_ANSWER = ("X-Audio-Seconds", "X-Chorus-Warnings", "Server-Timing")
TRANSCRIPT_PATHS = ("/transcribe", "/v1/audio/transcriptions", "/v1/audio/translations")
OF_TRANSCRIPTION = frozenset(
    each.__name__
    for each in (
        TranscriptAnswer,
        TranscribeUpload,
        OpenAITranscript,
        OpenAITranscriptionUpload,
        AlignmentUpload,
        RecordingAlignment,
    )
)
"""A recogniser has languages of its own."""
LANGUAGE_FIELDS = ("language", "language_code", "language_id", "LOCALE")
HEARD_LANGUAGE = frozenset(each.__name__ for each in (TranscribeUpload, OpenAITranscriptionUpload, AlignmentUpload))


def build_document(
    routes: Sequence[BaseRouteHandler],
    dependencies: Mapping[str, Provide],
    *,
    languages: Sequence[str],
    heard_languages: Sequence[str] = (),
    needs_key: bool,
    server: str = "..",
) -> Json:
    """The document of these routes, for an engine that speaks `languages` and a recogniser of `heard_languages`.

    `dependencies` of the app are no parameters of a route. `server` leads from the document's address to the server's.
    """
    handlers = [route for route in routes if isinstance(route, HTTPRouteHandler)]
    config = OpenAPIConfig(
        title="Chorus",
        version=__version__,
        summary="A self-hosted speech server",
        description="Text to speech, voice cloning and speech to text for many callers at once. Every error has the "
        "same shape; what can be checked is checked before the first byte of the answer, and an error after it is a "
        "broken stream.",
        license=License(name="Apache-2.0", identifier="Apache-2.0"),
        # relative, so it is right behind a proxy that takes a prefix off the path
        servers=[Server(url=server, description="The server that sent you this document")],
        tags=[Tag(name=name, description=description) for name, description in TAGS.items()],
        operation_id_creator=_operation_id,
        components=Components(
            security_schemes={
                "key": SecurityScheme(type="http", scheme="bearer", description="A key of CHORUS_API_KEYS"),
                "key_header": SecurityScheme(type="apiKey", name="xi-api-key", security_scheme_in="header"),
            }
        ),
        security=[{"key": []}, {"key_header": []}] if needs_key else None,
    )
    app = Litestar(
        handlers,
        dependencies=dependencies,
        openapi_config=config,
        logging_config=None,  # the default replaces the server's handlers and level
    )
    document: Json = app.openapi_schema.to_schema()
    document["components"]["schemas"] = schemas_of(handlers)
    document["components"]["headers"] = HEADERS
    for name, schema in document["components"]["schemas"].items():
        properties = schema.get("properties", {})
        if name in HEARD_LANGUAGE:
            _list_heard_languages(properties.get("language"), heard_languages)
        elif name not in OF_TRANSCRIPTION:
            for field in LANGUAGE_FIELDS:
                _list_languages(properties.get(field), languages)
    forms = error_forms(handlers)
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            _complete(path, method, operation, forms.get(path, ErrorBody))
            for parameter in operation.get("parameters", []):
                if parameter["name"] in LANGUAGE_FIELDS:
                    _list_languages(parameter["schema"], languages)
    return _without_defaults(document)


def _list_languages(schema: Json | None, languages: Sequence[str]) -> None:
    """Add `languages` to a schema; dialects may send null or "" (msgspec's anyOf, Litestar's oneOf)."""
    if schema is None:
        return
    options = schema.get("anyOf") or schema.get("oneOf")
    if options is None:
        schema["enum"] = [*languages]
        schema["default"] = default_language(languages)
    else:
        next(option for option in options if option["type"] == "string")["enum"] = [*languages, ""]


def _list_heard_languages(schema: Json, languages: Sequence[str]) -> None:
    """Add `languages` of the recogniser, if there is one, and "", for which it is detected."""
    if languages:
        option = next(option for option in schema.get("anyOf", [schema]) if option["type"] == "string")
        option["enum"] = [*languages, ""]


def _operation_id(handler: HTTPRouteHandler, _: Method, path: Sequence[object]) -> str:
    """The function's name, which generated clients use; an alias has its folder's name before it."""
    shortest = min(len(known.strip("/").split("/")) for known in handler.paths)
    return handler.handler_name if len(path) == shortest else f"{path[0]}_{handler.handler_name}"


def _complete(path: str, method: str, operation: Json, error_form: type[msgspec.Struct]) -> None:
    responses = operation["responses"]
    common = OPEN_ROUTE if is_open(path) else EVERY_ROUTE
    if method == "post" or any(name.startswith(AUDIO) for name in responses.get("200", {}).get("content", {})):
        common += WORKING_ROUTE
    elif method != "get":
        common += CHANGING_ROUTE
    if "400" in responses or "parameters" in operation:
        responses["400"] = _error(400)
    for status in common:
        responses.setdefault(str(status), _error(status))
    if is_open(path):
        operation["security"] = []
    if error_form is not ErrorBody:
        responses |= {status: _error(int(status), error_form) for status in responses if status >= "400"}
    for status, response in responses.items():
        if response["description"] == HTTPStatus(int(status)).description:  # Litestar's default text
            response["description"] = operation["summary"]
        names = [*EVERY_ANSWER]
        content = response.get("content", {})
        for media_types in [name for name in content if name.startswith((AUDIO, EVENTS)) or ", " in name]:
            content |= _content(media_types, content.pop(media_types))
            names += AUDIO_ANSWER if media_types.startswith(AUDIO) else ()
        if status == "200" and path in TRANSCRIPT_PATHS:
            names += TRANSCRIPT_ANSWER
        if "206" in responses and status in ("200", "206", "416"):
            names += ("Accept-Ranges",) if status == "416" else ("Accept-Ranges", "ETag")
        if status in ("206", "416"):
            names.append("Content-Range")
        if status in ("429", "503"):
            names.append("Retry-After")
        if status == "401":
            names.append("WWW-Authenticate")
        response["headers"] = {name: {"$ref": f"#/components/headers/{name}"} for name in names}
    operation["responses"] = dict(sorted(responses.items()))


def _content(media_types: str, beside: Json) -> Json:
    """One entry for each media type, those of the audio formats in place of `audio/*`; `beside` describes JSON."""
    content: Json = {}
    for media_type in media_types.split(", "):
        if media_type == AUDIO:
            plain = [audio_format.mime_type.partition(";")[0] for audio_format in AudioFormat]
            content |= {name: {"schema": {"type": "string", "format": "binary"}} for name in plain}
        else:  # OpenAPI 3.1 has no schema for one event of a stream
            content[media_type] = beside if media_type == JSON else {}
    return content


def _error(status: int, form: type[msgspec.Struct] = ErrorBody) -> Json:
    schema = {"$ref": f"#/components/schemas/{form.__name__}"}
    return {"description": ERRORS[status], "content": {"application/json": {"schema": schema}}}


def _without_defaults(node: Any) -> Any:
    """Remove members with default values, such as `deprecated: false`."""
    if isinstance(node, dict):
        return {
            key: _without_defaults(value)
            for key, value in cast("Json", node).items()
            if not (value is False and key in ("deprecated", "allowEmptyValue", "allowReserved"))
        }
    return [_without_defaults(item) for item in cast("list[Any]", node)] if isinstance(node, list) else node
