"""Bodies with files, multipart or JSON: recordings of `/voice-clone`, `/voices` and `/voices/check`, and voice files.

Files are decoded in child processes, two requests at a time.
"""

import asyncio
import math
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import TypeVar, cast

import msgspec
from litestar.enums import RequestEncodingType
from litestar.exceptions.http_exceptions import RequestEntityTooLarge
from litestar.types import HTTPReceiveMessage

from app.audio.reference import DECODE, ReferenceClip, decode_reference
from app.errors import InvalidBody, InvalidField, UploadTooSlow
from app.http.responses.disconnect import ClientLeft, unless_client_leaves
from app.http.wire.errors import AnyRequest
from app.http.wire.json_body import decode_json, refusal
from app.http.wire.json_recordings import FIELD
from app.http.wire.multipart import Recording, read_form
from app.http.wire.upload_room import ScratchFile, Upload, UploadRoom
from app.isolation.child import Child, IsolationFailure, Limits
from app.isolation.pool import Sandbox
from app.settings import Settings, child_environment
from app.voices.manifest import MAX_CLIPS
from app.voices.voice_file import READ

MIB = 1024 * 1024
MAX_UPLOADS_IN_ROOM = 8
"""Uploads of the largest size that fit into the room: 400 MiB by default."""
CHILD_MEMORY_BYTES = 256 * MIB
"""Beside four times the largest upload: a JSON body as bytes, as text and decoded twice."""
SPLIT = "app.http.wire.json_recordings:split_recordings"

OBJECT_FIELDS = frozenset(["lexicon"])
S = TypeVar("S", bound=msgspec.Struct)
T = TypeVar("T")


