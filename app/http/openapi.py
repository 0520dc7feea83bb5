"""What the OpenAPI document says beyond the handlers' types."""

from dataclasses import dataclass

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

from app.http.schemas import ErrorBody
from app.speech.voices import MAX_CLIPS, SavedVoice


def _error(description: str) -> ResponseSpec:
    return ResponseSpec(data_container=ErrorBody, description=description, generate_examples=False)


AUDIO_RESPONSES = {
    200: ResponseSpec(data_container=bytes, media_type="audio/wav", description="Audio", generate_examples=False),
    400: _error("A field is missing, malformed or out of bounds; `param` names it"),
    404: _error("No such speaker; the message names near ones"),
    413: _error("The text or the upload is too large"),
    422: _error("Nothing in the text can be spoken"),
    500: _error("The server failed; its log has the request id"),
    503: _error("Full, loading or shutting down: try again after `Retry-After` seconds"),
    504: _error("The audio did not come in time"),
}

CLONE_RESPONSES = AUDIO_RESPONSES | {
    415: _error("A reference clip is not audio that can be decoded"),
    422: _error("A reference clip is too short, too long, silent or clipped; or nothing can be spoken"),
    501: _error("This engine cannot clone; the message says which can"),
}


VOICE_RESPONSES = {
    404: _error("No such voice; the message names near ones"),
    507: _error("The data volume cannot be read or written"),
}

SAVE_RESPONSES = {
    200: ResponseSpec(data_container=SavedVoice, description="Kept already", generate_examples=False),
    400: AUDIO_RESPONSES[400],
    409: _error("As many voices are saved as may be"),
    413: AUDIO_RESPONSES[413],
    415: CLONE_RESPONSES[415],
    422: _error("A reference clip is too short, too long, silent or clipped"),
    501: CLONE_RESPONSES[501],
    507: VOICE_RESPONSES[507],
}

CHECK_RESPONSES = {
    400: AUDIO_RESPONSES[400],
    413: AUDIO_RESPONSES[413],
    415: _error("A recording is not audio that can be decoded"),
}

IMPORT_RESPONSES = {
    200: SAVE_RESPONSES[200],
    400: AUDIO_RESPONSES[400],
    409: SAVE_RESPONSES[409],
    413: _error("The voice file is larger than one may be"),
    422: _error("No voice file, damaged, or of another model; the message says which"),
    501: CLONE_RESPONSES[501],
    507: VOICE_RESPONSES[507],
}

STRING = Schema(type=OpenAPIType.STRING)
BINARY = Schema(type=OpenAPIType.STRING, format=OpenAPIFormat.BINARY)


def _speech_options() -> dict[str, Reference | Schema]:
    number, integer = Schema(type=OpenAPIType.NUMBER), Schema(type=OpenAPIType.INTEGER)
    properties: dict[str, Reference | Schema] = {"text": STRING, "language": STRING, "format": STRING}
    properties |= {"stream": Schema(type=OpenAPIType.BOOLEAN)}
    properties |= dict.fromkeys(("speed", "temperature", "top_p", "repetition_penalty"), number)
    return properties | dict.fromkeys(("seed", "top_k"), integer)


def _body(required: list[str], properties: dict[str, Reference | Schema]) -> RequestBody:
    """A body with recordings, which has two content types: files of a form, or base64 in JSON."""

    def schema(clip: Schema) -> OpenAPIMediaType:
        clips = Schema(
            type=OpenAPIType.ARRAY,
            items=clip,
            min_items=1,
            max_items=MAX_CLIPS,
            description="Recordings of the voice, in any format that FFmpeg reads",
        )
        return OpenAPIMediaType(
            schema=Schema(
                type=OpenAPIType.OBJECT,
                required=[*required, "reference_audio"],
                properties={**properties, "reference_audio": clips},
            )
        )

    return RequestBody(
        required=True,
        content={
            "multipart/form-data": schema(BINARY),
            "application/json": schema(Schema(type=OpenAPIType.STRING, content_encoding="base64")),
        },
    )


@dataclass
class CloneOperation(Operation):
    """Documents the body of `/voice-clone`, which the handler reads itself."""

    def __post_init__(self) -> None:
        self.request_body = _body(["text"], _speech_options())


@dataclass
class SaveOperation(Operation):
    """Documents the body of `POST /voices`, which the handler reads itself."""

    def __post_init__(self) -> None:
        self.request_body = _body(["name", "consent"], {"name": STRING, "consent": STRING})


@dataclass
class CheckOperation(Operation):
    """Documents the body of `POST /voices/check`, which the handler reads itself."""

    def __post_init__(self) -> None:
        self.request_body = _body([], {})


@dataclass
class ImportOperation(Operation):
    """Documents the body of `POST /voices/import`, which the handler reads itself."""

    def __post_init__(self) -> None:
        form = Schema(type=OpenAPIType.OBJECT, required=["voice"], properties={"voice": BINARY})
        self.request_body = RequestBody(
            required=True,
            content={
                "multipart/form-data": OpenAPIMediaType(schema=form),
                "application/octet-stream": OpenAPIMediaType(schema=BINARY),
            },
        )
