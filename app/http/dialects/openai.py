"""OpenAI's speech API as its SDKs (openai-python 3.54) and look-alikes speak it.

Optional fields may be null. `language`, `seed`, `sample_rate` and the sampling options are ours; `stream` is that of
vllm-omni and Kokoro-FastAPI. A field that is not known is reported, or refused where it says who is to speak.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from app.audio.formats import AudioFormat, OutputFormat, SampleRate
from app.errors import InvalidField, UnknownModel, quoted
from app.http.dialects.handles import one_handle
from app.http.dialects.unknown_fields import unknown_names
from app.http.dialects.voice_fields import RecordingText, Reference, RefText, check_unknown_fields
from app.http.wire.schemas import RecordingTexts, SamplingOptions, Text
from app.setting_values import Names
from app.speech.request import MAX_ID_CHARS, MAX_SPEED, MIN_SPEED, LanguageCode, SpeakerId, SpeechRequest
from app.voices.catalogue import VoiceCatalogue
from app.voices.consent import SentConsent
from app.voices.manifest import MAX_CLIPS

MODELS = (
    *("chorus", "tts-1", "tts-1-hd", "gpt-4o-mini-tts", "gpt-4o-mini-tts-2025-03-20", "gpt-4o-mini-tts-2025-12-15"),
    *("xtts", "xtts_v2", "xtts-v2"),
)
"""All are the one loaded engine, for clients that accept or send certain names only."""
STOCK_VOICES = frozenset(
    ["alloy", "ash", "ballad", "cedar", "coral", "echo", "fable", "marin", "nova", "onyx", "sage", "shimmer", "verse"]
)
MAX_INSTRUCTIONS_CHARS = 20_000
FIELD_NAMES = {"text": "input", "speaker_id": "voice", "reference_audio": "ref_audio"}
"""Our name of a field -> OpenAI's."""

OpenAISpeed = Annotated[
    float,
    Meta(ge=0.25, le=4.0, description=f"Pace of speech; beyond {MIN_SPEED} to {MAX_SPEED} the nearer end is used"),
]


VOICE_FILE = "voice_file"
"""The part of a form that holds the recording."""
VOICE_OR_RECORDING = (
    "name the voice in `voice`, or send a recording of it: as ref_audio in JSON (base64 or a data: URL), as voice_file "
    "in a form"
)


class VoiceReference(msgspec.Struct, kw_only=True):
    """A voice as an object, as OpenAI names custom voices."""

    id: SpeakerId


