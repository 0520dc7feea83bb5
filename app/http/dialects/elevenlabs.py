"""ElevenLabs' speech API as its SDKs (elevenlabs 2.78, @elevenlabs/elevenlabs-js 2.73) speak it: requests and errors.

`seed` has its meaning; the sampling options are ours. Any other field without effect is reported.
"""

import re
from typing import Annotated

import msgspec
from msgspec import Meta

from app.audio.formats import AudioFormat, OutputFormat
from app.errors import InvalidField, quoted
from app.http.wire.schemas import ErrorDetail, SamplingOptions, Text
from app.speech.request import MAX_ID_CHARS, MAX_SPEED, MIN_SPEED, LanguageCode, SpeechRequest

FIELD_NAMES = {
    "speaker_id": "voice_id",
    "language": "language_code",
    "format": "output_format",
    "reference_audio": "files",
    "turns": "inputs",
}
"""Our name of a field -> theirs."""
DEFAULT_OUTPUT = "mp3_44100_128"
_RATES = ("8000", "16000", "22050", "24000", "32000", "44100", "48000")
OUTPUT_FORMATS = (
    *("mp3_22050_32", "mp3_24000_48", "mp3_44100_32", "mp3_44100_64", "mp3_44100_96", DEFAULT_OUTPUT, "mp3_44100_192"),
    *(f"opus_48000_{kbit}" for kbit in (32, 64, 96, 128, 192)),
    *(f"{codec}_{rate}" for codec in ("pcm", "wav") for rate in _RATES),
    *("ulaw_8000", "alaw_8000"),
)
_CODECS = {name: AudioFormat(name) for name in ("mp3", "opus", "pcm", "wav", "ulaw", "alaw")}
STATUSES = {
    "unknown_speaker": "voice_not_found",
    "invalid_field": "invalid_parameters",
    "text_too_long": "max_character_limit_exceeded",
    "queue_full": "system_busy",
    "rate_limit_exceeded": "too_many_concurrent_requests",
}
"""Our code of an error -> their `status`; a code that is not here keeps its name."""
_BREAK = re.compile(r"""<break[ \t]{1,4}time[ \t]?=[ \t]?["']([0-9.]{1,9}m?s)["'][ \t]?/?>""", re.IGNORECASE)


def parse_output(name: str | None) -> OutputFormat:
    """An `output_format`; None: the default one. Raises InvalidField."""
    name = DEFAULT_OUTPUT if name is None else name
    if name not in OUTPUT_FORMATS:
        raise InvalidField(f"no output format {quoted(name)}; known are {', '.join(OUTPUT_FORMATS)}", param="format")
    codec, rate, *kbit = name.split("_")
    return OutputFormat(_CODECS[codec], int(rate), int(kbit[0]) * 1000 if kbit else None)


class VoiceSettings(msgspec.Struct, kw_only=True):
    """Beside `speed` they have no effect."""

    speed: Annotated[float, Meta(ge=0.25, le=4.0)] | None = None
    stability: float | None = None
    similarity_boost: float | None = None
    style: float | None = None
    use_speaker_boost: bool | None = None


class ElevenLabsSpeech(SamplingOptions, kw_only=True):
    """`POST /v1/text-to-speech/{voice_id}` and its relatives. Optional fields may be null."""

    text: Text
    model_id: Annotated[
        Annotated[str, Meta(max_length=MAX_ID_CHARS)] | None, Meta(description="Any: all mean the loaded engine")
    ] = None
    language_code: LanguageCode | None = None
    voice_settings: VoiceSettings | None = None

    def translated(
        self, voice_id: str, unknown: tuple[str, ...], *, streaming: bool, word_times: bool
    ) -> SpeechRequest:
        """`unknown` names fields that were sent and have no meaning here."""
        speed, notes = spoken_speed(self.voice_settings)
        return self.to_request(
            with_pauses(self.text),
            speaker_id=voice_id,
            language=self.language_code or "",
            speed=speed,
            streaming=streaming,
            word_times=word_times,
            allows_silence=True,
            can_wait=True,
            without_effect=(*unknown, *unused_settings(self.voice_settings)),
            notes=notes,
        )


def spoken_speed(settings: VoiceSettings | None) -> tuple[float, tuple[str, ...]]:
    """The speed within our bounds, and a warning where that is another one."""
    asked = 1.0 if settings is None or settings.speed is None else settings.speed
    speed = min(max(asked, MIN_SPEED), MAX_SPEED)
    return speed, () if speed == asked else (f"speed {asked:g} is beyond the voice: {speed:g} is used",)


def unused_settings(settings: VoiceSettings | None) -> tuple[str, ...]:
    if settings is None:
        return ()
    given = msgspec.structs.asdict(settings)
    return tuple(f"voice_settings.{name}" for name, value in given.items() if name != "speed" and value is not None)


def with_pauses(text: str) -> str:
    """`<break time="1s"/>`, which their models read in any text, as our `[pause 1s]`."""
    return _BREAK.sub(r"[pause \1]", text)


class ElevenLabsErrorDetail(msgspec.Struct, kw_only=True):
    status: Annotated[str, Meta(description="Their name of the error, such as `voice_not_found`")]
    code: Annotated[str, Meta(description="Our name of the error, as on every other route")]
    message: str
    type: str
    param: str | None
    request_id: str


class ElevenLabsError(msgspec.Struct, kw_only=True):
    """Every error on these routes."""

    detail: ElevenLabsErrorDetail

    @classmethod
    def of(cls, error: ErrorDetail) -> "ElevenLabsError":
        fields = msgspec.structs.asdict(error)
        return cls(detail=ElevenLabsErrorDetail(status=STATUSES.get(error.code, error.code), **fields))
