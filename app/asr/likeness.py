"""How much of a text a transcript of its speech repeats: little where something else is heard. Pure functions."""

from collections.abc import Sequence

from app.asr.known_words import KnownWord, plain, split_words
from app.asr.letters import distance_within


def likeness(words: Sequence[KnownWord], transcript: str, language: str) -> float:
    """Share of the text's letters that some part of the transcript has in the same places. 0 to 1.

    Names are spelt in another way and keep most of their letters. What stands before and behind that part counts as
    nothing: a model that hears short speech repeats it.
    """
    heard = "".join(map(plain, split_words(transcript, language)))
    forms = (
        "".join(plain(word.written) for word in words),
        "".join(plain(said) for word in words for said in word.spoken),
    )
    return max(1 - distance_within(form, heard) / max(1, len(form)) for form in forms)
