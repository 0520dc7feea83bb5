"""OpenAI's custom voices and consent recordings as its SDKs (openai-python 3.54) speak them.

A custom voice is a saved voice. `success` and `voice` are read by vllm-omni's clients.
"""

from collections.abc import Sequence
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from app.http.wire.schemas import read_aliases
from app.speech.request import LanguageCode
from app.voices.consents import ConsentRecording
from app.voices.manifest import MAX_CONSENT_CHARS, AliasList, SavedVoice, VoiceName

AUDIO_SAMPLE, RECORDING = "audio_sample", "recording"
VOICE_FIELD_NAMES = {"reference_audio": AUDIO_SAMPLE}
CONSENT_FIELD_NAMES = {"reference_audio": RECORDING}
"""Our name of a field -> OpenAI's."""
MAX_LISTED = 100

_FILE = Annotated[
    str, Meta(description="A recording in any format that FFmpeg reads", extra_json_schema={"format": "binary"})
]


class CustomVoiceForm(msgspec.Struct, kw_only=True):
    """The fields of `POST /v1/audio/voices` beside `audio_sample`; others without effect are ignored."""

    name: VoiceName
    consent: Annotated[
        str,
        Meta(
            max_length=MAX_CONSENT_CHARS,
            description="The id of a consent recording, or your statement that the speaker agrees, in 10 characters or "
            "more",
        ),
    ]
    type: Literal["audio_sample"] = "audio_sample"
    aliases: AliasList = ""

    @property
    def alias_names(self) -> tuple[str, ...]:
        """Raises InvalidField."""
        return read_aliases(self.aliases)


class CustomVoiceUpload(CustomVoiceForm, kw_only=True):
    """`POST /v1/audio/voices`."""

    audio_sample: _FILE


class VoiceDetails(msgspec.Struct, kw_only=True):
    """The voice as vllm-omni's clients read it."""

    name: str
    consent: str
    created_at: int


class CustomVoice(msgspec.Struct, kw_only=True):
    """A saved voice."""

    id: str
    created_at: Annotated[int, Meta(description="Unix time in seconds")]
    name: str
    object: str = "audio.voice"
    type: str = "audio_sample"
    aliases: tuple[str, ...]
    voice: VoiceDetails
    success: bool = True


class DeletedVoice(msgspec.Struct, kw_only=True):
    """`DELETE /v1/audio/voices/{voice_id}`."""

    id: str
    deleted: bool = True
    object: str = "audio.voice.deleted"
    success: bool = True


class VoiceConsentForm(msgspec.Struct, kw_only=True):
    """The fields of `POST /v1/audio/voice_consents` beside `recording`."""

    name: VoiceName
    language: LanguageCode


class VoiceConsentUpload(VoiceConsentForm, kw_only=True):
    """`POST /v1/audio/voice_consents`."""

    recording: _FILE


class VoiceConsentName(msgspec.Struct, kw_only=True):
    """`POST /v1/audio/voice_consents/{consent_id}`."""

    name: VoiceName


class VoiceConsent(msgspec.Struct, kw_only=True):
    id: str
    created_at: Annotated[int, Meta(description="Unix time in seconds")]
    language: str
    name: str
    object: str = "audio.voice_consent"


class DeletedVoiceConsent(msgspec.Struct, kw_only=True):
    """`DELETE /v1/audio/voice_consents/{consent_id}`."""

    id: str
    deleted: bool = True
    object: str = "audio.voice_consent"


class VoiceConsentList(msgspec.Struct, kw_only=True):
    """`GET /v1/audio/voice_consents`: newest first."""

    data: list[VoiceConsent]
    first_id: str | None
    last_id: str | None
    has_more: bool
    object: str = "list"


def to_custom_voice(voice: SavedVoice) -> CustomVoice:
    created_at = int(voice.created_at.timestamp())
    return CustomVoice(
        id=voice.id,
        created_at=created_at,
        name=voice.name,
        aliases=voice.aliases,
        voice=VoiceDetails(name=voice.name, consent=voice.consent or "", created_at=created_at),
    )


def to_consent(consent: ConsentRecording) -> VoiceConsent:
    return VoiceConsent(
        id=consent.id, created_at=int(consent.created_at.timestamp()), language=consent.language, name=consent.name
    )


def to_page(consents: Sequence[ConsentRecording], *, after: str, limit: int) -> VoiceConsentList:
    """The `limit` consents behind that with the id `after`; an unknown one gives the first."""
    ids = [consent.id for consent in consents]
    start = ids.index(after) + 1 if after in ids else 0
    page = [to_consent(consent) for consent in consents[start : start + limit]]
    return VoiceConsentList(
        data=page,
        first_id=page[0].id if page else None,
        last_id=page[-1].id if page else None,
        has_more=start + limit < len(consents),
    )
