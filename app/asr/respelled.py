"""Differences that a transcript of the same speech speaks against, and those that it confirms. Pure functions.

The text without a rare name is likelier than with it, because none of its syllables is expected. The transcript has the
name in another spelling.
"""

from collections import Counter
from collections.abc import Sequence, Set

import msgspec

from app.asr.edits import MIN_EXCESS_S, NUM_SPREAD, NUM_SPREAD_BEFORE, Candidate
from app.asr.insertions import compared
from app.asr.known_words import KnownWord, plain, split_words
from app.asr.letters import is_nearer
from app.asr.placing import WordSounds
from app.text.reading import read

MIN_SOUND = 0.5
"""Seconds of sound at a word, over those that its letters need."""
MIN_LETTERS, MAX_LETTERS = 0.5, 1.5
"""Letters that are heard in place of a word, over its own: `keep` is a spelling of `Caoimhe`."""


class _Part(msgspec.Struct, frozen=True):
    """Pieces first to stop - 1 of the text, and the letters that the transcript has there; None: the same letters."""

    first: int
    stop: int
    heard: str | None


class _Place(msgspec.Struct, frozen=True):
    """Letters of the text and of the transcript at an edit and at words beside it in another spelling."""

    text: str
    edited: str
    """the same letters of the text with the edit"""
    heard: str
    is_alone: bool
    """the text there has no words but those of the edit"""


class _Comparison(msgspec.Struct, frozen=True):
    """Pieces of the text, the word that each belongs to, and the parts that they form beside a transcript."""

    owners: list[int]
    pieces: list[str]
    parts: list[_Part]

    def place(self, edit: Candidate) -> _Place:
        inside: list[int] = []
        heard: list[str] = []
        for part in self.parts:
            own = [at for at in range(part.first, part.stop) if edit.first <= self.owners[at] <= edit.last]
            if own and part.heard is None:
                inside += own
                heard += [self.pieces[at] for at in own]
            elif own and part.heard is not None:
                inside += range(part.first, part.stop)
                heard.append(part.heard)
        return _Place(
            text="".join(self.pieces[at] for at in inside),
            edited="".join(self._edited(edit, inside)),
            heard="".join(heard),
            is_alone=all(edit.first <= self.owners[at] <= edit.last for at in inside),
        )

    def _edited(self, edit: Candidate, inside: Sequence[int]) -> list[str]:
        if edit.kind == "missing":
            return [self.pieces[at] for at in inside if not edit.first <= self.owners[at] <= edit.last]
        order = {edit.first: edit.last, edit.last: edit.first}
        return [self.pieces[at] for at in sorted(inside, key=lambda at: order.get(self.owners[at], self.owners[at]))]


def without_respelled(
    edits: Sequence[Candidate], words: Sequence[KnownWord], sounds: WordSounds, transcript: str, language: str
) -> list[Candidate]:
    """`edits` without those that the transcript speaks against: missing words that have sound, words in another order,
    and phrases said twice for which there is no sound.

    A number in place of the last word confirms that a part of it is missing, where that part is the number heard.
    """
    heard = [plain(word) for word in split_words(transcript, language)]
    comparisons = [
        _Comparison(
            owners,
            pieces,
            [
                _Part(first, stop, None if tag == "equal" else "".join(heard[begin:end]))
                for tag, first, stop, begin, end in codes
            ],
        )
        for owners, pieces, codes in compared(words, heard, language)
    ]
    more_often = _words_more_often(words, transcript, language)
    kept: list[Candidate] = []
    for edit in edits:
        places = [comparison.place(edit) for comparison in comparisons]
        if edit.kind == "missing" and edit.said:
            is_confirmed = any(_is_number(edit.said, place, language) for place in places)
            kept.append(msgspec.structs.replace(edit, is_confirmed=is_confirmed))
        elif not _is_refuted(edit, places, sounds, more_often):
            kept.append(edit)
    return kept


def _is_refuted(edit: Candidate, places: Sequence[_Place], sounds: WordSounds, more_often: Set[int]) -> bool:
    match edit.kind:
        case "missing":
            return sounds.share(edit.first, edit.last) >= MIN_SOUND and any(map(_is_said, places))
        case "swapped":
            return not edit.said and any(map(_is_more_like_text, places))
        case "repeated":
            is_part = bool(edit.said) and edit.first == edit.last
            return (
                not is_part and more_often.isdisjoint(range(edit.first, edit.last + 1)) and _lacks_sound(edit, sounds)
            )
        case "inserted":
            return False


def _words_more_often(words: Sequence[KnownWord], transcript: str, language: str) -> Set[int]:
    """Indices of words that the transcript has more often than the text."""
    forms = [{plain(piece) for piece in (*split_words(word.written, language), *word.spoken)} for word in words]
    num_known = Counter(piece for form in forms for piece in form)
    num_heard = Counter(plain(word) for word in split_words(transcript.replace("-", " "), language))
    return {at for at, form in enumerate(forms) if any(num_heard[piece] > num_known[piece] for piece in form)}


def _lacks_sound(edit: Candidate, sounds: WordSounds) -> bool:
    """True where the words near a phrase have not as much sound too much as the phrase needs a second time."""
    near = slice(max(0, edit.first - NUM_SPREAD_BEFORE), edit.last + 1 + NUM_SPREAD)
    needed_s = sum(sounds.needed_s[edit.first : edit.last + 1])
    return needed_s > max(0.0, sum(sounds.excesses_s[near])) + MIN_EXCESS_S


def _is_said(place: _Place) -> bool:
    """A word that is left out beside a name in another spelling makes the letters that are heard less like the text.

    A word in place of which another one is heard is tried with that one (`replacements`).
    """
    least, most = (share * len(place.text) for share in (MIN_LETTERS, MAX_LETTERS))
    has_letters = place.is_alone and least <= len(place.heard) <= most + 1
    return has_letters or _is_more_like_text(place)


def _is_more_like_text(place: _Place) -> bool:
    return is_nearer(place.text, place.edited, place.heard)


def _is_number(said: str, place: _Place, language: str) -> bool:
    """True where the transcript has, in digits, the number `said` in place of the text's one."""
    if not (place.is_alone and place.text.isdigit() and place.heard.isdigit()):
        return False
    return _letters(read(place.heard, language).text) == _letters(said)


def _letters(text: str) -> str:
    return plain("".join(text.split()))
