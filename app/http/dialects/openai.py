"""OpenAI's speech API as its SDKs (openai-python 3.54) and look-alikes speak it.

Optional fields may be null. `language`, `seed` and the sampling options are ours; any other field is reported.
"""

from collections.abc import Sequence
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from app.audio.formats import AudioFormat
from app.errors import UnknownModel, quoted
from app.http.wire.schemas import SamplingOptions, Text
from app.speech.request import MAX_ID_CHARS, MAX_SPEED, MIN_SPEED, LanguageCode, SpeakerId, SpeechRequest

MODELS = ("chorus", "tts-1", "tts-1-hd", "gpt-4o-mini-tts", "gpt-4o-mini-tts-2025-03-20", "gpt-4o-mini-tts-2025-12-15")
"""All are the one loaded engine, for clients that accept certain names only."""
STOCK_VOICES = frozenset(
    ["alloy", "ash", "ballad", "cedar", "coral", "echo", "fable", "marin", "nova", "onyx", "sage", "shimmer", "verse"]
)
MAX_INSTRUCTIONS_CHARS = 20_000
RELEASED_AT = 1_700_000_000  # XTTS v2, November 2023
FIELD_NAMES = {"text": "input", "speaker_id": "voice"}
"""Our name of a field -> OpenAI's."""

OpenAISpeed = Annotated[
    float,
    Meta(ge=0.25, le=4.0, description=f"Pace of speech; beyond {MIN_SPEED} to {MAX_SPEED} the nearer end is used"),
]


class VoiceReference(msgspec.Struct, kw_only=True):
    """A voice as an object, as OpenAI names custom voices."""

    id: SpeakerId


class OpenAISpeechBody(SamplingOptions, kw_only=True):
    """`POST /v1/audio/speech`."""

    model: Annotated[
        str,
        Meta(
            max_length=MAX_ID_CHARS,
            description="All of them mean the loaded engine",
            extra_json_schema={"enum": list(MODELS)},
        ),
    ]
    input: Text
    voice: Annotated[
        SpeakerId | VoiceReference,
        Meta(description="An id from `GET /speakers`, or one of OpenAI's names", examples=["alloy"]),
    ]
    response_format: AudioFormat | None = None
    speed: OpenAISpeed | None = None
    instructions: Annotated[
        Annotated[str, Meta(max_length=MAX_INSTRUCTIONS_CHARS)] | None,
        Meta(description="Accepted and reported as without effect"),
    ] = None
    stream_format: Annotated[
        Literal["audio", "sse"] | None, Meta(description="`sse` sends the audio as base64 in server-sent events")
    ] = None
    language: LanguageCode | None = None

    def translated(self, speaker_ids: set[str], unknown: tuple[str, ...]) -> SpeechRequest:
        """`unknown` names fields that were sent and have no meaning here."""
        asked_speed = 1.0 if self.speed is None else self.speed
        speed = min(max(asked_speed, MIN_SPEED), MAX_SPEED)
        return self.to_request(
            self.input,
            speaker_id=self._speaker_id(speaker_ids),
            language=self.language or "",
            speed=speed,
            streaming=True,
            allows_silence=True,
            can_wait=self.stream_format != "sse",  # plain audio is sent as a stream to batch jobs too
            without_effect=(*(("instructions",) if self.instructions else ()), *unknown),
            notes=() if speed == asked_speed else (f"speed {asked_speed:g} is beyond the voice: {speed:g} is used",),
        )

    def _speaker_id(self, speaker_ids: set[str]) -> str | None:
        """OpenAI's stock names mean our default voice, unless a speaker has that very id."""
        voice = self.voice.id if isinstance(self.voice, VoiceReference) else self.voice
        return None if voice in STOCK_VOICES and voice not in speaker_ids else voice


def check_model(name: str, known: Sequence[str] = MODELS) -> str:
    """Raises UnknownModel."""
    if name not in known:
        raise UnknownModel(f"the model {quoted(name)} does not exist; known are {', '.join(known)}", param="model")
    return name


class OpenAIModel(msgspec.Struct, kw_only=True):
    """`GET /v1/models/{id}`."""

    id: str
    created: int = RELEASED_AT
    owned_by: str = "chorus"
    object: str = "model"


class OpenAIModelList(msgspec.Struct, kw_only=True):
    """`GET /v1/models`."""

    data: list[OpenAIModel]
    object: str = "list"


class ListedModel(msgspec.Struct, kw_only=True):
    id: str
    name: str


class ListedModels(msgspec.Struct, kw_only=True):
    """`GET /v1/audio/models`: not OpenAI's; Open WebUI asks for it."""

    models: list[ListedModel]


class ListedVoice(msgspec.Struct, kw_only=True):
    id: str
    name: str


class ListedVoices(msgspec.Struct, kw_only=True):
    """`GET /v1/audio/voices`: not OpenAI's; Open WebUI asks for it."""

    voices: list[ListedVoice]


class SpeechUsage(msgspec.Struct, kw_only=True):
    """Size of an answer. Only XTTS has tokens, so both numbers are computed from text and audio for every engine."""

    input_tokens: int
    """characters of `input`"""
    output_tokens: int
    """audio codes of XTTS, 1024 / 22 050 s each, rounded up"""
    total_tokens: int


class AudioDelta(msgspec.Struct, kw_only=True, tag_field="type", tag="speech.audio.delta"):
    """A piece of the encoded audio, in base64."""

    audio: str


class AudioDone(msgspec.Struct, kw_only=True, tag_field="type", tag="speech.audio.done"):
    """All audio has been sent."""

    usage: SpeechUsage
