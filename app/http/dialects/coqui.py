"""Coqui's `tts-server` (`/api/tts`) and MaryTTS (`/process`): a text in a query, a form or headers, answered by WAV.

`sample_rate` is ours.

Source: idiap/coqui-ai-TTS, TTS/server/server.py (0298eb4); MaryTTS 5.2 as speak2mary 1.5.0 and Home Assistant ask it.
"""

from collections.abc import Mapping
from typing import Annotated
from urllib.parse import unquote

import msgspec
from msgspec import Meta

from app.audio.formats import AudioFormat, OutputFormat, SampleRate
from app.errors import InvalidField, quoted
from app.http.dialects.unknown_fields import unknown_fields
from app.http.wire.schemas import SamplingOptions, Text
from app.http.wire.uploads import convert_form
from app.speech.request import LanguageCode, SpeakerId, SpeechRequest

MARY_STOCK_VOICES = frozenset(["cmu-slt-hsmm"])
"""The voice that MaryTTS and its clients have by default; here the first voice."""
WAVE_NAMES = frozenset(["wave", "wave_file", "wave_stream"])
MARY_FIELD_NAMES = {"text": "INPUT_TEXT", "speaker_id": "VOICE", "language": "LOCALE", "sample_rate": "SAMPLE_RATE"}
COQUI_FIELD_NAMES = {"language": "language_id"}

_Word = Annotated[str, Meta(max_length=200)]
OVOS_DEFAULT = "default"
"""The voice that tts-plugin-mozilla-remote names where none is configured. It encodes blanks of a name twice."""


class CoquiSpeech(msgspec.Struct, kw_only=True):
    """`/api/tts`. An empty field is none."""

    text: Annotated[Text, Meta(description="What to say; also as a header")]
    speaker_id: Annotated[SpeakerId, Meta(description="An id, a name or an alias; also as a header `speaker-id`")] = ""
    language_id: Annotated[LanguageCode, Meta(description="Also as a header `language-id`")] = ""
    voice: Annotated[
        SpeakerId, Meta(description="In place of `speaker_id`; `default` is the first voice, as OVOS' plugin sends it")
    ] = ""
    sample_rate: SampleRate | msgspec.UnsetType = msgspec.UNSET

    @property
    def output(self) -> OutputFormat:
        """Raises UnsupportedSampleRate."""
        return _wav_output(self.sample_rate)

    @property
    def speaker(self) -> str | None:
        """Raises InvalidField for two voices."""
        voice = "" if self.voice == OVOS_DEFAULT else unquote(self.voice)
        if self.speaker_id and voice not in ("", self.speaker_id):
            raise InvalidField("voice: it differs from speaker_id; send one of them", param="voice")
        return self.speaker_id or voice or None

    def translated(self, unknown: tuple[str, ...]) -> SpeechRequest:
        """`unknown` names fields that were sent and have no meaning here. Raises InvalidField."""
        return _whole(self.text, self.speaker, self.language_id, unknown)


class MarySpeech(msgspec.Struct, kw_only=True, rename="upper"):
    """`/process`."""

    input_text: Text
    voice: Annotated[SpeakerId, Meta(description="An id, a name or an alias; `cmu-slt-hsmm` is the first voice")] = ""
    locale: Annotated[LanguageCode, Meta(description="Such as `de` or `en_US`", examples=["en_US"])] = ""
    input_type: Annotated[_Word, Meta(extra_json_schema={"enum": ["TEXT"]})] = "TEXT"
    output_type: Annotated[_Word, Meta(extra_json_schema={"enum": ["AUDIO"]})] = "AUDIO"
    audio: Annotated[_Word, Meta(extra_json_schema={"enum": ["WAVE", "WAVE_FILE", "WAVE_STREAM"]})] = "WAVE_FILE"
    sample_rate: SampleRate | msgspec.UnsetType = msgspec.UNSET

    @property
    def output(self) -> OutputFormat:
        """Raises UnsupportedSampleRate."""
        return _wav_output(self.sample_rate)

    def translated(self, unknown: tuple[str, ...]) -> SpeechRequest:
        """`unknown` names fields that were sent and have no meaning here. Raises InvalidField."""
        for name, value, known in (
            ("INPUT_TYPE", self.input_type, {"text"}),
            ("OUTPUT_TYPE", self.output_type, {"audio"}),
            ("AUDIO", self.audio, WAVE_NAMES),
        ):
            if value.casefold() not in known:
                raise InvalidField(
                    f"{name}: {quoted(value)} is not made here; {', '.join(known).upper()} is", param=name
                )
        speaker_id = None if self.voice in ("", *MARY_STOCK_VOICES) else self.voice
        return _whole(self.input_text, speaker_id, self.locale, unknown)


def coqui_request(sent: Mapping[str, object], headers: Mapping[str, str]) -> tuple[SpeechRequest, OutputFormat]:
    """The request of a query or form; headers of the same names come first.

    Raises InvalidField and UnsupportedSampleRate.
    """
    if sent.get("speaker_wav") or headers.get("speaker-wav"):
        message = "speaker_wav: no path is read here; save the voice with POST /voices and send its speaker_id"
        raise InvalidField(message, param="speaker_wav")
    named = {"text": "text", "speaker-id": "speaker_id", "language-id": "language_id"}
    fields = {**sent} | {field: headers[name] for name, field in named.items() if headers.get(name)}
    known = (*CoquiSpeech.__struct_fields__, "speaker_wav")
    speech = convert_form(fields, CoquiSpeech)
    return speech.translated(unknown_fields(sent, known, voice_field="speaker_id")), speech.output


def mary_request(sent: Mapping[str, object]) -> tuple[SpeechRequest, OutputFormat]:
    """Raises InvalidField and UnsupportedSampleRate."""
    known = [field.encode_name for field in msgspec.structs.fields(MarySpeech)]
    speech = convert_form({**sent}, MarySpeech)
    return speech.translated(unknown_fields(sent, known, voice_field="VOICE")), speech.output


def _wav_output(rate: int | msgspec.UnsetType) -> OutputFormat:
    return OutputFormat(AudioFormat.WAV, None if isinstance(rate, msgspec.UnsetType) else rate)


def _whole(text: str, speaker_id: str | None, language: str, unknown: tuple[str, ...]) -> SpeechRequest:
    return SamplingOptions().to_request(
        text,
        speaker_id=speaker_id,
        language=language,
        speed=1.0,
        streaming=False,
        allows_silence=True,
        without_effect=unknown,
    )


class SpeachesVoice(msgspec.Struct, kw_only=True):
    """One of `GET /v1/audio/speech/voices`, as speaches lists them and wyoming-openai reads them."""

    model_id: str
    voice_id: str
    name: str
    sample_rate: int
    owned_by: str = "chorus"
