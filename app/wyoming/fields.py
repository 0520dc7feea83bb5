"""The fields of Wyoming's events that this server reads, with their types and bounds.

They are checked before the wyoming package, which takes whatever JSON holds, reads an event.
"""

from typing import Annotated

import msgspec
from msgspec import Meta
from wyoming.event import Event

from app.errors import InvalidField
from app.speech.request import LanguageCode, SpeakerId


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


FIELDS: dict[str, type[msgspec.Struct]] = {
    "synthesize": SynthesizeFields,
    "synthesize-start": StartFields,
    "synthesize-chunk": ChunkFields,
    "ping": PingFields,
}
"""By the type of the event; no field of other types is read."""


def check_fields(event: Event) -> None:
    """Raises InvalidField."""
    try:
        msgspec.convert(event.data, FIELDS[event.type])
    except msgspec.ValidationError as error:
        raise InvalidField(f"{event.type}: {error} (its text and the fields of its voice are strings)") from None
