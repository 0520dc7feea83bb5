from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, cast

import msgspec
from litestar import Request

from app.audio.formats import AudioFormat
from app.errors import InvalidBody, InvalidField, UnsupportedEncoding, quoted


class StrictRequest(Request[Any, Any, Any]):  # Any: unused types of Litestar
    """Leaves the body as it is; Litestar's conversion would read "1.5" as 1.5 and 0 as false."""

    sent_fields: Mapping[str, object] = MappingProxyType({})
    """The JSON object of the body, once it has been read."""

    async def json(self) -> Any:
        field = self.route_handler.parsed_data_field
        body = await self.body()
        try:
            decoded = decode_json(body)
            if isinstance(decoded, dict):
                self.sent_fields = cast("dict[str, object]", decoded)
            return msgspec.convert(decoded, Any if field is None else field.annotation)
        except msgspec.ValidationError as error:
            raise refusal(error) from None


def sent_fields(request: Request[Any, Any, Any]) -> Mapping[str, object]:
    assert isinstance(request, StrictRequest)
    return request.sent_fields


def decode_json(body: bytes) -> object:
    """The decoded body, with 5.0 as 5, which msgspec's strict conversion would refuse for an integer."""
    decoded: object = msgspec.json.decode(body)
    if not isinstance(decoded, dict):
        return decoded
    fields = cast("dict[str, object]", decoded)
    return {
        name: int(value) if isinstance(value, float) and value.is_integer() else value for name, value in fields.items()
    }


def refusal(error: msgspec.ValidationError, formats: Iterable[str] = AudioFormat) -> InvalidField | InvalidBody:
    """`formats`: those that the field `format` or `response_format` may be."""
    message = str(error)
    param = field_at_fault(message)
    if param is None:
        return InvalidBody(f"the body does not fit: {message}")
    if message.startswith("Invalid enum value") and param in ("format", "response_format"):
        message += f"; known are {', '.join(formats)}"
    return InvalidField(f"{param}: {message}", param=param)


async def check_encoding(request: Request[Any, Any, Any]) -> None:
    """Raises UnsupportedEncoding: a compressed kilobyte may hold a gigabyte."""
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding != "identity":
        raise UnsupportedEncoding(f"bodies are taken as they are, not as {quoted(encoding)}")


def field_at_fault(message: str) -> str | None:
    """The field that a message of msgspec names, as "... field `x`" or "... - at `$.x`"."""
    if "field `" in message:
        return message.split("field `")[1].split("`")[0]
    if "`$." in message:
        return message.split("`$.")[1].split("`")[0].split("[")[0].split(".")[0]
    return None