class OpenAISpeechForm(SamplingOptions, kw_only=True):
    """The fields of OpenAI's speech route beside recordings."""

    input: Text
    model: Annotated[
        Annotated[str, Meta(max_length=MAX_ID_CHARS, extra_json_schema={"enum": list(MODELS)})] | None,
        Meta(description="All of them mean the loaded engine"),
    ] = None
    voice: Annotated[
        SpeakerId | VoiceReference | None,
        Meta(
            description="An id, a name or an alias from `GET /speakers`; the first voice without one, and for OpenAI's "
            "names where no voice has them",
            examples=["alloy"],
        ),
    ] = None
    response_format: AudioFormat | None = None
    sample_rate: SampleRate | None = None
    stream: Annotated[bool | None, Meta(description="`false` sends a whole file, which states its length")] = None
    speed: OpenAISpeed | None = None
    instructions: Annotated[
        Annotated[str, Meta(max_length=MAX_INSTRUCTIONS_CHARS)] | None,
        Meta(description="Accepted and reported as without effect"),
    ] = None
    stream_format: Annotated[
        Literal["audio", "sse"] | None, Meta(description="`sse` sends the audio as base64 in server-sent events")
    ] = None
    timestamps: Annotated[
        Literal["word"] | None,
        Meta(
            description="`word`, with `stream_format` `sse`: events with the times of words, on a server with a "
            "recogniser"
        ),
    ] = None
    language: LanguageCode | None = None
    consent: SentConsent | None = None

    @property
    def output(self) -> OutputFormat:
        """Raises UnsupportedSampleRate."""
        return OutputFormat(self.response_format or AudioFormat.MP3, self.sample_rate)

    @property
    def is_streamed(self) -> bool:
        return self.stream is not False or self.stream_format == "sse"

    def translated(self, speaker_id: str | None, sent: Mapping[str, object]) -> SpeechRequest:
        """The request in the voice `speaker_id`. `sent`: all fields of the body.

        Raises InvalidField for a field that would change who speaks, and for times that no event could carry.
        """
        if self.timestamps is not None and self.stream_format != "sse":
            raise InvalidField('timestamps: only with `"stream_format": "sse"`', param="timestamps")
        check_unknown_fields(sent, self.__struct_fields__, instead=VOICE_OR_RECORDING)
        unknown = unknown_names(sent, self.__struct_fields__)
        asked_speed = 1.0 if self.speed is None else self.speed
        speed = min(max(asked_speed, MIN_SPEED), MAX_SPEED)
        is_auto = (self.language or "").casefold() == "auto"
        notes = [f"speed {asked_speed:g} is beyond the voice: {speed:g} is used"] if speed != asked_speed else []
        if is_auto:
            notes.append("the language of the text is not found out: the default one is spoken")
        return self.to_request(
            self.input,
            speaker_id=speaker_id,
            language="" if is_auto else self.language or "",
            speed=speed,
            streaming=self.is_streamed,
            word_times=self.timestamps == "word",
            allows_silence=True,
            can_wait=self.stream_format != "sse",  # plain audio is sent as a stream to batch jobs too
            without_effect=(*(("instructions",) if self.instructions else ()), *unknown),
            notes=tuple(notes),
        )

    async def find_speaker(self, voices: VoiceCatalogue) -> str | None:
        """The voice that `voice` names; None for the first voice, which OpenAI's names mean where no voice has them."""
        name = self.voice.id if isinstance(self.voice, VoiceReference) else self.voice
        if name is not None and name.casefold() in STOCK_VOICES and not await voices.is_name(name):
            return None
        return name


class OpenAISpeechBody(OpenAISpeechForm, kw_only=True):
    """`POST /v1/audio/speech`."""

    ref_audio: Annotated[
        RecordingText | RecordingTexts | None,
        Meta(description="Speak in the voice of this recording, or of these; an address is refused"),
    ] = None
    reference_audio: Annotated[RecordingTexts | None, Meta(description="The same")] = None
    references: Annotated[
        Annotated[list[Reference], Meta(min_length=1, max_length=MAX_CLIPS)] | None, Meta(description="The same")
    ] = None
    ref_text: Annotated[RefText | None, Meta(description="What is said in the recording; XTTS does not need it")] = None
    gpt_cond_latent_b64: Annotated[
        SpeakerId | None, Meta(description="A handle of `POST /v1/tts/conditioning`: speak in that voice")
    ] = None
    speaker_embeddings_b64: Annotated[SpeakerId | None, Meta(description="The same handle")] = None
    task_type: Annotated[
        Annotated[str, Meta(max_length=100)] | None,
        Meta(description="`Base` speaks in the voice of `ref_audio`, `CustomVoice` in that of `voice`"),
    ] = None

    async def find_speaker(self, voices: VoiceCatalogue) -> str | None:
        if not self.gpt_cond_latent_b64 and not self.speaker_embeddings_b64:
            return await super().find_speaker(voices)
        return one_handle("gpt_cond_latent_b64", self.gpt_cond_latent_b64 or "", self.speaker_embeddings_b64 or "")


class OpenAISpeechUpload(OpenAISpeechForm, kw_only=True):
    """`POST /v1/audio/speech/upload`."""

    voice_file: Annotated[
        Annotated[str, Meta(extra_json_schema={"format": "binary"})] | None,
        Meta(description="A recording of the voice to speak in"),
    ] = None


def speech_models(further: Names) -> Sequence[str]:
    """Names of the engine, with those of CHORUS_MODEL_NAMES."""
    return MODELS if further.is_any else tuple(dict.fromkeys((*MODELS, *further.values)))


def check_model(name: str, known: Sequence[str] = MODELS, *, takes_any: bool = False) -> str:
    """Raises UnknownModel."""
    if name not in known and not takes_any:
        raise UnknownModel(f"the model {quoted(name)} does not exist; known are {', '.join(known)}", param="model")
    return name
