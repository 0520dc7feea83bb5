"""Text to the segments that an engine decodes: cleaned, cut, checked and tokenised, on a thread of the text pool."""

import msgspec

from app.engine.base import Engine, PreparedSegment
from app.errors import NothingToSpeak
from app.pools import TEXT
from app.text.segments import split_segments


class PreparedText(msgspec.Struct, frozen=True):
    segments: tuple[PreparedSegment, ...]
    unspeakable: str
    """distinct characters of the text that the engine cannot pronounce"""


async def prepare_text(engine: Engine, text: str, language: str) -> PreparedText:
    """Raises NothingToSpeak when a segment, or the whole text, has no sound."""
    return await TEXT.run(_prepare, engine, text, language)


def _prepare(engine: Engine, text: str, language: str) -> PreparedText:
    segments = split_segments(text, language=language, max_chars=engine.info.max_segment_chars[language])
    if not segments:
        raise NothingToSpeak("the text has nothing that can be spoken", param="text")
    for segment in segments:
        if not engine.has_sound(segment.text, language):
            raise NothingToSpeak(f"the {engine.info.name} engine has no sound for {segment.text[:60]!r}", param="text")
    unspeakable = engine.unspeakable(" ".join(segment.text for segment in segments), language)
    return PreparedText(engine.prepare(segments, language), unspeakable)
