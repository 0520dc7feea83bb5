"""Words that are said and not written: which to try, by a transcript of the same speech. Pure functions.

The model passes over a word that the known text does not have. In a transcript of its own it writes that word down.
"""

from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher

from app.asr.edits import Candidate, without_negation
from app.asr.known_words import KnownWord, joined, plain, split_words
from app.asr.letters import is_nearer

MAX_INSERTED = 4
"""Words that are said too much in one place. A model that repeats itself writes more."""
MAX_PLACES = 6
"""Places of one segment that are tried: the first ones, where text and speech have little in common."""
MAX_SURPLUS = 2
"""Words that are said too much beside words that the transcript spells in another way."""
LIKELY = 0.25
"""A word behind an inserted one is less likely: below 0.21 in 24 of 25 sentences, below 0.04 in 23."""


def may_have_more(probabilities: Sequence[float]) -> bool:
    """False where every word is likely: a transcript would be that of the text."""
    return min(probabilities) < LIKELY


def insertions(words: Sequence[KnownWord], transcript: str, language: str) -> list[Candidate]:
    """Words of `transcript` that stand between two neighbouring words of the text, and negated forms of its words.

    A word that the transcript spells in another way is no difference, but there may be more words before or behind it.
    Words behind the last one are left out: the model repeats the end of short speech.
    """
    heard = split_words(transcript, language)
    found: dict[Candidate, None] = {}
    for owners, known, codes in compared(words, [plain(word) for word in heard], language):
        for kind, first, stop, first_heard, stop_heard in codes:
            more = heard[first_heard:stop_heard]
            if kind == "insert" and first < len(known) and len(more) <= MAX_INSERTED:
                if first == 0 or owners[first - 1] != owners[first]:
                    found[_inserted(words, owners[first], more, language)] = None
            elif kind == "replace" and stop - first == len(more):
                found.update(dict.fromkeys(_negated(words, owners[first:stop], known[first:stop], more)))
            elif kind == "replace":
                found.update(dict.fromkeys(_beside(words, owners, known, (first, stop), more, language)))
    return list(found)[:MAX_PLACES]


def compared(
    words: Sequence[KnownWord], heard: Sequence[str], language: str
) -> Iterator[tuple[list[int], list[str], list[tuple[str, int, int, int, int]]]]:
    """The words as they are written and as they are said, each beside `heard`.

    Yields the index of each piece's word, the pieces, and difflib's opcodes from these to `heard`.
    """
    for of_word in (_written, _spoken):
        owners = [at for at, word in enumerate(words) for _ in of_word(word, language)]
        known = [plain(piece) for word in words for piece in of_word(word, language)]
        yield owners, known, list(SequenceMatcher(a=known, b=heard, autojunk=False).get_opcodes())


def _written(word: KnownWord, language: str) -> Sequence[str]:
    return split_words(word.written, language)


def _spoken(word: KnownWord, _: str) -> Sequence[str]:
    return word.spoken


def _inserted(words: Sequence[KnownWord], at: int, more: Sequence[str], language: str) -> Candidate:
    """`more` in front of a word: a repetition where it is the words before it or behind it."""
    said = [plain(word) for word in more]
    for first in (at - len(more), at):
        last = first + len(more) - 1
        if first >= 0 and [plain(word.written) for word in words[first : last + 1]] == said:
            return Candidate("repeated", first, last)
    return Candidate("inserted", at, at - 1, said=joined(more, language))


def _negated(
    words: Sequence[KnownWord], owners: Sequence[int], known: Sequence[str], heard: Sequence[str]
) -> Iterator[Candidate]:
    for owner, piece, said in zip(owners, known, heard, strict=True):
        positive = without_negation(said)
        if positive is not None and plain(positive) == piece == plain(words[owner].written):
            yield Candidate("inserted", owner, owner, said=said)


def _beside(
    words: Sequence[KnownWord],
    owners: Sequence[int],
    known: Sequence[str],
    span: tuple[int, int],
    heard: Sequence[str],
    language: str,
) -> Iterator[Candidate]:
    """Words before or behind the pieces of `span`, which are spelt in another way, and with them more like the text.

    A number may be written with more words.
    """
    first, stop = span
    surplus = len(heard) - (stop - first)
    if not 0 < surplus <= MAX_SURPLUS or any(words[owner].is_respelled for owner in owners[first:stop]):
        return
    text, letters = "".join(known[first:stop]), [plain(word) for word in heard]
    if not is_nearer(text, "".join(letters[:surplus]) + text, "".join(letters)):
        yield _inserted(words, owners[first], heard[:surplus], language)
    if stop < len(owners) and not is_nearer(text, text + "".join(letters[-surplus:]), "".join(letters)):
        yield _inserted(words, owners[stop], heard[-surplus:], language)
