"""`POST /voice-clone`."""

import asyncio
from typing import Any

from litestar import Request, Response, post
from litestar.di import NamedDependency
from litestar.response import Stream

from app.http.audio import audio_response
from app.http.disconnect import unless_client_leaves
from app.http.openapi import CLONE_RESPONSES, CloneOperation
from app.http.schemas import CloneForm
from app.http.timed import timed_response
from app.http.uploads import decode_recordings, read_recordings_request
from app.speech.service import SpeechService


@post(
    "/voice-clone",
    status_code=200,
    responses=CLONE_RESPONSES,
    operation_class=CloneOperation,
    tags=["speech"],
    summary="Speak a text in the voice of a recording",
)
async def clone_voice(
    request: Request[Any, Any, Any], service: NamedDependency[SpeechService]
) -> Response[bytes] | Stream:
    form, recordings = await read_recordings_request(request, CloneForm)
    clips = await unless_client_leaves(
        request, asyncio.to_thread(decode_recordings, recordings, service.engine.info.max_reference_s)
    )
    speaking = service.clone(form.to_request(form.text, None), clips)
    respond = timed_response if form.timestamps else audio_response
    return await respond(request, speaking, form.format, stream=form.stream)
