"""multipart/form-data, read as it arrives: fields in memory, recordings in temporary files. And urlencoded forms.

Litestar's reader with the same `multipart` package lacks `filename*` (RFC 2231, RFC 6266), names that are not UTF-8,
and a bound in bytes.
"""

import codecs
import contextlib
from collections.abc import AsyncIterable, Collection
from email.message import Message
from email.utils import collapse_rfc2231_value
from typing import BinaryIO
from urllib.parse import parse_qsl

import msgspec
from multipart import (  # pyright: ignore[reportMissingTypeStubs] - its types are in its source
    MultipartError,
    MultipartSegment,
    ParserLimitReached,
    PushMultipartParser,
)

from app.errors import InvalidBody, InvalidField, UploadTooLarge, quoted
from app.http.wire.upload_room import ScratchFile, Upload

MAX_PARTS = 100
MAX_HEADER_BYTES = 4096
"""Limit of one header of a part. A percent-encoded file name of 255 characters has up to 3,060 bytes."""
MAX_BOUNDARY_CHARS = 200
"""RFC 2046 allows 70."""
CHARSETS = frozenset(["utf-8", "ascii", "iso8859-1", "iso8859-15", "cp1252", "utf-16", "utf-16-le", "utf-16-be"])
"""Python's names of the charsets that a field may declare."""


class Recording(msgspec.Struct, frozen=True):
    """An uploaded file. `name` is for messages only and never a path."""

    name: str
    file: BinaryIO


class _Part:
    def __init__(self, segment: MultipartSegment) -> None:
        parameters = _parameters(dict(segment.headerlist)["Content-Disposition"])
        self.name = parameters.get("name", "")
        self.filename = parameters.get("filename")
        self.charset = segment.charset or "utf-8"
        self.num_bytes = 0
        self.text = bytearray()
        self.scratch: ScratchFile | None = None
        """of a recording, which is not kept in `text`"""


Fields = dict[str, str | list[str]]
"""Name of a part -> its text; the texts of all parts of a name that may be sent several times."""


async def read_form(
    content_type: str,
    body: AsyncIterable[bytes],
    upload: Upload,
    *,
    file_field: str,
    max_field_bytes: int,
    list_fields: Collection[str] = (),
) -> tuple[Fields, list[Recording]]:
    """The plain fields, and the recordings: parts named `file_field`. `upload` closes the files.

    list_fields   may be sent several times, also with `[]` behind the name; where there are any, so may other fields,
                  and the caller refuses those that it takes once

    An empty file input (no name, no bytes) is left out. Raises InvalidBody, InvalidField, UploadTooLarge, QueueFull or
    StorageFailure.
    """
    form = _Form(upload, file_field, max_field_bytes, list_fields)
    try:
        parser = PushMultipartParser(
            _boundary(content_type),
            header_charset="latin-1",  # takes any byte; see _mended
            max_header_size=MAX_HEADER_BYTES,
            max_segment_count=MAX_PARTS,
        )
        async for chunk in body:
            for event in parser.parse(chunk):
                await form.take(event)
        parser.close()
    except ParserLimitReached as error:
        raise InvalidBody(
            f"the form has more than {MAX_PARTS} parts, or a part's header more than {MAX_HEADER_BYTES} bytes ({error})"
        ) from error
    except MultipartError as error:
        raise InvalidBody(f"the multipart body cannot be read: {error}") from error
    return form.fields, form.recordings


def read_urlencoded(body: bytes) -> Fields:
    """The fields of an application/x-www-form-urlencoded body. Raises InvalidBody or InvalidField."""
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=MAX_PARTS, errors="strict")
    except ValueError as error:
        raise InvalidBody(f"the form cannot be read: {error}") from error
    fields: Fields = {}
    for name, value in pairs:
        if name in fields:
            raise InvalidField(f"{name}: send it once", param=name)
        fields[name] = value
    return fields


