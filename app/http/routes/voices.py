"""`/voices`: voices that are cloned once and kept."""

import asyncio
from typing import Any

from litestar import Request, Response, delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from app.http.disconnect import unless_client_leaves
from app.http.openapi import LIST_RESPONSES, SAVE_RESPONSES, VOICE_RESPONSES, SaveOperation
from app.http.schemas import SavedVoiceList, VoiceForm
from app.http.uploads import decode_recordings, read_recordings_request
from app.speech.service import SpeechService
from app.speech.voices import SavedVoice


@post(
    "/voices",
    responses=SAVE_RESPONSES,
    operation_class=SaveOperation,
    tags=["voices"],
    summary="Clone a voice and keep it; 200 where the same recordings are kept already",
)
async def save_voice(request: Request[Any, Any, Any], service: NamedDependency[SpeechService]) -> Response[SavedVoice]:
    form, recordings = await read_recordings_request(request, VoiceForm)
    max_s = service.engine.info.max_reference_s
    clips = await unless_client_leaves(request, asyncio.to_thread(decode_recordings, recordings, max_s))
    voice, is_new = await service.speakers.save(form.name, form.consent, clips)
    return Response(voice, status_code=201 if is_new else 200)


@get("/voices", responses=LIST_RESPONSES, tags=["voices"], summary="The saved voices, oldest first")
async def list_saved_voices(service: NamedDependency[SpeechService]) -> SavedVoiceList:
    voices = list(await service.speakers.list_saved())
    return SavedVoiceList(voices=voices, count=len(voices))


@get("/voices/{voice_id:str}", responses=VOICE_RESPONSES, tags=["voices"], summary="One saved voice")
async def get_saved_voice(voice_id: FromPath[str], service: NamedDependency[SpeechService]) -> SavedVoice:
    return await service.speakers.get(voice_id)


@delete("/voices/{voice_id:str}", responses=VOICE_RESPONSES, tags=["voices"], summary="Delete a saved voice")
async def delete_saved_voice(voice_id: FromPath[str], service: NamedDependency[SpeechService]) -> None:
    await service.speakers.delete(voice_id)
