"""How much of a text a transcript of its speech repeats: little where something else is heard. Pure functions."""

import unicodedata
from collections.abc import Iterable, Sequence

from app.asr.known_words import KnownWord, plain, split_words
from app.asr.letters import distance_within
from app.text.reading import read


def likeness(words: Sequence[KnownWord], transcript: str, language: str) -> float:
    """Share of the text's letters that some part of the transcript has in the same places. 0 to 1.

    Names are spelt in another way and keep most of their letters. What stands before and behind that part counts as
    nothing: a model that hears short speech repeats it.
    """
    heard = {_letters(split_words(form, language)) for form in as_heard(transcript, language)}
    forms = (
        _letters(word.written for word in words),
        _letters(said for word in words for said in word.spoken),
    )
    return max(1 - distance_within(form, one) / max(1, len(form)) for form in forms for one in heard)


def as_heard(transcript: str, language: str) -> Sequence[str]:
    """The transcript, and where it has digits also as it is read: the model writes `90%` for `Ninety percent`."""
    has_digits = any(map(str.isdigit, transcript))
    return (transcript, read(transcript, language).text) if has_digits else (transcript,)


def _letters(words: Iterable[str]) -> str:
    """Without vowel signs and accents of their own, which a transcript of Arabic or Hebrew leaves out."""
    return "".join(char for word in words for char in plain(word) if unicodedata.category(char) != "Mn")
