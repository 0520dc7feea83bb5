"""What the OpenAPI document says beyond the handlers' types."""

from dataclasses import dataclass

from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import (
    OpenAPIFormat,
    OpenAPIMediaType,
    OpenAPIResponse,
    OpenAPIType,
    Operation,
    Reference,
    RequestBody,
    Schema,
)

from app.audio.formats import AudioFormat
from app.http.schemas import ErrorBody, TimedAnswer
from app.http.sse import MEDIA_TYPE as EVENT_STREAM
from app.speech.voices import MAX_CLIPS, SavedVoice


def _error(description: str) -> ResponseSpec:
    return ResponseSpec(data_container=ErrorBody, description=description, generate_examples=False)


AUDIO_RESPONSES = {
    200: ResponseSpec(data_container=bytes, media_type="audio/wav", description="Audio", generate_examples=False),
    400: _error("A field is missing, malformed or out of bounds; `param` names it"),
    401: _error("No API key, or none that is valid"),
    403: _error("A web page of another site may not ask this"),
    404: _error("No such speaker; the message names near ones"),
    413: _error("The text or the upload is too large"),
    422: _error("Nothing in the text can be spoken"),
    429: _error("As many requests as this key may make: try again after `Retry-After` seconds"),
    500: _error("The server failed; its log has the request id"),
    503: _error("Full, loading or shutting down: try again after `Retry-After` seconds"),
    504: _error("The audio did not come in time"),
}

MODEL_RESPONSES = {404: _error("No such model; the message names those there are")}

OPENAI_SPEECH_RESPONSES = AUDIO_RESPONSES | {
    200: ResponseSpec(
        data_container=bytes,
        media_type="audio/mpeg",
        description="Audio, or with `stream_format` `sse` server-sent events: `speech.audio.delta` with a piece of it "
        "in base64, and one `speech.audio.done` with `usage` (characters in, XTTS audio codes of 46.4 ms out)",
        generate_examples=False,
    ),
    404: _error("No such model or voice; the message names near ones"),
}

SPEECH_RESPONSES = AUDIO_RESPONSES | {
    200: ResponseSpec(
        data_container=TimedAnswer,
        description="Audio in the format that was asked for. With `timestamps` a JSON object; with `stream` as well, "
        "server-sent events: `audio` (`data`: the next bytes of the file in base64), `segment` (`index`, `text`, "
        "`start_s`, `end_s`) as each ends, and `done` (the JSON object without `audio`) at the end. An `error` event "
        "has an error's body; the stream breaks after it",
        generate_examples=False,
    ),
}

CLONE_RESPONSES = SPEECH_RESPONSES | {
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
    401: AUDIO_RESPONSES[401],
    403: AUDIO_RESPONSES[403],
    409: _error("As many voices are saved as may be"),
    413: AUDIO_RESPONSES[413],
    415: CLONE_RESPONSES[415],
    422: _error("A reference clip is too short, too long, silent or clipped"),
    429: AUDIO_RESPONSES[429],
    501: CLONE_RESPONSES[501],
    507: VOICE_RESPONSES[507],
}

EXPORT_RESPONSES = VOICE_RESPONSES | {
    200: ResponseSpec(
        data_container=bytes,
        media_type="application/octet-stream",
        description="A `.chorus-voice` file",
        generate_examples=False,
    ),
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
    properties |= {"timestamps": Schema(type=OpenAPIType.STRING, enum=["segment"])}
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


def _add_audio(operation: Operation) -> None:
    """An answer has a content type for each format, beside the JSON of SPEECH_RESPONSES."""
    answer = (operation.responses or {})["200"]
    assert isinstance(answer, OpenAPIResponse)
    audio = {each.mime_type.partition(";")[0]: OpenAPIMediaType(schema=BINARY) for each in AudioFormat}
    events = {EVENT_STREAM: OpenAPIMediaType(schema=STRING)}
    answer.content = audio | (answer.content or {}) | events


@dataclass
class TtsOperation(Operation):
    """Documents what `/tts` answers."""

    def __post_init__(self) -> None:
        _add_audio(self)


@dataclass
class CloneOperation(Operation):
    """Documents the body of `/voice-clone`, which the handler reads itself, and what it answers."""

    def __post_init__(self) -> None:
        _add_audio(self)
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
