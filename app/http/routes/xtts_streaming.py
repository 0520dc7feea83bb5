"""xtts-streaming-server's routes and pipecat-xtts-vllm's conditioning. `/tts` and `/languages` at the root are ours."""

from typing import Any

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody
from litestar.response import Stream

from app.http.dialects.unknown_fields import unknown_fields
from app.http.dialects.xtts_streaming import (
    CLONE_FILE,
    CONDITIONING_FIELD,
    FIELD_NAMES,
    ClonedSpeaker,
    CloneFields,
    Conditioning,
    StreamedSpeech,
    to_studio_speakers,
)
from app.http.openapi.responses import AUDIO_RESPONSES, LIST_RESPONSES
from app.http.openapi.xtts_streaming import CLONE_SPEAKER_RESPONSES, CloneSpeakerOperation, ConditioningOperation
from app.http.responses.audio import audio_response
from app.http.state import AppState
from app.http.wire.json_body import sent_fields
from app.http.wire.uploads import Uploads, decode_recordings
from app.speech.service import SpeechService

TAGS = ["xtts-streaming-server"]
KNOWN = tuple(name for name in StreamedSpeech.__struct_fields__ if name != "stream_chunk_size")


@get("/studio_speakers", responses=LIST_RESPONSES, tags=TAGS, summary="The voices by name, each with its handles")
async def list_studio_speakers(service: NamedDependency[SpeechService]) -> dict[str, ClonedSpeaker]:
    return to_studio_speakers((await service.voices.list()).speakers)


@post(
    "/clone_speaker",
    status_code=200,
    responses=CLONE_SPEAKER_RESPONSES,
    operation_class=CloneSpeakerOperation,
    opt={"field_names": {"reference_audio": CLONE_FILE}},
    tags=TAGS,
    summary="Clone a voice for `POST /tts_stream`; it is kept in memory only",
)
async def clone_speaker(
    request: Request[Any, Any, Any], service: NamedDependency[SpeechService], uploads: NamedDependency[Uploads]
) -> ClonedSpeaker:
    handle = await _clone(request, service, uploads, CLONE_FILE)
    return ClonedSpeaker(speaker_embedding=handle, gpt_cond_latent=handle)


@post(
    "/tts_stream",
    status_code=200,
    responses=AUDIO_RESPONSES,
    opt={"field_names": FIELD_NAMES},
    tags=TAGS,
    summary="Speak while it is made, in the voice of a handle",
)
async def speak_to_handle(
    request: Request[Any, Any, Any],
    data: JSONBody[StreamedSpeech],
    service: NamedDependency[SpeechService],
    app_state: NamedDependency[AppState],
) -> Response[bytes] | Stream:
    asked = data.translated(unknown_fields(sent_fields(request), KNOWN, voice_field=FIELD_NAMES["speaker_id"]))
    output = data.output
    return await audio_response(request, app_state.metrics, service.speak(asked), output, stream=True)


@post(
    "/v1/tts/conditioning",
    status_code=200,
    responses=CLONE_SPEAKER_RESPONSES,
    operation_class=ConditioningOperation,
    opt={"field_names": {"reference_audio": CONDITIONING_FIELD}},
    tags=TAGS,
    summary="The same for pipecat-xtts-vllm; the handles are for `POST /v1/audio/speech`",
)
async def condition(
    request: Request[Any, Any, Any], service: NamedDependency[SpeechService], uploads: NamedDependency[Uploads]
) -> Conditioning:
    handle = await _clone(request, service, uploads, CONDITIONING_FIELD)
    return Conditioning(gpt_cond_latent_b64=handle, speaker_embeddings_b64=handle)


async def _clone(request: Request[Any, Any, Any], service: SpeechService, uploads: Uploads, field: str) -> str:
    async with uploads.recordings(request, CloneFields, field=field) as (form, recordings):
        consent = await service.consent_rule.check(form.consent, field="consent")
        max_s = service.engine.info.max_reference_s
        clips = await uploads.decode(request, lambda child: decode_recordings(child, recordings, max_s))
    return await service.voices.clones.keep(clips, consent)