class Uploads:
    """Receives files and has them decoded. Lives on the event loop; its owner calls `aclose`."""

    def __init__(self, settings: Settings) -> None:
        self._max_bytes = settings.max_upload_mb * MIB
        self._max_field_bytes = max_json_bytes(settings)
        self._receive_timeout_s = settings.request_timeout_s
        self._room = UploadRoom(max_uploads=max(1, settings.max_queue), max_bytes=MAX_UPLOADS_IN_ROOM * self._max_bytes)
        limits = Limits(
            wall_s=settings.decode_timeout_s,
            cpu_s=math.ceil(settings.decode_timeout_s),
            memory_bytes=CHILD_MEMORY_BYTES + 4 * self._max_bytes,
        )
        self._sandbox = Sandbox(limits, (DECODE, SPLIT, READ), environ=child_environment())

    @asynccontextmanager
    async def recordings(self, request: AnyRequest, schema: type[S]) -> AsyncGenerator[tuple[S, list[Recording]]]:
        """Fields of `schema`, and `reference_audio`: files of a multipart body, or base64 in a JSON body.

        The end of the block closes the files. Raises RequestError, QueueFull or StorageFailure.
        """
        async with Upload(self._room) as upload:
            if _is_form(request):
                fields, files = await self._read_form(request, upload, FIELD)
                form = _convert(_with_objects(fields), schema)
            else:
                body = await self._read_body(request, upload)
                fields, files = await self._split(request, upload, body)
                form = _convert(fields, schema, strict=True)
            if not 1 <= len(files) <= MAX_CLIPS:
                raise InvalidField(f"{FIELD}: 1 to {MAX_CLIPS} recordings are needed, {len(files)} came", param=FIELD)
            yield form, files

    @asynccontextmanager
    async def voice_file(self, request: AnyRequest) -> AsyncGenerator[Recording]:
        """The field `voice` of a multipart body, or else the body itself, whatever its Content-Type."""
        async with Upload(self._room) as upload:
            if _is_form(request):
                fields, files = await self._read_form(request, upload, "voice")
            else:
                fields, files = {}, [Recording("the voice file", (await self._read_body(request, upload)).file)]
            if fields or len(files) != 1:
                raise InvalidField("voice: send one file in this field, and no other field", param="voice")
            yield files[0]

    async def decode(self, request: AnyRequest, work: Callable[[Child], T]) -> T:
        """Run `work` on a thread with a child process to call; both stop when the client leaves."""
        return await unless_client_leaves(request, self._sandbox.run(work))

    async def aclose(self) -> None:
        await self._sandbox.aclose()

    async def _read_form(
        self, request: AnyRequest, upload: Upload, file_field: str
    ) -> tuple[dict[str, str], list[Recording]]:
        content_type = request.headers.get("content-type", "")
        return await read_form(
            content_type,
            self._body(request, upload),
            upload,
            file_field=file_field,
            max_field_bytes=self._max_field_bytes,
        )

    async def _read_body(self, request: AnyRequest, upload: Upload) -> ScratchFile:
        file = await upload.open()
        async for chunk in self._body(request, upload):
            await file.append(chunk)
        await file.flush()
        return file

    async def _body(self, request: AnyRequest, upload: Upload) -> AsyncGenerator[bytes]:
        """The body as it arrives. Raises RequestEntityTooLarge, UploadTooSlow, QueueFull, or ClientLeft."""
        if (request.content_length or 0) > self._max_bytes:
            raise RequestEntityTooLarge
        deadline_s = asyncio.get_running_loop().time() + self._receive_timeout_s
        num_bytes = 0
        has_more = True
        while has_more:
            try:
                async with asyncio.timeout_at(deadline_s):
                    message = cast("HTTPReceiveMessage", await request.receive())
            except TimeoutError:
                raise UploadTooSlow(
                    f"the upload took longer than {self._receive_timeout_s:g} s (CHORUS_REQUEST_TIMEOUT_S)"
                ) from None
            if message["type"] == "http.disconnect":
                raise ClientLeft
            chunk, has_more = message["body"], message["more_body"]
            num_bytes += len(chunk)
            if num_bytes > self._max_bytes:
                raise RequestEntityTooLarge
            upload.claim(len(chunk))
            yield chunk

    async def _split(self, request: AnyRequest, upload: Upload, body: ScratchFile) -> tuple[object, list[Recording]]:
        def split(child: Child) -> tuple[str, list[ScratchFile]]:
            try:
                (fields, sizes), data = child.call(
                    SPLIT,
                    body.file,
                    tuple[str, list[int]],
                    max_bytes=self._max_bytes,
                    max_clips=MAX_CLIPS,
                    max_fields_bytes=self._max_field_bytes,
                )
            except IsolationFailure as failure:
                raise InvalidBody(f"the JSON body {failure.says}; send the recordings as multipart") from failure
            finally:
                body.close()
            rest = memoryview(data)
            files: list[ScratchFile] = []
            for size in sizes[:MAX_CLIPS]:
                files.append(upload.adopt(ScratchFile()))
                files[-1].write(rest[:size])
                rest = rest[size:]
            return fields, files

        fields, files = await self.decode(request, split)
        try:
            decoded = decode_json(fields.encode("latin-1"))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise InvalidField(f"the body is neither multipart nor JSON: {error}") from None
        return decoded, [Recording(f"clip {number}", each.file) for number, each in enumerate(files, 1)]


def decode_recordings(child: Child, recordings: list[Recording], max_s: float) -> list[ReferenceClip]:
    """Blocking. Raises UnreadableAudio or UnusableReference, naming the recording."""
    return [decode_reference(child, each.file, name=each.name, max_s=max_s) for each in recordings]


def max_json_bytes(settings: Settings) -> int:
    r"""Limit in bytes of JSON and of a form beside its files: 1 MiB or more, for the longest text as `\u00e9`."""
    return max(MIB, 12 * settings.max_text_chars + MIB // 4)


def _is_form(request: AnyRequest) -> bool:
    return request.content_type[0] == RequestEncodingType.MULTI_PART


def _with_objects(fields: dict[str, str]) -> dict[str, object]:
    """Form fields, with objects decoded from their JSON. Raises InvalidField."""
    read: dict[str, object] = {**fields}
    for name in OBJECT_FIELDS & fields.keys():
        try:
            read[name] = msgspec.json.decode(fields[name])
        except (msgspec.DecodeError, RecursionError):
            raise InvalidField(f"{name}: a JSON object is needed", param=name) from None
    return read


def _convert(fields: object, schema: type[S], *, strict: bool = False) -> S:
    try:
        return msgspec.convert(fields, schema, strict=strict)
    except msgspec.ValidationError as error:
        raise refusal(error) from None
