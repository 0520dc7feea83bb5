"""Recordings out of a JSON body: base64 in `reference_audio`.

Called in a child process (app/isolation): 48 MiB would hold Python's global lock for most of a second.
"""

import base64
import binascii
from typing import Annotated, BinaryIO

import msgspec
from msgspec import Meta

from app.errors import InvalidBody, InvalidField, UploadTooLarge

FIELD = "reference_audio"


def split_recordings(file: BinaryIO, *, max_clips: int, max_fields_bytes: int) -> tuple[tuple[str, list[int]], bytes]:
    """((the JSON object without its recordings, bytes of each recording), the recordings one after the other).

    Raises InvalidBody, InvalidField or UploadTooLarge.
    """
    try:
        body = msgspec.json.decode(file.read(), type=dict[str, msgspec.Raw])
    except msgspec.ValidationError as error:
        raise InvalidBody(f"the body does not fit: {error}") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidField(f"the body is neither multipart nor JSON: {error}") from None
    if FIELD not in body:
        raise InvalidField(f"{FIELD}: missing; send a list of recordings in base64", param=FIELD)
    try:
        texts = msgspec.json.decode(
            body.pop(FIELD), type=Annotated[list[str], Meta(min_length=1, max_length=max_clips)]
        )
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidField(f"{FIELD}: {error}", param=FIELD) from None
    fields = msgspec.json.encode(body)
    if len(fields) > max_fields_bytes:
        raise UploadTooLarge(f"the fields beside {FIELD} have {len(fields)} bytes; the limit is {max_fields_bytes}")
    recordings = [_decode(text, index) for index, text in enumerate(texts)]
    # Latin-1 keeps every byte for the server, which decodes the fields and reports faults.
    return (fields.decode("latin-1"), [len(data) for data in recordings]), b"".join(recordings)


def _decode(text: str, index: int) -> bytes:
    try:
        return base64.b64decode(text.rpartition(";base64,")[2], validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidField(f"{FIELD}[{index}] is not base64: {error}", param=FIELD) from None
