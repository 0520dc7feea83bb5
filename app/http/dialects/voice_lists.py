"""Lists of voices below `/v1` that are not OpenAI's: Open WebUI and other clients ask for them."""

from collections.abc import Sequence
from typing import Literal

import msgspec

from app.engine.base import Speaker
from app.voices.names import listed_names


class ListedVoice(msgspec.Struct, kw_only=True):
    id: str
    name: str


class ListedVoices(msgspec.Struct, kw_only=True):
    """`GET /v1/audio/voices`: not OpenAI's; Open WebUI asks for it."""

    voices: list[ListedVoice]


class LibraryVoice(msgspec.Struct, kw_only=True):
    """A voice as ElevenLabs' clients (`voice_id`, `category`) and those of chatterbox-tts-api (`name`) read it."""

    voice_id: str
    name: str
    category: Literal["premade", "cloned"]
    aliases: tuple[str, ...]
    languages: tuple[str, ...]


class VoiceLibrary(msgspec.Struct, kw_only=True):
    """`GET /v1/voices`."""

    voices: list[LibraryVoice]
    count: int


def to_library(speakers: Sequence[Speaker]) -> VoiceLibrary:
    voices = [
        LibraryVoice(
            voice_id=speaker.id,
            name=speaker.name,
            category="cloned" if speaker.source == "saved" else "premade",
            aliases=speaker.aliases,
            languages=speaker.languages,
        )
        for speaker in speakers
    ]
    return VoiceLibrary(voices=voices, count=len(voices))


def to_list(speakers: Sequence[Speaker]) -> ListedVoices:
    """One entry for each id and alias."""
    return ListedVoices(voices=[ListedVoice(id=id, name=name) for id, name in listed_names(speakers)])
