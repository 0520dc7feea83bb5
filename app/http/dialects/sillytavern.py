"""The dialect of xtts-api-server, which SillyTavern's XTTS provider speaks.

Source: xtts_api_server/server.py (daswer123/xtts-api-server, d82cff5) and public/scripts/extensions/tts/xtts.js
(SillyTavern, d72b512). `speaker_wav` is the id of a voice here, never a path.
"""

from collections.abc import Sequence
from typing import Annotated

import msgspec
from msgspec import Meta

from app.audio.formats import AudioFormat, OutputFormat, SampleRate
from app.engine.base import Speaker
from app.http.wire.schemas import SamplingOptions, Text
from app.speech.request import LanguageCode, SpeakerId, SpeechRequest, Speed
from app.text.languages import language_name
from app.voices.names import listed_names

VOICE_FIELD = "speaker_wav"
FIELD_NAMES = {"speaker_id": VOICE_FIELD}
"""Our name of a field -> theirs."""

SpeakerWav = Annotated[
    SpeakerId | None, Meta(description="An id from `GET /speakers_list`, also with `.wav` at its end; never a path")
]


class SillyTavernSpeech(SamplingOptions, kw_only=True):
    """`POST /tts_to_audio/`; what it has beyond text, voice and language is ours. Optional fields may be null."""

    text: Text
    speaker_wav: SpeakerWav = None
    language: LanguageCode | None = None
    speed: Speed | None = None
    sample_rate: SampleRate | None = None

    @property
    def output(self) -> OutputFormat:
        """Raises UnsupportedSampleRate."""
        return OutputFormat(AudioFormat.WAV, self.sample_rate)

    def translated(self, unknown: tuple[str, ...], *, streaming: bool) -> SpeechRequest:
        """`unknown` names fields that were sent and have no meaning here."""
        return self.to_request(
            self.text,
            speaker_id=None if self.speaker_wav is None else self.speaker_wav.removesuffix(".wav"),
            language=self.language or "",
            speed=1.0 if self.speed is None else self.speed,
            streaming=streaming,
            allows_silence=True,
            without_effect=unknown,
        )


class SillyTavernVoice(msgspec.Struct, kw_only=True):
    """One of `GET /sillytavern/speakers`. SillyTavern finds a voice by its name, so no two have the same."""

    name: str
    voice_id: str
    preview_url: str = ""
    """empty: SillyTavern would load the previews of all voices at once"""


class Languages(msgspec.Struct, kw_only=True):
    """`GET /languages`."""

    languages: dict[str, str]
    """name in English -> code"""


class Message(msgspec.Struct, kw_only=True):
    """`POST /sillytavern/set_tts_settings`."""

    message: str


def to_voices(speakers: Sequence[Speaker]) -> list[SillyTavernVoice]:
    """One for each id and alias. Those of the same name are told apart by their ids."""
    listed = listed_names(speakers)
    names = [name for _, name in listed]
    return [
        SillyTavernVoice(name=name if names.count(name) == 1 else f"{name} ({id})", voice_id=id) for id, name in listed
    ]


def to_languages(codes: Sequence[str]) -> Languages:
    return Languages(languages={language_name(code): code for code in codes})
