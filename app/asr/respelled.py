"""Words that a transcript spells in another way, such as rare names: they are said and not missing. Pure functions."""

from collections.abc import Sequence

from app.asr.edits import Candidate
from app.asr.insertions import compared
from app.asr.known_words import KnownWord, plain, split_words
from app.asr.placing import WordSounds

MIN_SOUND = 0.5
"""Seconds of sound at a word, over those that its letters need."""
MAX_LETTERS = 60
"""Longest part of a text that is compared by its letters. A longer one has too little in common with the transcript."""


def without_respelled(
    edits: Sequence[Candidate], words: Sequence[KnownWord], sounds: WordSounds, transcript: str, language: str
) -> list[Candidate]:
    """`edits` without the missing words that have sound, and with which the text is more like the transcript.

    The text without a rare name is likelier than with it, because none of its syllables is expected.
    """
    heard = [plain(word) for word in split_words(transcript, language)]
    differences = [
        (
            owners,
            known,
            [
                (first, stop, None if tag == "equal" else "".join(heard[begin:end]))
                for tag, first, stop, begin, end in codes
            ],
        )
        for owners, known, codes in compared(words, heard, language)
    ]
    return [
        edit
        for edit in edits
        if edit.kind != "missing"
        or edit.said
        or sounds.share(edit.first, edit.last) < MIN_SOUND
        or not any(_is_heard(edit, *difference) for difference in differences)
    ]


def _is_heard(
    edit: Candidate, owners: Sequence[int], known: Sequence[str], parts: Sequence[tuple[int, int, str | None]]
) -> bool:
    """True where the letters heard in place of the edit's words, and of those beside them, are more like all of these.

    A word that is left out beside a name in another spelling makes them less like it.

    parts   (first, stop) of `known`, and what is heard there; None where it is the same
    """
    distance = distance_without = 0
    for first, stop, heard in parts:
        own = [at for at in range(first, stop) if edit.first <= owners[at] <= edit.last]
        if own and heard is None:
            distance_without += sum(len(known[at]) for at in own)
        elif own and heard is not None:
            whole = "".join(known[first:stop])
            if max(len(whole), len(heard)) > MAX_LETTERS:
                return False
            rest = "".join(known[at] for at in range(first, stop) if at not in own)
            distance += _distance(whole, heard)
            distance_without += _distance(rest, heard)
    return distance < distance_without


def _distance(one: str, other: str) -> int:
    """Letters to change, add and leave out (Levenshtein)."""
    costs = list(range(len(other) + 1))
    for row, letter in enumerate(one, start=1):
        diagonal, costs[0] = costs[0], row
        for at, opposite in enumerate(other, start=1):
            changed = diagonal + (letter != opposite)
            diagonal = costs[at]
            costs[at] = min(changed, diagonal + 1, costs[at - 1] + 1)
    return costs[-1]
