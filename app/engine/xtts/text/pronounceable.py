"""The characters of a spoken form that a vocabulary has tokens for. Needs neither torch nor the TTS package."""

import re
import unicodedata
from collections.abc import Callable, Collection
from pathlib import Path

import msgspec

from app.text.reading import is_sounded

NATIVE = {
    "zh": re.compile(r"[\u4e00-\u9fff]"),
    "ja": re.compile(r"[\u3041-\u309f\u30a1-\u30ff\u4e00-\u9fff]"),
    "ko": re.compile(r"[\uac00-\ud7a3]"),
}
"""Transliterated languages, without region, and the characters for which that is always possible."""


class _Model(msgspec.Struct):
    vocab: dict[str, int]


class _File(msgspec.Struct):
    model: _Model


def read_words(vocabulary: Path) -> frozenset[str]:
    """The tokens of `vocab.json`. Raises OSError and msgspec.MsgspecError."""
    return frozenset(msgspec.json.decode(vocabulary.read_bytes(), type=_File).model.vocab)


def known_form(char: str, words: Collection[str]) -> str:
    """`char` where it is a token, the letter under its accents where only that is one, else ""."""
    if char in words:
        return char
    base = unicodedata.normalize("NFD", char)[0]
    return base if base in words else ""


def find_unspoken(
    said: str, language: str, words: Collection[str], transliterate: Callable[[str], str] | None = None
) -> str:
    """Distinct letters, digits and signs of `said` without a token.

    transliterate   one character of a transliterated language to Latin letters; without it, a character that is not
                    `NATIVE` counts as known where it is a token itself
    """
    native = NATIVE.get(language.partition("-")[0])

    def is_known(char: str) -> bool:
        lower = char.lower()
        if native is None or transliterate is None or (char.isascii() and char.isalnum()) or native.match(char):
            is_native = native is not None and native.match(char) is not None
            return is_native or char in words or any(known_form(part, words) for part in lower)
        spelt = transliterate(lower).strip()  # to try each character takes 2 ms in Japanese
        return any(map(str.isalnum, spelt)) and all(known_form(part, words) for part in spelt)

    return "".join(char for char in dict.fromkeys(said) if is_sounded(char) and not is_known(char))
