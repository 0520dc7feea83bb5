"""OpenAI's custom voices, as saved voices, and consent recordings."""

from typing import Annotated, Any

from litestar import Request, delete, get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody, Parameter

from app.audio.reference import decode_clip
from app.http.dialects.openai_voices import (
    AUDIO_SAMPLE,
    CONSENT_FIELD_NAMES,
    MAX_LISTED,
    RECORDING,
    VOICE_FIELD_NAMES,
    CustomVoice,
    CustomVoiceForm,
    DeletedVoice,
    DeletedVoiceConsent,
    VoiceConsent,
    VoiceConsentForm,
    VoiceConsentList,
    VoiceConsentName,
    to_consent,
    to_custom_voice,
    to_page,
)
from app.http.dialects.voice_fields import check_unknown_fields
from app.http.dialects.voice_lists import ListedVoices, VoiceLibrary, to_library, to_list
from app.http.openapi.openai import (
    CONSENT_RESPONSES,
    CREATE_CONSENT_RESPONSES,
    CREATE_VOICE_RESPONSES,
    CreateConsentOperation,
    CreateVoiceOperation,
)
from app.http.openapi.responses import LIST_RESPONSES, VOICE_RESPONSES
from app.http.wire.schemas import IdInPath
from app.http.wire.uploads import Uploads, convert_form, decode_recordings
from app.speech.request import MAX_ID_CHARS
from app.speech.service import SpeechService

WITHOUT_EFFECT = ("ref_text", "speaker_description")
"""Fields of vllm-omni that describe the recording."""
VOICES, CONSENTS = "/v1/audio/voices", "/v1/audio/voice_consents"


@get(VOICES, responses=LIST_RESPONSES, tags=["openai"], summary="The voices, as Open WebUI asks for them")
async def list_voices(service: NamedDependency[SpeechService]) -> ListedVoices:
    return to_list((await service.voices.list()).speakers)


@get("/v1/voices", responses=LIST_RESPONSES, tags=["openai"], summary="The voices, as other clients ask for them")
async def list_library(service: NamedDependency[SpeechService]) -> VoiceLibrary:
    return to_library((await service.voices.list()).speakers)


@post(
    VOICES,
    status_code=200,
    responses=CREATE_VOICE_RESPONSES,
    operation_class=CreateVoiceOperation,
    opt={"field_names": VOICE_FIELD_NAMES},
    tags=["openai"],
    summary="Clone a voice and keep it, as OpenAI does",
)
async def create_voice(
    request: Request[Any, Any, Any], service: NamedDependency[SpeechService], uploads: NamedDependency[Uploads]
) -> CustomVoice:
    async with uploads.file(request, AUDIO_SAMPLE, takes_body=False) as (sent, recording):
        form = convert_form(sent, CustomVoiceForm)
        known = (*CustomVoiceForm.__struct_fields__, *WITHOUT_EFFECT)
        check_unknown_fields(sent, known, instead=f"send the recording as {AUDIO_SAMPLE}")
        aliases = form.alias_names
        consent = await service.consent_rule.check(form.consent, field="consent", is_kept=True)
        max_s = service.engine.info.max_reference_s
        clips = await uploads.decode(request, lambda child: decode_recordings(child, [recording], max_s))
    voice, _ = await service.voices.save(form.name, consent, clips, aliases)
    return to_custom_voice(voice)


@get(f"{VOICES}/{{voice_id:str}}", responses=VOICE_RESPONSES, tags=["openai"], summary="One saved voice")
async def get_voice(voice_id: IdInPath, service: NamedDependency[SpeechService]) -> CustomVoice:
    return to_custom_voice(await service.voices.get(await service.voices.identify(voice_id)))


@delete(
    f"{VOICES}/{{voice_id:str}}",
    status_code=200,
    responses=VOICE_RESPONSES,
    tags=["openai"],
    summary="Delete a saved voice, by its id or a name that it alone has",
)
async def delete_voice(voice_id: IdInPath, service: NamedDependency[SpeechService]) -> DeletedVoice:
    id = await service.voices.identify(voice_id)
    await service.voices.delete(id)
    return DeletedVoice(id=id)


@post(
    CONSENTS,
    status_code=200,
    responses=CREATE_CONSENT_RESPONSES,
    operation_class=CreateConsentOperation,
    opt={"field_names": CONSENT_FIELD_NAMES, "makes_audio": False},
    tags=["openai"],
    summary="File a recording in which a speaker agrees; its SHA-256 is kept, the recording is not",
)
async def create_consent(
    request: Request[Any, Any, Any], service: NamedDependency[SpeechService], uploads: NamedDependency[Uploads]
) -> VoiceConsent:
    async with uploads.file(request, RECORDING, takes_body=False) as (sent, recording):
        form = convert_form(sent, VoiceConsentForm)
        max_s = service.engine.info.max_reference_s
        clip = await uploads.decode(
            request, lambda child: decode_clip(child, recording.file, name=recording.name, max_s=max_s)
        )
    return to_consent(await service.consents.save(form.name, form.language, clip.sha256))


@get(CONSENTS, responses=LIST_RESPONSES, tags=["openai"], summary="The consents, newest first")
async def list_consents(
    service: NamedDependency[SpeechService],
    after: Annotated[str, Parameter(max_length=MAX_ID_CHARS, description="The id of the last one seen")] = "",
    limit: Annotated[int, Parameter(ge=1, le=MAX_LISTED)] = 20,
) -> VoiceConsentList:
    return to_page(await service.consents.list(), after=after, limit=limit)


@get(f"{CONSENTS}/{{consent_id:str}}", responses=CONSENT_RESPONSES, tags=["openai"], summary="One of them")
async def get_consent(consent_id: IdInPath, service: NamedDependency[SpeechService]) -> VoiceConsent:
    return to_consent(await service.consents.get(consent_id))


@post(
    f"{CONSENTS}/{{consent_id:str}}",
    status_code=200,
    responses=CONSENT_RESPONSES,
    opt={"makes_audio": False},
    tags=["openai"],
    summary="Give it another name",
)
async def rename_consent(
    consent_id: IdInPath, data: JSONBody[VoiceConsentName], service: NamedDependency[SpeechService]
) -> VoiceConsent:
    return to_consent(await service.consents.rename(consent_id, data.name))


@delete(
    f"{CONSENTS}/{{consent_id:str}}",
    status_code=200,
    responses=CONSENT_RESPONSES,
    tags=["openai"],
    summary="Delete a consent; voices keep its statement",
)
async def delete_consent(consent_id: IdInPath, service: NamedDependency[SpeechService]) -> DeletedVoiceConsent:
    await service.consents.delete(consent_id)
    return DeletedVoiceConsent(id=consent_id)
