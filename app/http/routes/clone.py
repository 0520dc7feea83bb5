from typing import Any

from litestar import Request, Response, post
from litestar.di import NamedDependency
from litestar.response import Stream

from app.http.openapi.responses import CLONE_RESPONSES, CloneOperation
from app.http.responses.audio import audio_response
from app.http.responses.timestamps import timed_response
from app.http.state import AppState
from app.http.wire.schemas import CloneForm
from app.http.wire.uploads import Uploads, decode_recordings
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
    request: Request[Any, Any, Any],
    service: NamedDependency[SpeechService],
    uploads: NamedDependency[Uploads],
    app_state: NamedDependency[AppState],
) -> Response[bytes] | Stream:
    async with uploads.recordings(request, CloneForm) as (form, recordings):
        output = form.output
        consent = await service.consent_rule.check(form.consent, field="consent")
        max_s = service.engine.info.max_reference_s
        clips = await uploads.decode(request, lambda child: decode_recordings(child, recordings, max_s))
    asked = form.to_request(
        form.text,
        speaker_id=None,
        language=form.language,
        speed=form.speed,
        streaming=form.stream,
        markup=form.markup,
        lexicon=form.lexicon,
        word_times=form.timestamps == "word",
    )
    respond = timed_response if form.timestamps else audio_response
    return await respond(request, app_state.metrics, service.clone(asked, clips, consent), output, stream=form.stream)
