"""The dialect of ElevenLabs below `/elevenlabs`, and at the root where no other route has the address."""

from typing import Annotated, Any

from litestar import Request, Response, delete, get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody, Parameter
from litestar.response import Stream

from app.http.dialects.elevenlabs import ElevenLabsSpeech
from app.http.dialects.elevenlabs_lists import (
    AddedVoice,
    AddVoiceForm,
    ElevenLabsDeleted,
    ElevenLabsModel,
    ElevenLabsSubscription,
    ElevenLabsUser,
    ElevenLabsVoice,
    ElevenLabsVoices,
    ElevenLabsVoicesPage,
    to_model,
    to_page,
    to_voice,
)
from app.http.dialects.unknown_fields import unknown_fields
from app.http.openapi.elevenlabs import (
    ADD_RESPONSES,
    TIMED_RESPONSES,
    TIMED_STREAM_RESPONSES,
    AddVoiceOperation,
)
from app.http.openapi.responses import AUDIO_RESPONSES, LIST_RESPONSES, VOICE_RESPONSES
from app.http.routes.elevenlabs_answers import OPT, PREFIX, SpeechCall, both, spoken
from app.http.state import AppState
from app.http.wire.schemas import IdInPath
from app.http.wire.uploads import Uploads, decode_recordings
from app.observability.request_context import request_context
from app.speech.request import MAX_ID_CHARS
from app.speech.service import SpeechService

SPEECH_PATH = "/v1/text-to-speech/{voice_id:str}"
MAX_PAGE = 100
Short = Annotated[str, Parameter(max_length=MAX_ID_CHARS)]


@spoken(SPEECH_PATH, AUDIO_RESPONSES, "Speak, as ElevenLabs does")
async def convert(
    voice_id: IdInPath, data: JSONBody[ElevenLabsSpeech], call: NamedDependency[SpeechCall]
) -> Response[bytes] | Stream:
    return await _speak(voice_id, data, call, stream=False)


@spoken(f"{SPEECH_PATH}/stream", AUDIO_RESPONSES, "The same, while it is made")
async def convert_to_stream(
    voice_id: IdInPath, data: JSONBody[ElevenLabsSpeech], call: NamedDependency[SpeechCall]
) -> Response[bytes] | Stream:
    return await _speak(voice_id, data, call, stream=True)


@spoken(f"{SPEECH_PATH}/with-timestamps", TIMED_RESPONSES, "Audio in base64, and when each character is heard")
async def convert_with_timestamps(
    voice_id: IdInPath, data: JSONBody[ElevenLabsSpeech], call: NamedDependency[SpeechCall]
) -> Response[bytes] | Stream:
    return await _speak(voice_id, data, call, stream=False, is_timed=True)


@spoken(f"{SPEECH_PATH}/stream/with-timestamps", TIMED_STREAM_RESPONSES, "The same, one line of JSON for each piece")
async def convert_to_stream_with_timestamps(
    voice_id: IdInPath, data: JSONBody[ElevenLabsSpeech], call: NamedDependency[SpeechCall]
) -> Response[bytes] | Stream:
    return await _speak(voice_id, data, call, stream=True, is_timed=True)


@get(
    f"{PREFIX}/v1/voices",
    responses=LIST_RESPONSES,
    opt=OPT,
    tags=["elevenlabs"],
    summary="The voices, as ElevenLabs' clients ask for them",
)
async def list_elevenlabs_voices(service: NamedDependency[SpeechService]) -> ElevenLabsVoices:
    return ElevenLabsVoices(voices=await _voices(service))


@get(
    both("/v2/voices"),
    responses=LIST_RESPONSES,
    opt=OPT,
    tags=["elevenlabs"],
    summary="The voices in pages; `search` looks in names and ids",
)
async def search_elevenlabs_voices(
    service: NamedDependency[SpeechService],
    page_size: Annotated[int, Parameter(ge=1, le=MAX_PAGE)] = 10,
    search: Short = "",
    category: Short = "",
    next_page_token: Short = "",
) -> ElevenLabsVoicesPage:
    voices = await _voices(service)
    return to_page(voices, search=search, category=category, page_size=page_size, token=next_page_token)


@get(both("/v1/voices/{voice_id:str}"), responses=VOICE_RESPONSES, opt=OPT, tags=["elevenlabs"], summary="One of them")
async def get_elevenlabs_voice(voice_id: IdInPath, service: NamedDependency[SpeechService]) -> ElevenLabsVoice:
    found = await service.voices.find(voice_id)
    return next(voice for voice in await _voices(service) if voice.voice_id == found.id)


@delete(
    both("/v1/voices/{voice_id:str}"),
    status_code=200,
    responses=VOICE_RESPONSES,
    opt=OPT,
    tags=["elevenlabs"],
    summary="Delete a saved voice",
)
async def delete_elevenlabs_voice(voice_id: IdInPath, service: NamedDependency[SpeechService]) -> ElevenLabsDeleted:
    await service.voices.delete(voice_id)
    return ElevenLabsDeleted()


@post(
    both("/v1/voices/add"),
    status_code=200,
    responses=ADD_RESPONSES,
    operation_class=AddVoiceOperation,
    opt=OPT,
    tags=["elevenlabs"],
    summary="Clone a voice and keep it",
)
async def add_elevenlabs_voice(
    request: Request[Any, Any, Any], service: NamedDependency[SpeechService], uploads: NamedDependency[Uploads]
) -> AddedVoice:
    async with uploads.recordings(request, AddVoiceForm, field="files") as (form, recordings):
        consent = await service.consent_rule.check(form.description, field="description", is_kept=True)
        max_s = service.engine.info.max_reference_s
        clips = await uploads.decode(request, lambda child: decode_recordings(child, recordings, max_s))
    voice, _ = await service.voices.save(form.name, consent, clips)
    return AddedVoice(voice_id=voice.id)


@get(f"{PREFIX}/v1/models", opt=OPT, tags=["elevenlabs"], summary="The loaded engine as a model")
async def list_elevenlabs_models(service: NamedDependency[SpeechService]) -> list[ElevenLabsModel]:
    return [to_model(service.engine.info, service.max_text_chars)]


@get(both("/v1/user"), responses=LIST_RESPONSES, opt=OPT, tags=["elevenlabs"], summary="The owner of the key")
async def get_elevenlabs_user(
    service: NamedDependency[SpeechService], app_state: NamedDependency[AppState]
) -> ElevenLabsUser:
    subscription = ElevenLabsSubscription(
        voice_slots_used=len(await service.voices.list_saved()),
        voice_limit=app_state.settings.max_voices,
        can_use_instant_voice_cloning=service.engine.info.can_clone,
    )
    return ElevenLabsUser(user_id=request_context.get().caller, subscription=subscription)


async def _voices(service: SpeechService) -> list[ElevenLabsVoice]:
    return [to_voice(speaker) for speaker in (await service.voices.list()).speakers]


async def _speak(
    voice_id: str, data: ElevenLabsSpeech, call: SpeechCall, *, stream: bool, is_timed: bool = False
) -> Response[bytes] | Stream:
    sent = call.sent
    known = (*ElevenLabsSpeech.__struct_fields__, *(["voice_id"] if sent.get("voice_id") == voice_id else []))
    unknown = unknown_fields(sent, known, voice_field="voice_id")
    word_times = is_timed and call.service.can_time_words
    asked = data.translated(voice_id, unknown, streaming=stream, word_times=word_times)
    return await call.answer(call.service.speak(asked), stream=stream, is_timed=is_timed)
