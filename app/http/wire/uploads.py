"""Bodies with files, multipart or JSON: recordings to clone, to check and to transcribe, and voice files.

The files are decoded in child processes: two requests at a time, and two to transcribe.
"""

import asyncio
import math
from collections.abc import AsyncGenerator, Callable, Collection, Iterable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import TypeVar, cast

import msgspec
import numpy as np
from litestar.enums import RequestEncodingType
from litestar.exceptions.http_exceptions import RequestEntityTooLarge
from litestar.types import HTTPReceiveMessage
from numpy.typing import NDArray

from app.audio.formats import AudioFormat
from app.audio.found_marks import READ as READ_MARKS
from app.audio.reference import DECODE, ReferenceClip, decode_reference
from app.audio.speech_recording import BYTES_PER_S, decode_speech
from app.audio.speech_recording import DECODE as DECODE_SPEECH
from app.errors import InvalidBody, InvalidField, UploadTooSlow
from app.http.responses.disconnect import ClientLeft, unless_client_leaves
from app.http.wire.errors import AnyRequest
from app.http.wire.json_body import decode_json, refusal
from app.http.wire.json_recordings import FIELD
from app.http.wire.multipart import Fields, Recording, read_form, read_urlencoded
from app.http.wire.upload_room import ScratchFile, Upload, UploadRoom
from app.isolation.child import Child, IsolationFailure, Limits
from app.isolation.pool import Sandbox
from app.pools import RECORDINGS
from app.settings import Settings, child_environment
from app.voices.manifest import MAX_CLIPS
from app.voices.voice_file import READ

