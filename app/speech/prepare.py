"""Text to the segments that an engine decodes: cleaned, cut, read, checked and tokenised, on the text pool."""

from collections.abc import Callable, Sequence

import msgspec

from app.engine.base import Engine, PreparedSegment
from app.errors import NothingToSpeak, quoted
from app.pools import TEXT
from app.text.lexicon import Lexicon
from app.text.segments import Boundary, split_segments

MAX_NAMED = 40
"""Lost characters, and pieces without sound, that warnings name one by one."""
MAX_PIECES_NAMED = 5

FindLexicons = Callable[[], Sequence[Lexicon]]
"""Called on a thread of the text pool; may block."""


class PreparedText(msgspec.Struct, frozen=True):
    segments: tuple[PreparedSegment, ...]
    """those that have a sound; never empty"""
    warnings: tuple[str, ...] = ()
    """what of the text is not heard"""


async def prepare_text(
    engine: Engine, text: str, language: str, find_lexicons: FindLexicons = tuple[Lexicon, ...]
) -> PreparedText:
    """Raises NothingToSpeak where no segment has a sound, and what `find_lexicons` raises."""
    return await TEXT.run(prepare, engine, text, language, find_lexicons)


def prepare(
    engine: Engine, text: str, language: str, find_lexicons: FindLexicons = tuple[Lexicon, ...]
) -> PreparedText:
    """The same on the calling thread. Blocking, milliseconds a segment."""
    segments = split_segments(text, language=language, max_chars=engine.info.max_segment_chars[language])
    prepared = engine.prepare(segments, language, find_lexicons())
    if not prepared:
        raise NothingToSpeak("the text has nothing that can be spoken", param="text")
    if not any(segment.has_sound for segment in prepared):
        raise NothingToSpeak(f"the {engine.info.name} engine has no sound for {quoted(prepared[0].text)}", param="text")
    return PreparedText(_sounding(prepared), tuple(lost_warnings(engine.info.name, prepared)))


def _sounding(prepared: Sequence[PreparedSegment]) -> tuple[PreparedSegment, ...]:
    """Those that have a sound, numbered anew; one before the silent end of a paragraph ends the paragraph."""
    kept: list[PreparedSegment] = []
    for segment in prepared:
        if segment.has_sound:
            kept.append(msgspec.structs.replace(segment, index=len(kept)))
        elif kept and segment.boundary is Boundary.PARAGRAPH:
            kept[-1] = msgspec.structs.replace(kept[-1], boundary=segment.boundary)
    return tuple(kept)


def lost_warnings(engine: str, prepared: Sequence[PreparedSegment]) -> list[str]:
    """What of the text is not heard: pieces without sound, and characters of the others."""
    silent = [segment.text for segment in prepared if not segment.has_sound]
    warnings = [f"skipped, because the {engine} engine has no sound for it: {quoted(text)}" for text in silent]
    if len(silent) > MAX_PIECES_NAMED:
        warnings[MAX_PIECES_NAMED:] = [f"skipped for the same reason: {len(silent) - MAX_PIECES_NAMED} more pieces"]
    lost = "".join(dict.fromkeys(char for segment in prepared if segment.has_sound for char in segment.unspoken))
    if lost:
        more = f" and {len(lost) - MAX_NAMED} more" if len(lost) > MAX_NAMED else ""
        warnings.append(f"not spoken, because the {engine} engine cannot: {lost[:MAX_NAMED]}{more}")
    return warnings
