"""Bodies with files: recordings, of `/voice-clone`, `/voices` and `/voices/check`, and voice files.

Multipart or JSON in (raw bytes for a voice file), checked fields and bytes out.
"""

import base64
import binascii
from typing import Annotated, Any, TypeVar, cast

import msgspec
from litestar import Request
from litestar.datastructures import UploadFile
from litestar.enums import RequestEncodingType
from msgspec import Meta

from app.audio.reference import ReferenceClip, decode_reference
from app.errors import InvalidField
from app.http.body import decode_json, refusal
from app.speech.voices import MAX_CLIPS

S = TypeVar("S", bound=msgspec.Struct)

Recording = tuple[str, bytes]
"""File name as the caller gave it (never used as a path), and the bytes."""


async def read_recordings_request(request: Request[Any, Any, Any], schema: type[S]) -> tuple[S, list[Recording]]:
    """Fields of `schema`, and `reference_audio`: files of a multipart body, or base64 in a JSON body."""
    if request.content_type[0] == RequestEncodingType.MULTI_PART:
        return await _read_multipart(request, schema)
    return _read_json(await request.body(), schema)


async def read_voice_request(request: Request[Any, Any, Any]) -> bytes:
    """The file in the field `voice` of a multipart body, or else the body itself, whatever type it says it is of."""
    if request.content_type[0] != RequestEncodingType.MULTI_PART:
        return await request.body()
    form = await request.form()
    try:
        sent = list(form.multi_items())
        if len(sent) == 1 and sent[0][0] == "voice" and isinstance(sent[0][1], UploadFile):
            return await sent[0][1].read()
    finally:
        await form.close()
    raise InvalidField("voice: send one file in this field, and no other field", param="voice")


def decode_recordings(recordings: list[Recording], max_s: float) -> list[ReferenceClip]:
    """Blocking. Raises UnreadableAudio or UnusableReference, naming the recording."""
    return [decode_reference(data, filename=name, max_decode_s=max_s) for name, data in recordings]


async def _read_multipart(request: Request[Any, Any, Any], schema: type[S]) -> tuple[S, list[Recording]]:
    form = await request.form()
    try:
        fields: dict[str, str] = {}
        recordings: list[Recording] = []
        for name, value in form.multi_items():
            is_file = isinstance(value, UploadFile)
            if is_file != (name == "reference_audio"):
                expected = "a file" if name == "reference_audio" else "a plain field"
                raise InvalidField(f"{name}: send it as {expected}", param=name)
            if isinstance(value, UploadFile):
                recordings.append((value.filename, await value.read()))
            elif name in fields:
                raise InvalidField(f"{name}: send it once", param=name)
            else:
                fields[name] = value
    finally:
        await form.close()
    if not 1 <= len(recordings) <= MAX_CLIPS:
        raise InvalidField(
            f"reference_audio: 1 to {MAX_CLIPS} recordings are needed, {len(recordings)} came", param="reference_audio"
        )
    return _convert(fields, schema), recordings


class _Clips(msgspec.Struct):
    """The part of a JSON body that every schema has. (Struct fields that it does not name are left alone.)"""

    reference_audio: Annotated[list[str], Meta(min_length=1, max_length=MAX_CLIPS)]


def _read_json(body: bytes, schema: type[S]) -> tuple[S, list[Recording]]:
    try:
        raw = decode_json(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidField(f"the body is neither multipart nor JSON: {error}") from None
    sent = _convert(raw, _Clips, strict=True)
    fields = {name: value for name, value in cast("dict[str, object]", raw).items() if name != "reference_audio"}
    recordings: list[Recording] = []
    for index, text in enumerate(sent.reference_audio):
        try:
            data = base64.b64decode(text.rpartition(";base64,")[2], validate=True)
        except (binascii.Error, ValueError) as error:
            raise InvalidField(f"reference_audio[{index}] is not base64: {error}", param="reference_audio") from None
        recordings.append((f"clip {index + 1}", data))
    return _convert(fields, schema, strict=True), recordings


def _convert(fields: object, schema: type[S], *, strict: bool = False) -> S:
    try:
        return msgspec.convert(fields, schema, strict=strict)
    except msgspec.ValidationError as error:
        raise refusal(error) from None
