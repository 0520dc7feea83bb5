"""The spoken form of a text by segments, with the changes of lexicons and rules. Makes no audio."""

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated

import msgspec
from msgspec import Meta

from app.engine import scheduler
from app.pools import TEXT
from app.speech.prepare import check_growth
from app.speech.request import Entries
from app.speech.service import SpeechService
from app.text.languages import LANGUAGES, XTTS_MAX_CHARS, match_language, max_chars
from app.text.lexicon import FindLexicons, no_lexicons
from app.text.markup import Markup, read_markup
from app.text.markup.splitting import split_spans
from app.text.normalization.rule import Change
from app.text.reading import read
from app.text.segments import Boundary, Segment

Prepare = Callable[[Sequence[Segment]], Sequence[scheduler.Sequence]]
FindUnspoken = Callable[[str, str], str]
"""A spoken form and its language -> the characters of it that an engine cannot pronounce."""


class SpokenSegment(msgspec.Struct, frozen=True, kw_only=True):
    index: int
    text: Annotated[str, Meta(description="As it is written; captions show this")]
    spoken: Annotated[str, Meta(description="As it is said")]
    language: str
    boundary: Annotated[Boundary, Meta(description="What ends it, and so how long the pause after it is")]
    changes: Annotated[tuple[Change, ...], Meta(description="What each rule did, in order")]
    unspoken: Annotated[
        str, Meta(description="Distinct letters, digits and signs of `spoken` that the engine cannot pronounce")
    ] = ""


class SpokenForm(msgspec.Struct, frozen=True, kw_only=True):
    """`POST /normalize` and `chorus normalize --json`."""

    language: str
    segments: tuple[SpokenSegment, ...]
    warnings: tuple[str, ...]


def spoken_form(
    text: str,
    language: str,
    find_lexicons: FindLexicons = no_lexicons,
    *,
    prepare: Prepare | None = None,
    markup: Markup = Markup.AUTO,
    max_segment_chars: Mapping[str, int] = XTTS_MAX_CHARS,
    max_spoken_chars: int = sys.maxsize,
    find_unspoken: FindUnspoken = lambda said, language: "",
) -> SpokenForm:
    """The segments of `text` as an engine's `prepare` cuts them; without an engine, as markup and sentences do.

    max_segment_chars   language -> characters of one segment, for the languages that a text may switch to

    Blocks for milliseconds a segment; any thread. Raises TextTooLong where lexicons make the text longer than
    `max_spoken_chars`.
    """
    sizes = {language: max_chars(language), **max_segment_chars}
    marked = read_markup(text, markup, language=language, languages=tuple(sizes))
    segments = split_spans(marked.spans, language=language, max_chars=sizes).segments
    check_growth(segments, language, find_lexicons, max_spoken_chars)
    if prepare is None:
        pieces = [(segment, None) for segment in segments]
    else:
        pieces = [(sequence.segment, sequence.unspoken) for sequence in prepare(segments)]
    spoken: list[SpokenSegment] = []
    warnings = [*marked.warnings]
    for segment, lost in pieces:
        spoken_in = segment.language or language
        said = read(segment.text, spoken_in, find_lexicons(spoken_in))
        unspoken = find_unspoken(said.text, spoken_in) if lost is None else lost
        spoken.append(
            SpokenSegment(
                index=segment.index,
                text=segment.text,
                spoken=said.text,
                language=spoken_in,
                boundary=segment.boundary,
                changes=said.changes,
                unspoken=unspoken,
            )
        )
        if unspoken:
            warnings.append(f"segment {segment.index}: not spoken, because the engine cannot: {unspoken}")
    if not spoken:
        warnings.append("the text has nothing that can be spoken")
    return SpokenForm(language=language, segments=tuple(spoken), warnings=tuple(warnings))


async def served_spoken_form(
    service: SpeechService, text: str, language: str, entries: Entries, *, voice_id: str | None, markup: Markup
) -> SpokenForm:
    """The spoken form, also in languages of Chorus that the engine does not speak.

    Raises UnsupportedLanguage, TextTooLong, InvalidMarkup and InvalidField.
    """
    engine = service.engine
    known = match_language(language, tuple(LANGUAGES)) if language else None
    is_foreign = known is not None and match_language(language, engine.info.languages) is None
    code = known if is_foreign and known is not None else service.check_language(language)
    service.check_length(text)

    def make() -> SpokenForm:
        find_lexicons = service.find_lexicons(entries, voice_id)
        return spoken_form(
            text,
            code,
            find_lexicons,
            prepare=None if is_foreign else lambda segments: engine.prepare(segments, code, find_lexicons),
            markup=markup,
            max_segment_chars=XTTS_MAX_CHARS if is_foreign else engine.info.max_segment_chars,
            max_spoken_chars=service.max_text_chars,
        )

    form = await TEXT.run(make)
    if not is_foreign:
        return form
    warning = f"the {engine.info.name} engine does not speak {code}; this is what XTTS is given to say"
    return msgspec.structs.replace(form, warnings=(warning, *form.warnings))
