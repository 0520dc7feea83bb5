"""Words of a text as it is written, each with the words that are said for it. Pure functions."""

import unicodedata
from collections.abc import Sequence
from difflib import SequenceMatcher

import msgspec

UNSPACED_LANGUAGES = frozenset(["zh", "ja", "th", "lo", "my", "yue"])
"""Languages of Whisper without spaces between words: each character is a word here."""


class KnownWord(msgspec.Struct, frozen=True):
    """A written word, or several that are read together, and what is said for them."""

    written: str
    spoken: tuple[str, ...]
    """never empty; equal to `written` but for case and marks where it is read as it stands"""

    @property
    def is_respelled(self) -> bool:
        return [plain(self.written)] != [plain(word) for word in self.spoken]

    @property
    def num_letters(self) -> int:
        return sum(len(plain(word)) for word in self.spoken)


def known_words(written: str, spoken: str, language: str) -> list[KnownWord]:
    """The words of `written` with those of `spoken` that belong to them. Signs without a sound join their neighbour.

    Empty where nothing is said.
    """
    left, right = split_words(written, language), [word for word in split_words(spoken, language) if plain(word)]
    matcher = SequenceMatcher(a=[plain(word) for word in left], b=[plain(word) for word in right], autojunk=False)
    words: list[KnownWord] = []
    silent: list[str] = []

    def add(shown: Sequence[str], said: Sequence[str]) -> None:
        if not said:
            silent.extend(shown)
        elif not shown and words:
            words[-1] = KnownWord(words[-1].written, (*words[-1].spoken, *said))
        else:
            words.append(KnownWord(joined([*silent, *shown] or said, language), tuple(said)))
            silent.clear()

    for kind, first, stop, first_said, stop_said in matcher.get_opcodes():
        shown, said = left[first:stop], right[first_said:stop_said]
        if kind == "equal" or len(shown) == len(said):
            for one, other in zip(shown, said, strict=True):
                add([one], [other])
        else:
            add(shown, said)
    if silent and words:
        words[-1] = KnownWord(joined([words[-1].written, *silent], language), words[-1].spoken)
    return words


def split_words(text: str, language: str) -> list[str]:
    """Words with their marks; characters with the marks behind them in a language without spaces."""
    if language not in UNSPACED_LANGUAGES:
        return text.split()
    words: list[str] = []
    is_open = False
    for char in "".join(text.split()):
        is_ascii = char.isascii() and char.isalnum()
        if words and (not plain(char) or (is_ascii and is_open)):
            words[-1] += char
        else:
            words.append(char)
        is_open = is_ascii
    return words


def joined(words: Sequence[str], language: str) -> str:
    return ("" if language in UNSPACED_LANGUAGES else " ").join(words)


def plain(word: str) -> str:
    """Letters, digits and vowel signs, in lower case."""
    return "".join(char for char in word.casefold() if unicodedata.category(char)[0] in "LMN")