class _Form:
    def __init__(self, upload: Upload, file_field: str, max_field_bytes: int, list_fields: Collection[str]) -> None:
        self.fields: Fields = {}
        self.recordings: list[Recording] = []
        self._upload = upload
        self._file_field = file_field
        self._max_field_bytes = max_field_bytes
        self._list_fields = list_fields
        self._num_field_bytes = 0
        self._part: _Part | None = None

    async def take(self, event: MultipartSegment | bytes | bytearray | None) -> None:
        """The parser's events: a part begins, some of its data, and None at its end."""
        if isinstance(event, MultipartSegment):
            self._part = await self._begin(event)
            return
        part = self._part
        assert part is not None
        if event is None:
            await self._end(part)
        elif part.scratch is not None:
            part.num_bytes += len(event)
            await part.scratch.append(event)
        else:
            self._num_field_bytes += len(event)
            if self._num_field_bytes > self._max_field_bytes:
                raise UploadTooLarge(
                    f"the fields beside {self._file_field} have more than {self._max_field_bytes} bytes, which is the "
                    "limit",
                    param=part.name,
                )
            part.text += event

    async def _begin(self, segment: MultipartSegment) -> _Part:
        part = _Part(segment)
        if part.name == self._file_field:
            part.scratch = await self._upload.open()
        elif part.filename is not None:
            raise InvalidField(
                f"{part.name}: send it as a plain field; files go into {self._file_field}", param=part.name
            )
        elif part.name in self.fields and not self._list_fields:
            raise InvalidField(f"{part.name}: send it once", param=part.name)
        return part

    async def _end(self, part: _Part) -> None:
        if part.scratch is None:
            self._keep(part)
            return
        await part.scratch.flush()
        if part.filename != "" or part.num_bytes:
            name = part.filename or f"clip {len(self.recordings) + 1}"
            self.recordings.append(Recording(name, part.scratch.file))

    def _keep(self, part: _Part) -> None:
        list_name = self._list_name(part)
        name = list_name or part.name
        if list_name is None and name not in self.fields:
            self.fields[name] = _text(part)
            return
        earlier = self.fields.get(name, [])
        self.fields[name] = [*([earlier] if isinstance(earlier, str) else earlier), _text(part)]

    def _list_name(self, part: _Part) -> str | None:
        """The name of a list without `[]`; None for another field. A form that has lists may have unknown ones."""
        name = part.name.removesuffix("[]")
        is_list = name in self._list_fields or (bool(self._list_fields) and part.name.endswith("[]"))
        return name if is_list else None


def _boundary(content_type: str) -> str:
    message = Message()
    message["Content-Type"] = content_type
    boundary = message.get_boundary("")
    if not 0 < len(boundary) <= MAX_BOUNDARY_CHARS:
        raise InvalidBody(
            "the Content-Type names no boundary between the parts (or one that is too long); leave that header to the "
            "HTTP library"
        )
    return boundary


def _text(part: _Part) -> str:
    charset = _known_charset(part)
    try:
        return part.text.decode(charset)
    except UnicodeDecodeError as error:
        raise InvalidField(
            f"{part.name}: its bytes are not {charset.upper()} text ({error.reason} at byte {error.start}); send UTF-8",
            param=part.name,
        ) from None


def _known_charset(part: _Part) -> str:
    with contextlib.suppress(LookupError):
        if (name := codecs.lookup(part.charset).name) in CHARSETS:
            return name
    raise InvalidField(f"{part.name}: the charset {quoted(part.charset)} is not known; send UTF-8", param=part.name)


def _parameters(disposition: str) -> dict[str, str]:
    """Parameters of Content-Disposition. `filename*` (RFC 2231), also in pieces (`filename*0*`), beats `filename`."""
    message = Message()
    message["Content-Disposition"] = disposition
    parameters: dict[str, str] = {}
    for name, value in (message.get_params([], header="Content-Disposition"))[1:]:
        if isinstance(value, tuple):
            parameters[name] = collapse_rfc2231_value(value)
        else:
            parameters.setdefault(name, _mended(value))
    return parameters


def _mended(value: str) -> str:
    """Latin-1 text decoded again: UTF-8 if its bytes are that, as browsers send it, else a Windows charset."""
    raw = value.encode("latin-1", errors="replace")
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        text = raw.decode("cp1252", errors="replace")
    return text.replace("%22", '"').replace("%0D", "\r").replace("%0A", "\n")  # as browsers write these three
