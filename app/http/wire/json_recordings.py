"""Recordings out of a JSON body: base64, or `data:` URLs with base64. An address is refused: nothing is ever fetched.

Called in a child process (app/isolation): 48 MiB would hold Python's global lock for most of a second.
"""

import base64
import binascii
import re
from collections.abc import Sequence
from typing import Any, BinaryIO, cast

import msgspec

from app.errors import InvalidBody, InvalidField, UploadTooLarge

FIELD = "reference_audio"

_ADDRESS = re.compile(r"\s*(?!data:)[a-z][a-z0-9+.-]*:", re.IGNORECASE)


class _Reference(msgspec.Struct):
    audio: str


_FORMS: dict[str, Any] = {  # Any: msgspec's own annotation of types
    "ref_audio": str | list[str],
    "references": list[_Reference],
}
"""Types of the fields that are not simply lists of texts."""


def split_recordings(
    file: BinaryIO, *, fields: list[str], is_required: bool, max_clips: int, max_fields_bytes: int
) -> tuple[tuple[str, list[int]], bytes]:
    """((the JSON object without its recordings, bytes of each recording), the recordings one after the other).

    fields        those that hold recordings; where one is `is_required`, null counts as a value

    Raises InvalidBody, InvalidField or UploadTooLarge.
    """
    try:
        body = msgspec.json.decode(file.read(), type=dict[str, msgspec.Raw])
    except msgspec.ValidationError as error:
        raise InvalidBody(f"the body does not fit: {error}") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidField(f"the body is neither multipart nor JSON: {error}") from None
    taken = {name: body.pop(name) for name in fields if name in body and (is_required or bytes(body[name]) != b"null")}
    if is_required and not taken:
        raise InvalidField(f"{fields[0]}: missing; send a list of recordings in base64", param=fields[0])
    rest = msgspec.json.encode(body)
    if len(rest) > max_fields_bytes:
        raise UploadTooLarge(f"the fields beside {fields[0]} have {len(rest)} bytes; the limit is {max_fields_bytes}")
    recordings: list[bytes] = []
    for name, raw in taken.items():
        texts = _texts(name, raw)
        if not 1 <= len(texts) <= max_clips - len(recordings):
            raise InvalidField(f"{name}: 1 to {max_clips} recordings are needed", param=name)
        recordings += [_decode(name, text, index) for index, text in enumerate(texts)]
    # Latin-1 keeps every byte for the server, which decodes the fields and reports faults.
    return (rest.decode("latin-1"), [len(data) for data in recordings]), b"".join(recordings)


def _texts(name: str, raw: msgspec.Raw) -> Sequence[str]:
    try:
        sent = cast("str | list[str | _Reference]", msgspec.json.decode(raw, type=_FORMS.get(name, list[str])))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidField(f"{name}: {error}", param=name) from None
    texts = [sent] if isinstance(sent, str) else sent
    return [text if isinstance(text, str) else text.audio for text in texts]


def _decode(name: str, text: str, index: int) -> bytes:
    if _ADDRESS.match(text):
        raise InvalidField(
            f"{name}[{index}] is an address, and nothing is ever fetched: send the recording itself, in base64 or as a "
            "data: URL",
            param=name,
        )
    try:
        return base64.b64decode(text.rpartition(";base64,")[2], validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidField(
            f"{name}[{index}] is not base64: {error}. Send the recording itself; no path is read", param=name
        ) from None
