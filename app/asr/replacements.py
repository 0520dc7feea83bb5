"""Words in place of which another word is said: which to try, by a transcript of the same speech. Pure functions.

The text without the replaced word is often no likelier than with it; with the transcript's word in its place it is.
"""

from collections.abc import Sequence, Set

from app.asr.edits import Candidate
from app.asr.insertions import compared
from app.asr.known_words import KnownWord, plain, split_words
from app.asr.letters import distance

MAX_REPLACED = 6
"""Words of one segment that are tried: the first ones, where text and speech have little in common."""
MIN_CHANGED = 0.5
"""Letters of the longer word that differ. Where fewer do, the transcript has another spelling."""
PRIOR = -5.0
"""Logarithm of the likelihood of another word without any text. In 240 undamaged sentences the word of the transcript
gains at most 1.6, in 21 of 22 damaged ones at least 8.9."""


def replacements(words: Sequence[KnownWord], transcript: str, language: str, rare: Set[int]) -> list[Candidate]:
    """Words of the text, each with the word of `transcript` in its place: `deep` is missing where `cold` is said.

    rare   indices of words that the model may hear as any others of about their length: not tried
    """
    heard = split_words(transcript, language)
    found: dict[Candidate, None] = {}
    for owners, known, codes in compared(words, [plain(word) for word in heard], language):
        for kind, first, stop, first_heard, stop_heard in codes:
            if kind == "replace" and stop - first == stop_heard - first_heard:
                pairs = zip(range(first, stop), heard[first_heard:stop_heard], strict=True)
                found.update(
                    (_replaced(owners[at], said), None)
                    for at, said in pairs
                    if owners[at] not in rare and _is_another(words[owners[at]], known[at], plain(said))
                )
    return list(found)[:MAX_REPLACED]


def _replaced(at: int, said: str) -> Candidate:
    return Candidate("missing", at, at, said=said, prior=PRIOR, is_confirmed=True)


def _is_another(word: KnownWord, piece: str, heard: str) -> bool:
    """True where `piece` is the whole of `word` and `heard` is no other spelling of it. False for numbers."""
    if word.is_respelled or plain(word.written) != piece or any(map(str.isdigit, piece + heard)):
        return False
    return distance(piece, heard) > MIN_CHANGED * max(len(piece), len(heard))
