"""Chapters to segments, each named by a hash of all that decides its samples."""

import hashlib
from collections.abc import Iterator

import msgspec

from app.engine.base import Preparer
from app.engine.scheduler import Sequence
from app.errors import NothingToSpeak
from app.speech.prepare import prepare
from app.speech.stitch import DEFAULT_PAUSES
from app.text.cleaning import PARAGRAPH_BREAK
from app.text.lexicon import FindLexicons
from app.text.markup import Markup
from app.text.markup.pauses import end_of
from app.text.segments import best_cut

MAX_BLOCK_CHARS = 8_000
"""Text that is planned in one call: about a tenth of a second."""
KEY_FORMAT = 1
"""Part of every key: a change of what is done to the samples makes them anew."""


class Recipe(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """All that decides the samples of a segment beside its text."""

    engine: str
    model: str
    """identity of the weights, or the model's name where it means one version"""
    precision: str | None
    vocoder_precision: str | None = None
    """left out of keys where it is None, so that engines without it keep their segments"""
    sample_rate_hz: int
    voice: str
    voice_content: str = ""
    """as app.engine.values.Voice has it; left out of keys where it is empty"""
    gain: float
    """factor that brings the voice to its level"""
    speed: float
    seed: int

    def key(self, sequence: Sequence) -> str:
        """32 hexadecimal digits. Equal texts of a book have one key, so they are spoken once."""
        spoken = (KEY_FORMAT, self, sequence.language, sequence.segment.rate, sequence.spoken_text)
        return hashlib.sha256(msgspec.json.encode(spoken)).hexdigest()[:32]


class Piece(msgspec.Struct, frozen=True):
    """One segment of a chapter: `key` names its file; `pause_s`: silence after it."""

    key: str
    text: str
    pause_s: float


class Planned(msgspec.Struct, frozen=True):
    """A piece and the sequence that an engine decodes for it."""

    piece: Piece
    sequence: Sequence
    recipe: Recipe
    is_paused: bool
    """the text asks for the pause after it"""


class PlannedBlock(msgspec.Struct, frozen=True):
    segments: tuple[Planned, ...]
    warnings: tuple[str, ...] = ()


def plan_block(engine: Preparer, text: str, language: str, find_lexicons: FindLexicons, recipe: Recipe) -> PlannedBlock:
    """The segments of a piece of a chapter, none for one without sound. Blocking; raises what `prepare` raises."""
    try:
        prepared = prepare(engine, text, language, find_lexicons, markup=Markup.PLAIN, speed=recipe.speed, opens=False)
    except NothingToSpeak as error:
        return PlannedBlock((), (error.message,) if any(map(str.isalnum, text)) else ())
    planned = [_planned(sequence, recipe) for sequence in prepared.sequences]
    return PlannedBlock(tuple(planned), prepared.warnings)


def _planned(sequence: Sequence, recipe: Recipe) -> Planned:
    segment = sequence.segment
    pause_s = DEFAULT_PAUSES.after(segment.boundary) / 1000 if segment.pause_s is None else segment.pause_s
    is_paused = segment.pause_s is not None
    # A request of its own: an engine's noise depends on the number of a segment, which an edit would change.
    sequence.segment = msgspec.structs.replace(segment, index=0, pause_s=None)
    return Planned(Piece(recipe.key(sequence), segment.text, pause_s), sequence, recipe, is_paused)


def inside_paragraph(planned: Planned) -> Planned:
    """The last segment of a text behind which its paragraph goes on, with the pause of its last mark."""
    if planned.is_paused:
        return planned
    pause_s = DEFAULT_PAUSES.after(end_of(planned.piece.text)) / 1000
    piece = msgspec.structs.replace(planned.piece, pause_s=pause_s)
    return msgspec.structs.replace(planned, piece=piece)


def seed_of(key: str) -> int:
    """The seed of a segment, so that two segments have different noise and the same one always has the same."""
    return int(key[:8], 16)


def split_blocks(text: str) -> Iterator[str]:
    """A chapter in pieces of at most MAX_BLOCK_CHARS, cut between paragraphs; inside one only where it is longer."""
    block: list[str] = []
    num_chars = 0
    for paragraph in _paragraphs(text):
        for part in _parts(paragraph):
            if block and num_chars + len(part) > MAX_BLOCK_CHARS:
                yield PARAGRAPH_BREAK.join(block)
                block, num_chars = [], 0
            block.append(part)
            num_chars += len(part) + len(PARAGRAPH_BREAK)
    if block:
        yield PARAGRAPH_BREAK.join(block)


def _paragraphs(text: str) -> Iterator[str]:
    """As `text.split`, without a list of them all."""
    at = 0
    while (end := text.find(PARAGRAPH_BREAK, at)) >= 0:
        yield text[at:end]
        at = end + len(PARAGRAPH_BREAK)
    yield text[at:]


def _parts(paragraph: str) -> Iterator[str]:
    at = 0
    while len(paragraph) - at > MAX_BLOCK_CHARS:
        window = paragraph[at : at + MAX_BLOCK_CHARS + 1]
        cut = best_cut(window, wanted=MAX_BLOCK_CHARS // 2, limit=MAX_BLOCK_CHARS)
        yield window[:cut].strip()
        at += cut
    yield paragraph[at:].strip()
