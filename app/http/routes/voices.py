from collections.abc import Sequence
from typing import Any

import msgspec
from litestar import Request, Response, delete, get, post
from litestar.di import NamedDependency

from app.http.openapi.responses import (
    CHECK_RESPONSES,
    EXPORT_RESPONSES,
    IMPORT_RESPONSES,
    LIST_RESPONSES,
    SAVE_RESPONSES,
    VOICE_RESPONSES,
    CheckOperation,
    ImportOperation,
    SaveOperation,
)
from app.http.wire.recording_check import check_recordings
from app.http.wire.schemas import (
    CheckForm,
    IdInPath,
    RecordingsCheck,
    SavedVoiceList,
    StoredVoice,
    VoiceForm,
)
from app.http.wire.uploads import Uploads, decode_recordings
from app.http.wire.voice_import import ImportForm
from app.speech.service import SpeechService
from app.voices.manifest import SavedVoice
from app.voices.voice_file import disposition, read_sent_file

VOICE_FILE = "application/octet-stream"


@post(
    "/voices",
    responses=SAVE_RESPONSES,
    operation_class=SaveOperation,
    tags=["voices"],
    summary="Clone a voice and keep it; 200 where the same recordings are kept already",
)
async def save_voice(
    request: Request[Any, Any, Any], service: NamedDependency[SpeechService], uploads: NamedDependency[Uploads]
) -> Response[StoredVoice]:
    async with uploads.recordings(request, VoiceForm) as (form, recordings):
        aliases = form.alias_names
        consent = await service.consent_rule.check(form.consent, field="consent", is_kept=True)
        max_s = service.engine.info.max_reference_s
        clips = await uploads.decode(request, lambda child: decode_recordings(child, recordings, max_s))
    voice, is_new = await service.voices.save(form.name, consent, clips, aliases)
    return Response(await _listed(voice, service), status_code=201 if is_new else 200)


@post(
    "/voices/check",
    status_code=200,
    responses=CHECK_RESPONSES,
    operation_class=CheckOperation,
    tags=["voices"],
    summary="Measure recordings before a voice is cloned from them; any engine can",
)
async def check_voice(
    request: Request[Any, Any, Any], service: NamedDependency[SpeechService], uploads: NamedDependency[Uploads]
) -> RecordingsCheck:
    async with uploads.recordings(request, CheckForm) as (_, recordings):
        max_s = service.engine.info.max_reference_s
        return await uploads.decode(request, lambda child: check_recordings(child, recordings, max_s))


@get(
    "/voices",
    responses=LIST_RESPONSES,
    tags=["voices"],
    summary="The saved voices of every model, oldest first; `usable` says which can be spoken with",
)
async def list_saved_voices(service: NamedDependency[SpeechService]) -> SavedVoiceList:
    voices = await _all_listed(await service.voices.list_saved(), service)
    return SavedVoiceList(voices=voices, count=len(voices))


@get("/voices/{voice_id:str}", responses=VOICE_RESPONSES, tags=["voices"], summary="One saved voice")
async def get_saved_voice(voice_id: IdInPath, service: NamedDependency[SpeechService]) -> StoredVoice:
    return await _listed(await service.voices.get(voice_id), service)


@get(
    "/voices/{voice_id:str}/export",
    responses=EXPORT_RESPONSES,
    media_type=VOICE_FILE,
    tags=["voices"],
    summary="A saved voice as one file, for another server with the same model",
)
async def export_voice(voice_id: IdInPath, service: NamedDependency[SpeechService]) -> Response[bytes]:
    voice, packed = await service.voices.export_voice(voice_id)
    return Response(packed, media_type=VOICE_FILE, headers={"Content-Disposition": disposition(voice)})


@post(
    "/voices/import",
    responses=IMPORT_RESPONSES,
    operation_class=ImportOperation,
    tags=["voices"],
    summary="Keep the voice of an exported file; 200 where it is kept already",
)
async def import_voice(
    request: Request[Any, Any, Any], service: NamedDependency[SpeechService], uploads: NamedDependency[Uploads]
) -> Response[StoredVoice]:
    async with uploads.voice_file(request, ImportForm) as (form, sent):
        read, packed = await uploads.decode(request, lambda child: read_sent_file(child, sent.file))
    consent = await service.consent_rule.check_import(read, form.consent, field="consent")
    voice, is_new = await service.voices.import_voice(read, packed, consent)
    return Response(await _listed(voice, service), status_code=201 if is_new else 200)


@delete("/voices/{voice_id:str}", responses=VOICE_RESPONSES, tags=["voices"], summary="Delete a saved voice")
async def delete_saved_voice(voice_id: IdInPath, service: NamedDependency[SpeechService]) -> None:
    await service.voices.delete(voice_id)


async def _listed(voice: SavedVoice, service: SpeechService) -> StoredVoice:
    return (await _all_listed([voice], service))[0]


async def _all_listed(voices: Sequence[SavedVoice], service: SpeechService) -> list[StoredVoice]:
    """With the aliases of CHORUS_VOICE_ALIASES beside their own."""
    aliases = {speaker.id: speaker.aliases for speaker in (await service.voices.list()).speakers}
    return [
        StoredVoice(
            **msgspec.structs.asdict(msgspec.structs.replace(voice, aliases=aliases.get(voice.id, voice.aliases))),
            usable=service.voices.model.made(voice),
        )
        for voice in voices
    ]
