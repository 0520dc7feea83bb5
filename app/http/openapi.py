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

from app.http.schemas import MAX_CLIPS, ErrorBody


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


def _clone_schema(clip: Schema) -> Schema:
    string = Schema(type=OpenAPIType.STRING)
    number = Schema(type=OpenAPIType.NUMBER)
    integer = Schema(type=OpenAPIType.INTEGER)
    clips = Schema(
        type=OpenAPIType.ARRAY,
        items=clip,
        min_items=1,
        max_items=MAX_CLIPS,
        description="Recordings of the voice, in any format that FFmpeg reads",
    )
    properties: dict[str, Reference | Schema] = {"text": string, "reference_audio": clips}
    properties |= {"language": string, "format": string, "stream": Schema(type=OpenAPIType.BOOLEAN)}
    properties |= dict.fromkeys(("speed", "temperature", "top_p", "repetition_penalty"), number)
    properties |= dict.fromkeys(("seed", "top_k"), integer)
    return Schema(type=OpenAPIType.OBJECT, required=["text", "reference_audio"], properties=properties)


@dataclass
class CloneOperation(Operation):
    """Documents the body of `/voice-clone`: it takes two content types, so the handler reads it itself."""

    def __post_init__(self) -> None:
        binary = Schema(type=OpenAPIType.STRING, format=OpenAPIFormat.BINARY)
        base64 = Schema(type=OpenAPIType.STRING, content_encoding="base64")
        self.request_body = RequestBody(
            required=True,
            content={
                "multipart/form-data": OpenAPIMediaType(schema=_clone_schema(binary)),
                "application/json": OpenAPIMediaType(schema=_clone_schema(base64)),
            },
        )
