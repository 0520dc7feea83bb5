"""The fields of Wyoming's events that this server reads, with their types and bounds.

They are checked before the wyoming package, which takes whatever JSON holds, reads an event.
"""

from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta
from wyoming.event import Event

from app.audio.pcm_stream import RateHz
from app.audio.recording import MAX_CHANNELS
from app.errors import InvalidField
from app.speech.request import LanguageCode, SpeakerId
from app.transcription.request import MAX_PROMPT_CHARS


class VoiceFields(msgspec.Struct):
    name: SpeakerId | None = None
    language: LanguageCode | None = None
    speaker: SpeakerId | None = None


class StartFields(msgspec.Struct):
    """`synthesize-start`."""

    voice: VoiceFields | msgspec.UnsetType = msgspec.UNSET


class ChunkFields(msgspec.Struct):
    """The conversation bounds the text."""

    text: str


class SynthesizeFields(StartFields, kw_only=True):
    """`synthesize`."""

    text: str


class PingFields(msgspec.Struct):
    """Its text is sent back."""

    text: Annotated[str, Meta(max_length=1000)] | None = None


Names = Annotated[list[Annotated[str, Meta(max_length=200)]], Meta(max_length=1000)]


class TranscribeFields(msgspec.Struct):
    """`transcribe`; its other fields have no effect."""

    name: Annotated[str, Meta(max_length=200)] | None = None
    language: LanguageCode | None = None
    transcript_names: Names | None = None
    transcript_terms: Names | None = None

    @property
    def prompt(self) -> str:
        """The end of a long prompt counts most, and names come before terms in importance."""
        return ", ".join([*(self.transcript_terms or ()), *(self.transcript_names or ())])[-MAX_PROMPT_CHARS:]


class AudioFields(msgspec.Struct):
    """`audio-start` and `audio-chunk`."""

    rate: RateHz
    width: Annotated[int, Meta(ge=1, le=4)]
    channels: Annotated[int, Meta(ge=1, le=MAX_CHANNELS)]


FIELDS: dict[str, type[msgspec.Struct]] = {
    "synthesize": SynthesizeFields,
    "synthesize-start": StartFields,
    "synthesize-chunk": ChunkFields,
    "ping": PingFields,
    "transcribe": TranscribeFields,
    "audio-start": AudioFields,
    "audio-chunk": AudioFields,
}
"""By the type of the event; no field of other types is read."""

Fields = TypeVar("Fields", bound=msgspec.Struct)


def check_fields(event: Event) -> None:
    """Raises InvalidField."""
    try:
        fields = msgspec.convert(event.data, FIELDS[event.type])
    except msgspec.ValidationError as error:
        raise InvalidField(f"{event.type}: {error} (its text and the fields of its voice are strings)") from None
    if isinstance(fields, StartFields) and fields.voice is not msgspec.UNSET and fields.voice.speaker:
        raise InvalidField("speaker: no voice of this server has several; give the voice as `name`", param="speaker")


def read_fields(event: Event, fields: type[Fields]) -> Fields:
    """Raises InvalidField."""
    try:
        return msgspec.convert(event.data, fields)
    except msgspec.ValidationError as error:
        raise InvalidField(f"{event.type}: {error}") from None
