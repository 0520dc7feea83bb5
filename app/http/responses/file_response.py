"""The answer of a GET route that speaks: one address is one file, of which a player may ask for ranges.

A request without a seed gets a hash of the request as seed, and the marks in the file name its ETag in place of request
and date, so an address always has the same bytes. A range is cut out of the complete file, which is kept for a while.
"""

import hashlib
from contextlib import aclosing
from functools import partial

import msgspec
from litestar import Response
from litestar.response import Stream

from app import __version__
from app.audio.formats import OutputFormat
from app.http.responses.audio import encoded_pieces, output_facts, streamed_response, whole_headers, whole_response
from app.http.responses.ranges import ByteRange, parse_range
from app.http.responses.spoken_files import SpokenFile
from app.http.state import AppState
from app.http.wire.errors import AnyRequest, error_response
from app.http.wire.schemas import ErrorBody
from app.observability.request_context import request_context
from app.speech.receipt import Speech
from app.speech.request import SpeechRequest
from app.speech.service import SpeechService


async def file_response(
    request: AnyRequest,
    app_state: AppState,
    service: SpeechService,
    asked: SpeechRequest,
    output: OutputFormat,
) -> Response[bytes] | Response[ErrorBody] | Stream:
    """The file, streamed while it is spoken, or a range of it once complete."""
    files, metrics = app_state.spoken_files, app_state.metrics
    if asked.speaker_id is not None:  # an alias or a name may mean another voice tomorrow
        asked = msgspec.structs.replace(asked, speaker_id=await service.voices.identify(asked.speaker_id))
    asked = with_seed(asked)
    etag = _etag(
        asked,
        output,
        service.engine.info.model,
        service.lexicon.version,
        has_marks=bool(app_state.settings.marks.in_force),
    )
    write = partial(encoded_pieces, output=output, file_name=etag.strip('"'))
    file_headers = {"Accept-Ranges": "bytes", "ETag": etag}
    wanted = _wanted(request, etag)
    if wanted is not None and wanted.is_from_start_to_end and files.get(etag) is None:
        wanted = None  # players that begin so take a stream too
    request_context.get().facts.update(output_facts(output), stream=wanted is None)
    if wanted is None:
        stream = await streamed_response(
            request,
            metrics,
            service.speak(asked),
            write,
            output.format.mime_type,
        )
        stream.headers.update(file_headers)
        return stream

    await service.voices.find(asked.speaker_id)  # a kept file of a voice that has been deleted is not sent

    async def collect(speech: Speech) -> Response[bytes]:
        async with aclosing(write(speech)) as pieces:
            data = b"".join([piece async for piece in pieces])
        speech.delivery.sent()
        headers = whole_headers(speech.receipt()) | file_headers
        files.put(etag, SpokenFile(data, {name: value for name, value in headers.items() if name != "Server-Timing"}))
        return Response(data, headers=headers)

    async with files.making(etag):
        kept = files.get(etag)
        if kept is None:
            spoken = await whole_response(request, metrics, service.speak(asked), collect)
            kept = SpokenFile(spoken.content, dict(spoken.headers))
    return _part(kept, wanted, output)


def with_seed(asked: SpeechRequest) -> SpeechRequest:
    """`asked`, with its hash as seed if it has none."""
    if asked.seed is not None:
        return asked
    digest = hashlib.sha256(msgspec.json.encode(asked)).digest()
    return msgspec.structs.replace(asked, seed=int.from_bytes(digest[:4], "big"))


def _etag(
    asked: SpeechRequest, output: OutputFormat, model: str, lexicon: tuple[int, ...] | None, *, has_marks: bool
) -> str:
    """A strong ETag of everything that the bytes depend on. The file is the same streamed and whole, so not signed."""
    identity = msgspec.json.encode((asked, output, model, lexicon, has_marks, __version__))
    return f'"{hashlib.sha256(identity).hexdigest()[:32]}"'


def _wanted(request: AnyRequest, etag: str) -> ByteRange | None:
    """None for the whole file, also if the client's part is of another file (If-Range)."""
    if request.headers.get("if-range", etag) != etag:
        return None
    return parse_range(request.headers.get("range"))


def _part(file: SpokenFile, wanted: ByteRange, output: OutputFormat) -> Response[bytes] | Response[ErrorBody]:
    length = len(file.data)
    positions = wanted.resolve(length)
    if positions is None:
        message = f"the file has {length} bytes, and the range holds none of them"
        headers = {"Accept-Ranges": "bytes", "Content-Range": f"bytes */{length}"}
        return error_response(416, "range_not_satisfiable", message, headers=headers)
    headers = file.headers | {"Content-Range": f"bytes {positions.start}-{positions.stop - 1}/{length}"}
    data = file.data[positions.start : positions.stop]
    return Response(data, status_code=206, media_type=output.format.mime_type, headers=headers)
