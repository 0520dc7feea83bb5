"""Text to the segments that an engine decodes: markup read, cleaned, cut, spelt out, checked; on the text pool."""

import math
from collections.abc import Callable, Sequence

import msgspec

from app.engine.base import Engine, PreparedSegment
from app.errors import NothingToSpeak, quoted
from app.pools import TEXT
from app.speech.request import MAX_SPEED, MIN_SPEED
from app.text.lexicon import Lexicon
from app.text.markup import Markup, read_markup
from app.text.markup.pauses import MAX_PAUSE_S
from app.text.markup.splitting import split_spans
from app.text.segments import Boundary, Segment

MAX_NAMED = 40
"""Lost characters, and pieces without sound, that warnings name one by one."""
MAX_PIECES_NAMED = 5

FindLexicons = Callable[[], Sequence[Lexicon]]
"""Called on a thread of the text pool; may block."""


class PreparedText(msgspec.Struct, frozen=True):
    segments: tuple[PreparedSegment, ...]
    """those that have a sound; never empty"""
    warnings: tuple[str, ...] = ()
    """what of the text is not heard, and markup without effect"""
    lead_s: float = 0.0
    """silence before the first segment"""


async def prepare_text(
    engine: Engine,
    text: str,
    language: str,
    find_lexicons: FindLexicons = tuple[Lexicon, ...],
    *,
    markup: Markup = Markup.PLAIN,
    speed: float = 1.0,
) -> PreparedText:
    """Raises NothingToSpeak where no segment has a sound, InvalidMarkup, and what `find_lexicons` raises.

    speed   of the request; with it the rates of segments are bounded
    """
    return await TEXT.run(prepare, engine, text, language, find_lexicons, markup=markup, speed=speed)


def prepare(
    engine: Engine,
    text: str,
    language: str,
    find_lexicons: FindLexicons = tuple[Lexicon, ...],
    *,
    markup: Markup = Markup.PLAIN,
    speed: float = 1.0,
) -> PreparedText:
    """The same on the calling thread. Blocking, milliseconds a segment."""
    marked = read_markup(text, markup, language=language, languages=engine.info.languages)
    split = split_spans(marked.spans, language=language, max_chars=engine.info.max_segment_chars)
    segments = [bound_rate(segment, speed) for segment in split.segments]
    prepared = engine.prepare(segments, language, find_lexicons())
    if not prepared:
        has_pause = any(span.pause_s is not None for span in marked.spans)
        beside = ": pauses need words beside them" if has_pause else ""
        raise NothingToSpeak(f"the text has nothing that can be spoken{beside}", param="text")
    if not any(segment.has_sound for segment in prepared):
        raise NothingToSpeak(f"the {engine.info.name} engine has no sound for {quoted(prepared[0].text)}", param="text")
    warnings = [*marked.warnings, *lost_warnings(engine.info.name, prepared)]
    if any(bounded is not segment for bounded, segment in zip(segments, split.segments, strict=True)):
        warnings.append(f"rates are bounded: with the speed of the request they are {MIN_SPEED:g} to {MAX_SPEED:g}")
    sounding, lead_s = _sounding(prepared, split.lead_s)
    return PreparedText(sounding, tuple(warnings), lead_s)


def bound_rate(segment: Segment, speed: float) -> Segment:
    """The segment; with another rate where rate and speed together are beyond the bounds of a speed."""
    together = min(max(segment.rate * speed, MIN_SPEED), MAX_SPEED)
    if math.isclose(together, segment.rate * speed):
        return segment
    return msgspec.structs.replace(segment, rate=together / speed)


def _sounding(prepared: Sequence[PreparedSegment], lead_s: float) -> tuple[tuple[PreparedSegment, ...], float]:
    """Those that have a sound, numbered anew, and the silence before them.

    One before the silent end of a paragraph ends the paragraph. The pause behind a silent one is added to the pause
    before it.
    """
    kept: list[PreparedSegment] = []
    for segment in prepared:
        if segment.has_sound:
            kept.append(msgspec.structs.replace(segment, index=len(kept)))
        elif not kept:
            lead_s = min(MAX_PAUSE_S, lead_s + (segment.pause_s or 0.0))
        elif segment.pause_s is not None:
            pause_s = min(MAX_PAUSE_S, (kept[-1].pause_s or 0.0) + segment.pause_s)
            kept[-1] = msgspec.structs.replace(kept[-1], pause_s=pause_s)
        elif segment.boundary is Boundary.PARAGRAPH:
            kept[-1] = msgspec.structs.replace(kept[-1], boundary=segment.boundary)
    return tuple(kept), lead_s


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
