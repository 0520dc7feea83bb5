"""Voices in Wyoming's form for `describe`, and their names back to speakers and languages.

Clients choose a voice for a language, and then send the voice's name alone. So a speaker is one voice for each of its
languages, `de:Ana Florence`; a voice without a mark speaks English only.
"""

from collections.abc import Iterable, Sequence

import msgspec
from wyoming.info import Attribution, TtsProgram, TtsVoice
from wyoming.tts import SynthesizeVoice

from app import __version__
from app.engine.base import EngineInfo, Speaker
from app.text.languages import default_language
from app.voices.names import listed_names

PROGRAM = "chorus"


class Choice(msgspec.Struct, frozen=True):
    """Speaker and language. None: the engine's first speaker."""

    speaker_id: str | None
    language: str


def describe_voices(engine: EngineInfo, speakers: Iterable[Speaker]) -> TtsProgram:
    attribution = Attribution(name=engine.model, url="")
    return TtsProgram(
        name=PROGRAM,
        description=f"Chorus ({engine.name})",
        attribution=attribution,
        installed=True,
        version=__version__,
        voices=[
            TtsVoice(
                name=name if speaker.languages == ("en",) else f"{language}:{name}",
                description=description,
                attribution=attribution,
                installed=True,
                version=__version__,
                languages=[language],
            )
            for speaker in speakers
            for name, description in listed_names([speaker])
            for language in speaker.languages
        ],
        supports_synthesize_streaming=True,
    )


def choose(voice: SynthesizeVoice | None, languages: Sequence[str]) -> Choice:
    """The speaker and the language that a client means, of an engine that speaks `languages`.

    Without a voice: the first speaker in the engine's default language.
    """
    default = (voice and voice.language) or default_language(languages)
    if voice is None or voice.name is None:
        return Choice(None, default)
    language, separator, speaker_id = voice.name.partition(":")
    if separator and language in languages:
        return Choice(speaker_id, language)
    return Choice(voice.name, default)