MIB = 1024 * 1024
MAX_UPLOADS_IN_ROOM = 8
"""Uploads of the largest size that fit into the room: 400 MiB by default."""
CHILD_MEMORY_BYTES = 256 * MIB
"""Beside four times the largest upload: a JSON body as bytes, as text and decoded twice."""
SPEECH_DECODED_PER_S = 200
"""Seconds of a recording that every machine decodes in a second: one of ours decodes 600 of an MP3."""
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
        self._sandbox = Sandbox(limits, (DECODE, SPLIT, READ, READ_MARKS), environ=child_environment())
        self._max_recording_s = settings.max_recording_s
        speech_wall_s = settings.decode_timeout_s + settings.max_recording_s / SPEECH_DECODED_PER_S
        speech_limits = Limits(
            wall_s=speech_wall_s,
            cpu_s=math.ceil(speech_wall_s),
            memory_bytes=CHILD_MEMORY_BYTES + self._max_bytes + math.ceil(1.5 * BYTES_PER_S * self._max_recording_s),
        )
        self._speech_sandbox = Sandbox(speech_limits, (DECODE_SPEECH,), environ=child_environment(), pool=RECORDINGS)

    @asynccontextmanager
    async def recordings(
        self, request: AnyRequest, schema: type[S], *, field: str = FIELD
    ) -> AsyncGenerator[tuple[S, list[Recording]]]:
        """Fields of `schema`, and the recordings in `field`: files of a multipart body, or base64 in a JSON body.

        The end of the block closes the files. Raises RequestError, QueueFull or StorageFailure.
        """
        async with Upload(self._room) as upload:
            if is_form(request):
                fields, files = await self._read_form(request, upload, field)
                form = convert_form(_with_objects(fields), schema)
            else:
                body = await self._read_body(request, upload)
                fields, files = await self._split(request, upload, body, [field], is_required=True)
                form = convert_form(fields, schema, strict=True)
            if not 1 <= len(files) <= MAX_CLIPS:
                raise InvalidField(f"{field}: 1 to {MAX_CLIPS} recordings are needed, {len(files)} came", param=field)
            yield form, files

    @asynccontextmanager
    async def speech(
        self, request: AnyRequest, recording_fields: Sequence[str]
    ) -> AsyncGenerator[tuple[object, list[Recording]]]:
        """The JSON body of a request for speech without `recording_fields`, and their recordings, often none.

        A short body without recordings is decoded here, any other in a child process. The end of the block closes the
        files. Raises RequestError, QueueFull or StorageFailure.
        """
        body = None
        if request.content_length is not None and request.content_length <= self._max_field_bytes:
            body = await request.body()
            if not body:
                raise InvalidBody("no body came; it must be a JSON object")
            decoded = decode_json(body)
            if not isinstance(decoded, dict) or all(decoded.get(name) is None for name in recording_fields):  # pyright: ignore
                yield decoded, []
                return
        async with Upload(self._room) as upload:
            if body is None:
                file = await self._read_body(request, upload)
            else:
                upload.claim(len(body))
                file = await upload.open()
                await file.append(body)
                await file.flush()
            yield await self._split(request, upload, file, recording_fields, is_required=False)

    @asynccontextmanager
    async def speech_form(self, request: AnyRequest, file_field: str) -> AsyncGenerator[tuple[Fields, list[Recording]]]:
        """The fields of a form, multipart or urlencoded, and the files in its part `file_field`, often none."""
        async with Upload(self._room) as upload:
            if is_form(request):
                yield await self._read_form(request, upload, file_field)
            elif request.content_type[0] == RequestEncodingType.URL_ENCODED:
                yield read_urlencoded(await request.body()), []
            else:
                raise InvalidBody("send a form: multipart/form-data or application/x-www-form-urlencoded")

    @asynccontextmanager
    async def file(
        self, request: AnyRequest, field: str, *, takes_body: bool, list_fields: Collection[str] = ()
    ) -> AsyncGenerator[tuple[Fields, Recording]]:
        """The one file in the part `field` of a multipart body, and its other parts.

        takes_body    a body of any other Content-Type is the file itself
        list_fields   see `read_form`

        The file is closed at the end of the block. Raises RequestError, QueueFull or StorageFailure.
        """
        async with Upload(self._room) as upload:
            if is_form(request):
                fields, files = await self._read_form(request, upload, field, list_fields)
            elif takes_body:
                fields, files = {}, [Recording("the body", (await self._read_body(request, upload)).file)]
            else:
                raise InvalidBody(f"send multipart/form-data with the recording in its part {field}")
            if len(files) != 1:
                raise InvalidField(f"{field}: send one file in this field; {len(files)} came", param=field)
            yield fields, files[0]

    @asynccontextmanager
    async def voice_file(self, request: AnyRequest, schema: type[S]) -> AsyncGenerator[tuple[S, Recording]]:
        """Fields of `schema` and the file in `voice` of a multipart body; any other body is the file itself."""
        async with self.file(request, "voice", takes_body=True) as (fields, file):
            yield convert_form(fields, schema), file

    async def decode_speech(self, request: AnyRequest, recording: Recording) -> NDArray[np.int16]:
        """[samples] at 16 kHz. Raises UnreadableAudio or RecordingTooLong."""
        work = partial(decode_speech, file=recording.file, name=recording.name, max_s=self._max_recording_s)
        return await unless_client_leaves(request, self._speech_sandbox.run(work))

    async def decode(self, request: AnyRequest, work: Callable[[Child], T]) -> T:
        """Run `work` on a thread with a child process to call; both stop when the client leaves."""
        return await unless_client_leaves(request, self._sandbox.run(work))

    async def aclose(self) -> None:
        await self._sandbox.aclose()
        await self._speech_sandbox.aclose()

    async def _read_form(
        self, request: AnyRequest, upload: Upload, file_field: str, list_fields: Collection[str] = ()
    ) -> tuple[Fields, list[Recording]]:
        content_type = request.headers.get("content-type", "")
        return await read_form(
            content_type,
            self._body(request, upload),
            upload,
            file_field=file_field,
            max_field_bytes=self._max_field_bytes,
            list_fields=list_fields,
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

    async def _split(
        self, request: AnyRequest, upload: Upload, body: ScratchFile, names: Sequence[str], *, is_required: bool
    ) -> tuple[object, list[Recording]]:
        def split(child: Child) -> tuple[str, list[ScratchFile]]:
            try:
                (fields, sizes), data = child.call(
                    SPLIT,
                    body.file,
                    tuple[str, list[int]],
                    max_bytes=self._max_bytes,
                    fields=names,
                    is_required=is_required,
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


def is_form(request: AnyRequest) -> bool:
    """True for multipart/form-data."""
    return request.content_type[0] == RequestEncodingType.MULTI_PART


def _with_objects(fields: Fields) -> dict[str, object]:
    """The fields of a form, with objects decoded from their JSON. Raises InvalidField."""
    read: dict[str, object] = {**fields}
    for name in OBJECT_FIELDS & fields.keys():
        try:
            read[name] = msgspec.json.decode(cast("str", fields[name]))
        except (msgspec.DecodeError, RecursionError):
            raise InvalidField(f"{name}: a JSON object is needed", param=name) from None
    return read


def convert_form(fields: object, schema: type[S], *, strict: bool = False, formats: Iterable[str] = AudioFormat) -> S:
    """Raises InvalidField or InvalidBody. `formats`: see `refusal`."""
    try:
        return msgspec.convert(fields, schema, strict=strict)
    except msgspec.ValidationError as error:
        raise refusal(error, formats) from None
