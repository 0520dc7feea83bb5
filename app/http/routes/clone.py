"""`POST /voice-clone`."""

import asyncio
from typing import Any

from litestar import Request, Response, post
from litestar.di import NamedDependency
from litestar.response import Stream

from app.audio.reference import ReferenceClip, decode_reference
from app.http.audio import audio_response
from app.http.disconnect import unless_client_leaves
from app.http.openapi import CLONE_RESPONSES, CloneOperation
from app.http.uploads import Recording, read_clone_request
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
    form, recordings = await read_clone_request(request)
    clips = await unless_client_leaves(
        request, asyncio.to_thread(_decode, recordings, service.engine.info.max_reference_s)
    )
    speaking = service.clone(form.to_request(form.text, None), clips)
    return await audio_response(request, speaking, form.format, stream=form.stream)


def _decode(recordings: list[Recording], max_s: float) -> list[ReferenceClip]:
    return [decode_reference(data, filename=name, max_decode_s=max_s) for name, data in recordings]
