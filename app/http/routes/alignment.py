"""`POST /v1/audio/alignments`: a recording and the text that it should say."""

from typing import Any

import msgspec
from litestar import MediaType, Request, Response, post
from litestar.di import NamedDependency

from app.errors import TextTooLong
from app.http.dialects.openai_transcription import FIELD_NAMES
from app.http.openapi.transcription import ALIGNMENT_RESPONSES, AlignmentOperation
from app.http.responses.disconnect import unless_client_leaves
from app.http.state import AppState
from app.http.wire.alignment import AlignmentForm
from app.http.wire.uploads import Uploads, convert_form
from app.transcription.alignment import AlignmentService


@post(
    "/v1/audio/alignments",
    status_code=200,
    responses=ALIGNMENT_RESPONSES,
    operation_class=AlignmentOperation,
    opt={"field_names": FIELD_NAMES},
    tags=["transcription"],
    summary="Compare a recording with its text: times of words, and what is missing, repeated or too much",
)
async def create_alignment(
    request: Request[Any, Any, Any], uploads: NamedDependency[Uploads], app_state: NamedDependency[AppState]
) -> Response[bytes]:
    transcription = app_state.transcription
    transcription.recognizer.check_room()
    alignment = AlignmentService(transcription)
    async with uploads.file(request, "file", takes_body=False) as (fields, recording):
        form = convert_form(fields, AlignmentForm)
        limit = app_state.settings.max_text_chars
        if len(form.text) > limit:
            raise TextTooLong(f"the text has {len(form.text)} characters; the limit is {limit}", param="text")
        alignment.check(form.language)
        samples = await uploads.decode_speech(request, recording)
    checked = await unless_client_leaves(request, alignment.align(samples, form.text, form.language))
    return Response(
        msgspec.json.encode(checked),
        media_type=MediaType.JSON,
        headers={"X-Audio-Seconds": f"{checked.duration_s:.3f}"},
        status_code=200,
    )
