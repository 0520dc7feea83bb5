"""A known text as tokens, in the forms in which the model may write it."""

import re
import unicodedata
from collections.abc import Sequence

import msgspec

from app.asr.inference import Network
from app.asr.known_words import UNSPACED_LANGUAGES, KnownWord, joined, plain

MAX_TOKENS = 400
"""Tokens of one text: Whisper reads 448, with its prompt and a phrase that is said twice."""
FULL_STOP = "."
"""Behind a text without a mark at its end: a text without its last words would have no end to be unlikely."""
_PAUSES = frozenset(".,;:!?…、。，；：！？")
_AS_COMMAS = dict.fromkeys([";", ":", "；", "："], ",")
"""Marks inside a sentence that the model hardly ever writes."""
_HYPHEN = re.compile(r"(?<=[^\W\d_])[-‐‑–—]+(?=[^\W\d_])")
_QUOTES = frozenset("\"'`¿¡")

Tokens = Sequence[int]


class KnownTokens(msgspec.Struct, frozen=True):
    """Tokens of one segment's words, in three forms."""

    written: list[Tokens]
    spoken: list[Tokens]
    letters: list[Tokens]
    end: Tokens
    """of the mark behind the last word, which stays at the end of every text"""

    @property
    def fit(self) -> bool:
        """False for a text that the decoder cannot read, also with a phrase that is said twice."""
        return max(sum(map(len, form)) for form in (self.written, self.spoken, self.letters)) <= MAX_TOKENS


def tokens_of(network: Network, words: Sequence[KnownWord], language: str) -> KnownTokens:
    """`words`: not empty."""
    *others, last = (as_transcribed(word.written) for word in words)
    bare, mark = split_mark(last)
    texts = [*others, bare]
    written = network.tokens(texts, language)
    spoken = [
        tokens if said == text else network.tokens([said], language)[0]
        for tokens, text, said in zip(written, texts, _spoken(words, texts, language), strict=True)
    ]
    letters = [network.letters([_sounded(said) for said in word.spoken], language) for word in words]
    return KnownTokens(written, spoken, letters, network.mark(mark or FULL_STOP, language))


def _spoken(words: Sequence[KnownWord], texts: Sequence[str], language: str) -> list[str]:
    """The words as they are said: in small letters those in capitals, without their hyphens those of compounds."""
    said: list[str] = []
    for at, (word, text) in enumerate(zip(words, texts, strict=True)):
        spoken = text
        if word.is_respelled:
            spoken = joined([as_transcribed(each) for each in word.spoken], language)
            if at == len(words) - 1:
                spoken, _ = split_mark(spoken)
        is_shouted = word.written.isupper() and len(plain(word.written)) > 1
        said.append(_HYPHEN.sub(" ", spoken.lower() if is_shouted else spoken))
    return said


def rare_words(network: Network, words: Sequence[KnownWord], language: str) -> frozenset[int]:
    """Indices of words that are likely names: several tokens of the vocabulary, no small first letter, no digit.

    A language without spaces has a word for each character, and many characters for a sound: all are rare.
    """
    if language in UNSPACED_LANGUAGES:
        return frozenset(range(len(words)))
    bare = [split_mark(as_transcribed(word.written))[0] for word in words]
    tokens = network.tokens(bare, language)
    return frozenset(
        at
        for at, text in enumerate(bare)
        if len(tokens[at]) > 1 and not text[:1].islower() and not any(map(str.isdigit, text))
    )


def as_transcribed(word: str) -> str:
    """The word with the one mark that a transcript may have behind it.

    Quotation marks, brackets and dashes around a word are not heard: as tokens they are unlikely, and a text without
    the word would be likelier.
    """
    first, stop = 0, len(word)
    while first < stop and _is_silent(word[first]):
        first += 1
    while stop > first and _is_silent(word[stop - 1]):
        stop -= 1
    if first == stop:
        return word
    mark = next((char for char in word[stop:] if char in _PAUSES), "")
    return word[first:stop] + _AS_COMMAS.get(mark, mark)


def split_mark(word: str) -> tuple[str, str]:
    """A word, and the mark behind it."""
    return (word[:-1], word[-1]) if len(word) > 1 and word[-1] in _PAUSES else (word, "")


def _is_silent(char: str) -> bool:
    """False for a sign that is said, such as `&`."""
    return char.isspace() or char in _PAUSES or char in _QUOTES or unicodedata.category(char) in _MARKS


_MARKS = frozenset(["Ps", "Pe", "Pi", "Pf", "Pd"])
"""Brackets, quotation marks, dashes."""


def _sounded(word: str) -> str:
    return "".join(char for char in word if plain(char) or char in "'’")


def flat(words: Sequence[Tokens], end: Tokens = ()) -> list[int]:
    return [token for word in (*words, end) for token in word]
