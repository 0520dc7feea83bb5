import unicodedata
from collections.abc import Sequence

from app.text.lexicon import Lexicon, respell
from app.text.normalization import Normalized, normalize


def read(text: str, language: str, lexicons: Sequence[Lexicon] = ()) -> Normalized:
    """The spoken form of `text`: the lexicons' words, then the language's normalization. Any thread may call it.

    Earlier lexicons win. A language without a normalizer is said as it is written.
    """
    respelled, replaced = respell(text, lexicons)
    normalized = normalize(respelled, language)
    return Normalized(normalized.text, (*replaced, *normalized.changes))


_READ_ALOUD = frozenset("*/\\#&@%‰§¶†‡")
"""Punctuation to Unicode that people read as words."""


def is_sounded(char: str) -> bool:
    """True for a letter, a digit or a sign that people pronounce; false for punctuation that only parts words."""
    return unicodedata.category(char)[0] in "LNS" or char in _READ_ALOUD
