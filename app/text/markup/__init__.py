"""Markdown, HTML, SSML and written pauses to spans of plain text. Runs on any thread."""

import re
from collections.abc import Sequence
from enum import StrEnum

from app.text.markup.markdown import to_plain_text
from app.text.markup.pauses import PauseBudget, mark_pauses, split_at_pauses
from app.text.markup.spans import MAX_RATE, MIN_RATE, MarkedText, Span, Warnings, without_blanks
from app.text.markup.ssml import read_ssml

__all__ = ["MAX_RATE", "MIN_RATE", "MarkedText", "Markup", "Span", "is_ssml", "read_markup"]

_SSML = re.compile(
    r"[\s\ufeff]*(?:<\?xml[^<>]{0,200}\?>\s*)?(?:<!--.{0,1000}?-->\s*)?(?:<!DOCTYPE\s+|<)speak[\s/>\[]", re.DOTALL
)


class Markup(StrEnum):
    """How the marks in a text are read. Written pauses, `[pause 1s]`, are read in each."""

    AUTO = "auto"
    """SSML where the text begins with `<speak`; else Markdown and HTML where marks can be nothing else"""
    PLAIN = "plain"
    """marks are characters of the text"""
    MARKDOWN = "markdown"
    """CommonMark with tables, strikethrough, footnotes and HTML"""
    SSML = "ssml"

    def of_piece(self, text: str) -> "Markup":
        """For a text that comes in pieces, which cannot be an SSML document."""
        return Markup.MARKDOWN if self is Markup.AUTO and is_ssml(text) else self


def is_ssml(text: str) -> bool:
    """True for a text that Markup.AUTO reads as SSML."""
    return _SSML.match(text) is not None


def read_markup(text: str, markup: Markup, *, language: str, languages: Sequence[str]) -> MarkedText:
    """The spans of a text, in order.

    language    of the text, where its markup names no other
    languages   those that a text may switch to

    Raises InvalidMarkup for SSML that is not well-formed, nested too deep, or has a document type.
    """
    warnings, budget = Warnings(), PauseBudget()
    if markup is Markup.SSML or (markup is Markup.AUTO and is_ssml(text)):
        spans = read_ssml(text, warnings, budget, language=language, languages=languages)
    else:
        text = mark_pauses(text)
        if markup is not Markup.PLAIN:
            text = to_plain_text(text, warnings, is_auto=markup is Markup.AUTO)
        spans = split_at_pauses(text, warnings, budget)
    return MarkedText(without_blanks(spans), warnings.sentences())
