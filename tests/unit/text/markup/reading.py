"""Markup as the tests read it."""

from collections.abc import Sequence

from app.text.cleaning import clean
from app.text.markup import MarkedText, Markup, read_markup

LANGUAGES = ("en", "de", "fr", "es", "pl", "ru", "zh-cn", "ja", "ko")


def read(text: str, markup: Markup = Markup.AUTO, *, language: str = "en") -> MarkedText:
    return read_markup(text, markup, language=language, languages=LANGUAGES)


def pieces(text: str, markup: Markup = Markup.AUTO) -> Sequence[str]:
    """The paragraphs of a text without pauses, as they are cut into segments."""
    (span,) = read(text, markup).spans
    return clean(span.text).split("\n\n")
