"""ElevenLabs' lists of voices and models, and its user, with the fields that clients read."""

from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar, Literal

import msgspec
from msgspec import Meta

from app.engine.base import EngineInfo, Speaker
from app.http.wire.schemas import RecordingFiles
from app.text.languages import language_name
from app.voices.manifest import MAX_CONSENT_CHARS, VoiceName

MODEL_ID = "chorus"


class VerifiedLanguage(msgspec.Struct, kw_only=True):
    language: str
    model_id: str = MODEL_ID


class ElevenLabsVoice(msgspec.Struct, kw_only=True):
    voice_id: str
    name: str
    category: Literal["premade", "cloned"]
    """`cloned`: saved on this server"""
    description: str | None = None
    labels: dict[str, str] = {}
    samples: list[str] | None = None
    settings: dict[str, float] = msgspec.field(default_factory=lambda: {"speed": 1.0})
    preview_url: str | None = None
    available_for_tiers: list[str] = []
    high_quality_base_model_ids: list[str] = msgspec.field(default_factory=lambda: [MODEL_ID])
    verified_languages: list[VerifiedLanguage]
    is_owner: bool


class ElevenLabsVoices(msgspec.Struct, kw_only=True):
    """`GET /v1/voices`."""

    voices: list[ElevenLabsVoice]


class ElevenLabsVoicesPage(ElevenLabsVoices, kw_only=True):
    """`GET /v2/voices`."""

    has_more: bool
    total_count: int
    next_page_token: str | None


class ElevenLabsLanguage(msgspec.Struct, kw_only=True):
    language_id: str
    name: str


class ElevenLabsModel(msgspec.Struct, kw_only=True):
    """One of `GET /elevenlabs/v1/models`."""

    model_id: str = MODEL_ID
    name: str
    description: str
    can_do_text_to_speech: bool = True
    can_do_voice_conversion: bool = False
    can_be_finetuned: bool = False
    can_use_style: bool = False
    can_use_speaker_boost: bool = False
    serves_pro_voices: bool = False
    requires_alpha_access: bool = False
    token_cost_factor: float = 0.0
    maximum_text_length_per_request: int
    max_characters_request_free_user: int
    max_characters_request_subscribed_user: int
    languages: list[ElevenLabsLanguage]


class ElevenLabsSubscription(msgspec.Struct, kw_only=True):
    """Nothing is counted: limits of a key are refusals with 429."""

    tier: str = "self-hosted"
    character_count: int = 0
    character_limit: int = 1_000_000_000
    max_credit_limit_extension: Literal["unlimited"] = "unlimited"
    can_extend_character_limit: bool = False
    allowed_to_extend_character_limit: bool = False
    voice_slots_used: int
    voice_limit: int
    professional_voice_slots_used: int = 0
    professional_voice_slots_used_in_workspace: int = 0
    professional_voice_limit: int = 0
    voice_add_edit_counter: int = 0
    can_extend_voice_limit: bool = False
    can_use_instant_voice_cloning: bool
    can_use_professional_voice_cloning: bool = False
    current_overage: dict[str, str] = msgspec.field(default_factory=lambda: {"amount": "0", "currency": "usd"})
    status: Literal["active"] = "active"


class ElevenLabsUser(msgspec.Struct, kw_only=True):
    """`GET /v1/user`."""

    user_id: str
    """name of the key's owner in CHORUS_API_KEYS_FILE; empty without keys"""
    workspace_id: str = "chorus"
    subscription: ElevenLabsSubscription
    is_new_user: bool = False
    can_use_delayed_payment_methods: bool = False
    is_onboarding_completed: bool = True
    is_onboarding_checklist_completed: bool = True
    created_at: int = 0
    seat_type: Literal["workspace_admin"] = "workspace_admin"


class AddVoiceForm(msgspec.Struct, kw_only=True):
    """The fields of `POST /v1/voices/add` beside `files`. Others have no effect."""

    name: VoiceName
    description: Annotated[
        str,
        Meta(
            max_length=MAX_CONSENT_CHARS,
            description="Your statement that the speaker agrees, kept with the voice",
            extra_json_schema={"minLength": 10},
        ),
    ] = ""


class AddVoiceUpload(AddVoiceForm, kw_only=True):
    """`POST /v1/voices/add`."""

    json_schema_rules: ClassVar[Mapping[str, object]] = {"required": ["name", "files", "description"]}

    files: RecordingFiles


class ElevenLabsDeleted(msgspec.Struct, kw_only=True):
    """`DELETE /v1/voices/{voice_id}`."""

    status: str = "ok"


class AddedVoice(msgspec.Struct, kw_only=True):
    """`POST /v1/voices/add`."""

    voice_id: str
    requires_verification: bool = False


def to_voice(speaker: Speaker) -> ElevenLabsVoice:
    is_saved = speaker.source == "saved"
    return ElevenLabsVoice(
        voice_id=speaker.id,
        name=speaker.name,
        category="cloned" if is_saved else "premade",
        verified_languages=[VerifiedLanguage(language=code) for code in speaker.languages],
        is_owner=is_saved,
    )


def to_page(
    voices: Sequence[ElevenLabsVoice], *, search: str, category: str, page_size: int, token: str
) -> ElevenLabsVoicesPage:
    """Voices whose name or id has `search` in it. `token` is the id of the last voice of the page before."""
    wanted = search.casefold()
    found = [
        voice
        for voice in voices
        if (wanted in voice.name.casefold() or wanted in voice.voice_id.casefold()) and category in ("", voice.category)
    ]
    ids = [voice.voice_id for voice in found]
    start = ids.index(token) + 1 if token in ids else 0
    page = found[start : start + page_size]
    has_more = start + page_size < len(found)
    return ElevenLabsVoicesPage(
        voices=page,
        has_more=has_more,
        total_count=len(found),
        next_page_token=page[-1].voice_id if has_more else None,
    )


def to_model(info: EngineInfo, max_text_chars: int) -> ElevenLabsModel:
    return ElevenLabsModel(
        name=f"Chorus ({info.name})",
        description=f"The loaded engine, whatever model a request names: {info.model}",
        maximum_text_length_per_request=max_text_chars,
        max_characters_request_free_user=max_text_chars,
        max_characters_request_subscribed_user=max_text_chars,
        languages=[ElevenLabsLanguage(language_id=code, name=language_name(code)) for code in info.languages],
    )
