"""Levels of voices as a job measured them first.

The gain of a voice is part of each segment's key, and a voice that is measured in another process may have another
level. So a job keeps its first measurement, and a restart speaks nothing again.
"""

import math
from collections.abc import Iterable

import msgspec

from app.audio.loudness import SpeechLevel
from app.engine.base import Engine
from app.engine.values import Voice
from app.voices.levels import level_of


class VoiceLevel(msgspec.Struct, frozen=True, kw_only=True):
    """The level of a voice as one engine speaks it."""

    engine: str
    model: str
    """as app.books.plan.Recipe has it"""
    precision: str | None
    vocoder_precision: str | None
    voice: str
    content: str = ""
    """of the voice, as app.engine.values.Voice has it"""
    level: SpeechLevel | None
    """None: the engine made no sound"""


class VoiceLevels:
    """Measures each voice once for a job, on each engine. Lives on the event loop."""

    def __init__(self, known: Iterable[VoiceLevel] = ()) -> None:
        self._known = list(known)

    @property
    def known(self) -> tuple[VoiceLevel, ...]:
        return tuple(self._known)

    async def find(self, engine: Engine, voice: Voice) -> SpeechLevel | None:
        """Raises what `app.voices.levels.level_of` raises."""
        info = engine.info
        unmeasured = VoiceLevel(
            engine=info.name,
            model=info.identity or info.model,
            precision=info.precision,
            vocoder_precision=info.vocoder_precision,
            voice=voice.id,
            content=voice.content,
            level=None,
        )
        for known in self._known:
            if msgspec.structs.replace(known, level=None) == unmeasured:
                return known.level
        level = await level_of(engine, voice)
        if level is not None and not math.isfinite(level.rms_dbfs):  # silence: JSON has no minus infinity
            level = None
        self._known.append(msgspec.structs.replace(unmeasured, level=level))
        return level
