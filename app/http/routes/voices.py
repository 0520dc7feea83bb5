"""`/voices`: voices that are cloned once and kept."""

import asyncio
from typing import Any

import msgspec
from litestar import Request, Response, delete, get, post
from litestar.di import NamedDependency

from app.http.check import check_recordings
from app.http.disconnect import unless_client_leaves
from app.http.openapi import (
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
from app.http.schemas import CheckForm, IdInPath, RecordingsCheck, SavedVoiceList, StoredVoice, VoiceForm
from app.http.uploads import decode_recordings, read_recordings_request, read_voice_request
from app.speech.service import SpeechService
from app.speech.voice_file import disposition
from app.speech.voices import SavedVoice

VOICE_FILE = "application/octet-stream"
"""Not application/zip, which browsers may unpack as they save it."""


@post(
    "/voices",
    responses=SAVE_RESPONSES,
    operation_class=SaveOperation,
    tags=["voices"],
    summary="Clone a voice and keep it; 200 where the same recordings are kept already",
)
async def save_voice(request: Request[Any, Any, Any], service: NamedDependency[SpeechService]) -> Response[StoredVoice]:
    form, recordings = await read_recordings_request(request, VoiceForm)
    max_s = service.engine.info.max_reference_s
    clips = await unless_client_leaves(request, asyncio.to_thread(decode_recordings, recordings, max_s))
    voice, is_new = await service.speakers.save(form.name, form.consent, clips)
    return Response(_listed(voice, service), status_code=201 if is_new else 200)


@post(
    "/voices/check",
    status_code=200,
    responses=CHECK_RESPONSES,
    operation_class=CheckOperation,
    opt={"makes_audio": False},
    tags=["voices"],
    summary="Measure recordings before a voice is cloned from them; any engine can",
)
async def check_voice(request: Request[Any, Any, Any], service: NamedDependency[SpeechService]) -> RecordingsCheck:
    _, recordings = await read_recordings_request(request, CheckForm)
    max_s = service.engine.info.max_reference_s
    return await unless_client_leaves(request, asyncio.to_thread(check_recordings, recordings, max_s))


@get(
    "/voices",
    responses=LIST_RESPONSES,
    tags=["voices"],
    summary="The saved voices of every model, oldest first; `usable` says which can be spoken with",
)
async def list_saved_voices(service: NamedDependency[SpeechService]) -> SavedVoiceList:
    voices = [_listed(voice, service) for voice in await service.speakers.list_saved()]
    return SavedVoiceList(voices=voices, count=len(voices))


@get("/voices/{voice_id:str}", responses=VOICE_RESPONSES, tags=["voices"], summary="One saved voice")
async def get_saved_voice(voice_id: IdInPath, service: NamedDependency[SpeechService]) -> StoredVoice:
    return _listed(await service.speakers.get(voice_id), service)


@get(
    "/voices/{voice_id:str}/export",
    responses=EXPORT_RESPONSES,
    media_type=VOICE_FILE,
    tags=["voices"],
    summary="A saved voice as one file, for another server with the same model",
)
async def export_voice(voice_id: IdInPath, service: NamedDependency[SpeechService]) -> Response[bytes]:
    voice, packed = await service.speakers.export_voice(voice_id)
    return Response(packed, media_type=VOICE_FILE, headers={"Content-Disposition": disposition(voice)})


@post(
    "/voices/import",
    responses=IMPORT_RESPONSES,
    operation_class=ImportOperation,
    tags=["voices"],
    summary="Keep the voice of an exported file; 200 where it is kept already",
)
async def import_voice(
    request: Request[Any, Any, Any], service: NamedDependency[SpeechService]
) -> Response[StoredVoice]:
    voice, is_new = await service.speakers.import_voice(await read_voice_request(request))
    return Response(_listed(voice, service), status_code=201 if is_new else 200)


@delete("/voices/{voice_id:str}", responses=VOICE_RESPONSES, tags=["voices"], summary="Delete a saved voice")
async def delete_saved_voice(voice_id: IdInPath, service: NamedDependency[SpeechService]) -> None:
    await service.speakers.delete(voice_id)


def _listed(voice: SavedVoice, service: SpeechService) -> StoredVoice:
    return StoredVoice(**msgspec.structs.asdict(voice), usable=service.speakers.model.made(voice))
