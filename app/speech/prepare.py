"""Text to the sequences that an engine decodes: markup read, cleaned, cut, spelt out, checked."""

import math
import sys
from collections.abc import Sequence
from functools import cache

import msgspec

from app.engine import scheduler
from app.engine.base import Preparer
from app.errors import InvalidField, NothingToSpeak, TextTooLong, quoted
from app.speech.request import MAX_SPEED, MIN_SPEED, Entries
from app.text.lexicon import FindLexicons, Lexicon, no_lexicons, respell
from app.text.lexicon_file import LexiconFile
from app.text.markup import Markup, read_markup
from app.text.markup.pauses import MAX_PAUSE_S
from app.text.markup.splitting import split_spans
from app.text.segments import Boundary, Segment

MAX_NAMED = 40
"""Lost characters and pieces that warnings name one by one."""
MAX_PIECES_NAMED = 5


class PreparedText(msgspec.Struct, frozen=True):
    sequences: tuple[scheduler.Sequence, ...]
    """those with a sound; never empty"""
    warnings: tuple[str, ...] = ()
    """text that is not heard, and markup without effect"""
    lead_s: float = 0.0
    """silence before the first segment"""

    @property
    def segments(self) -> list[Segment]:
        return [sequence.segment for sequence in self.sequences]


def prepare(
    engine: Preparer,
    text: str,
    language: str,
    find_lexicons: FindLexicons = no_lexicons,
    *,
    max_chars: int = sys.maxsize,
    markup: Markup = Markup.PLAIN,
    speed: float = 1.0,
    opens: bool = True,
) -> PreparedText:
    """Called on the text pool: blocks for milliseconds a segment. `speed` bounds the rates of segments.

    opens   whether somebody waits for the first segment, so that a short one is better

    Raises NothingToSpeak, InvalidMarkup, what `find_lexicons` raises, and TextTooLong where lexicons make the text
    longer than `max_chars`.
    """
    marked = read_markup(text, markup, language=language, languages=engine.info.languages)
    split = split_spans(marked.spans, language=language, max_chars=engine.info.max_segment_chars, opens=opens)
    segments = [bound_rate(segment, speed) for segment in split.segments]
    check_growth(segments, language, find_lexicons, max_chars)
    prepared = engine.prepare(segments, language, find_lexicons)
    if not prepared:
        has_pause = any(span.pause_s is not None for span in marked.spans)
        beside = ": pauses need words beside them" if has_pause else ""
        raise NothingToSpeak(f"the text has nothing that can be spoken{beside}", param="text")
    if not any(sequence.has_sound for sequence in prepared):
        opening = quoted(prepared[0].segment.text)
        raise NothingToSpeak(f"the {engine.info.name} engine has no sound for {opening}", param="text")
    warnings = [*marked.warnings, *lost_warnings(engine.info.name, prepared)]
    if any(bounded is not segment for bounded, segment in zip(segments, split.segments, strict=True)):
        warnings.append(f"rates are bounded: with the speed of the request they are {MIN_SPEED:g} to {MAX_SPEED:g}")
    kept, lead_s = sounding(prepared, split.lead_s)
    return PreparedText(kept, tuple(warnings), lead_s)


def lexicon_finder(entries: Entries, file: LexiconFile, voice_id: str | None) -> FindLexicons:
    """Look-up of lexicons, those of a request before those of a file. A look-up blocks and raises InvalidField."""

    @cache
    def own() -> Sequence[Lexicon]:
        return request_lexicons(entries)

    @cache
    def find(language: str) -> Sequence[Lexicon]:
        return (*own(), *file.lexicons_for(language, voice_id))

    return find


def request_lexicons(entries: Entries) -> Sequence[Lexicon]:
    """Raises InvalidField for entries that cannot be used."""
    try:
        return (Lexicon(entries),) if entries else ()
    except ValueError as error:
        raise InvalidField(f"lexicon: {error}", param="lexicon") from None


def check_growth(segments: Sequence[Segment], language: str, find_lexicons: FindLexicons, max_chars: int) -> None:
    """Raises TextTooLong where lexicons make the text longer than `max_chars`, and what `find_lexicons` raises."""
    num_written = sum(len(segment.text) for segment in segments)
    num_said = sum(len(respell(segment.text, find_lexicons(segment.language or language))[0]) for segment in segments)
    if num_said > max(num_written, max_chars):
        raise TextTooLong(
            f"with the words of its lexicon the text has {num_said} characters; the limit is {max_chars}",
            param="lexicon",
        )


def bound_rate(segment: Segment, speed: float) -> Segment:
    """The segment, with its rate bounded so that rate and speed together are a valid speed."""
    together = min(max(segment.rate * speed, MIN_SPEED), MAX_SPEED)
    if math.isclose(together, segment.rate * speed):
        return segment
    return msgspec.structs.replace(segment, rate=together / speed)


def sounding(prepared: Sequence[scheduler.Sequence], lead_s: float) -> tuple[tuple[scheduler.Sequence, ...], float]:
    """The sequences with a sound, numbered anew, and the silence before them.

    A silent sequence leaves its pause, or the end of its paragraph, to the one before it.
    """
    kept: list[scheduler.Sequence] = []
    for sequence in prepared:
        segment = sequence.segment
        if sequence.has_sound:
            sequence.segment = msgspec.structs.replace(segment, index=len(kept))
            kept.append(sequence)
        elif not kept:
            lead_s = min(MAX_PAUSE_S, lead_s + (segment.pause_s or 0.0))
        elif segment.pause_s is not None:
            before = kept[-1].segment
            pause_s = min(MAX_PAUSE_S, (before.pause_s or 0.0) + segment.pause_s)
            kept[-1].segment = msgspec.structs.replace(before, pause_s=pause_s)
        elif segment.boundary is Boundary.PARAGRAPH:
            kept[-1].segment = msgspec.structs.replace(kept[-1].segment, boundary=segment.boundary)
    return tuple(kept), lead_s


def lost_warnings(engine: str, prepared: Sequence[scheduler.Sequence]) -> list[str]:
    """Warnings about pieces without sound, and about characters that are not spoken."""
    silent = [sequence.segment.text for sequence in prepared if not sequence.has_sound]
    warnings = [f"skipped, because the {engine} engine has no sound for it: {quoted(text)}" for text in silent]
    if len(silent) > MAX_PIECES_NAMED:
        warnings[MAX_PIECES_NAMED:] = [f"skipped for the same reason: {len(silent) - MAX_PIECES_NAMED} more pieces"]
    lost = "".join(dict.fromkeys(char for sequence in prepared if sequence.has_sound for char in sequence.unspoken))
    if lost:
        more = f" and {len(lost) - MAX_NAMED} more" if len(lost) > MAX_NAMED else ""
        warnings.append(f"not spoken, because the {engine} engine cannot: {lost[:MAX_NAMED]}{more}")
    return warnings
