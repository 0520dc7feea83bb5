"""Differences between a text and its speech that may be heard: which to try, and the text with each. Pure functions."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

import msgspec

from app.asr.alignment import EditKind
from app.asr.known_words import KnownWord, plain

T = TypeVar("T")

_NEGATED = re.compile(r"(?i)^(\w+)n['’]t\b(.*)$|^(can)not\b(.*)$|^n['’](\w.*)$")
"""English `couldn't` and `cannot`, French `n'est`."""
_POSITIVE = {"wo": "will", "ca": "can", "sha": "shall"}

UNLIKELY = 0.3
"""Words below this probability may be missing. Names and rare words are below it too."""
MIN_EXCESS_S = 0.2
"""Seconds of sound, more than a word needs, in which something may be said a second time."""
PRIOR_OF_EXCESS = 6.0
"""Gain of one second of excess sound. The longest words of 40 clean sentences have 0.33 s, and their repetition a gain
below -3."""
NUM_SPREAD, NUM_SPREAD_BEFORE = 4, 2
"""Words behind and before a phrase that is said twice over which the model may spread its sound."""
MAX_FASTER = 2.0
"""A phrase that is said a second time needs at most this many times the sound that is too much near it."""
MAX_MISSING, MAX_REPEATED = 4, 6
"""Words that are left out or said twice in one place."""
MAX_PARTS, MAX_PARTS_MISSING, MAX_PARTS_REPEATED = 8, 2, 2
"""Words of a number or a compound."""
MAX_TRIED = 40
"""Differences of one segment: the first ones, where text and speech have little in common."""


class Candidate(msgspec.Struct, frozen=True):
    """A difference to try.

    first, last   indices of the words that it concerns; `last` is `first` - 1 for words in front of `first`
    said          what is said for these words, where it is not those words themselves
    prior         logarithm of its likelihood without any text: of sound that no word needs
    is_confirmed  a transcript has it too
    """

    kind: EditKind
    first: int
    last: int
    said: str = ""
    prior: float = 0.0
    is_confirmed: bool = False

    def applied(self, words: Sequence[T], tokens: Callable[[str], T]) -> list[T]:
        """The words that are said, where this is how the speech differs from `words`."""
        first, behind = self.first, self.last + 1
        if self.said:
            return [*words[:first], tokens(self.said), *words[behind:]]
        match self.kind:
            case "missing":
                return [*words[:first], *words[behind:]]
            case "repeated":
                return [*words[:behind], *words[first:]]
            case "swapped":
                return [*words[:first], *reversed(words[first:behind]), *words[behind:]]
            case "inserted":
                raise AssertionError("an insertion has words")

    def touches(self, other: "Candidate") -> bool:
        """True where a word of one is or stands beside a word of the other."""
        return self.first <= other.last + 1 and other.first <= self.last + 1


def without_negation(word: str) -> str | None:
    """The rest of a word that a negation is a part of, such as `could` of `couldn't`; None for other words."""
    found = _NEGATED.match(word)
    if found is None:
        return None
    first, *others = (part or "" for part in found.groups())
    return _POSITIVE.get(first.lower(), first) + "".join(others)


def candidates(
    words: Sequence[KnownWord],
    probabilities: Sequence[float],
    excesses_s: Sequence[float],
    needed_s: Sequence[float],
) -> list[Candidate]:
    """Differences at unlikely words and at words with too much sound. At most MAX_TRIED.

    excesses_s   seconds of sound at each word beyond those that its letters need
    needed_s     seconds that its letters need
    """
    priors: dict[Candidate, float] = {}

    def add(kind: EditKind, spans: Iterable[tuple[int, int]], said: Iterable[str] = ("",), prior: float = 0.0) -> None:
        texts = tuple(said)
        for candidate in (Candidate(kind, first, last, text) for first, last in spans for text in texts):
            priors[candidate] = max(prior, priors.get(candidate, prior))

    def phrases_to(last: int) -> Iterator[tuple[int, int]]:
        """Phrases that end with a word and for which there is sound. None for -1."""
        for first in range(max(0, last - MAX_REPEATED + 1), last + 1):
            near_s = sum(
                max(0.0, each) for each in excesses_s[max(0, first - NUM_SPREAD_BEFORE) : last + 1 + NUM_SPREAD]
            )
            if sum(needed_s[first : last + 1]) <= MAX_FASTER * near_s + MIN_EXCESS_S:
                yield first, last

    num_words = len(words)
    for first, last in _runs([probability < UNLIKELY for probability in probabilities]):
        add("missing", _missing(first, last, num_words))
        add("swapped", ((at, at + 1) for at in range(max(0, first - 1), min(num_words - 1, last + 1))))
        for at in range(first, last + 1):
            add("missing", [(at, at)], _shortened(words[at]))
            add("swapped", [(at, at)], _reordered(words[at]))
        near_s = sum(max(0.0, excess_s) for excess_s in excesses_s[first : last + NUM_SPREAD])
        if near_s > MIN_EXCESS_S:
            add("repeated", phrases_to(first - 1), prior=PRIOR_OF_EXCESS * near_s)
    for at, excess_s in enumerate(excesses_s):
        if excess_s > MIN_EXCESS_S:
            prior = PRIOR_OF_EXCESS * excess_s
            add("repeated", [(at, at)], _lengthened(words[at]), prior)
            # The model may take the second time for the first one: the sound is then counted to a later word.
            for last in range(max(0, at - 2), at + 1):
                add("repeated", phrases_to(last), prior=prior)
                if last < MAX_REPEATED:
                    add("repeated", [(0, last)], [_begun_again(words[: last + 1])], prior)
    found = list(priors.items())[:MAX_TRIED]
    return [msgspec.structs.replace(candidate, prior=prior) for candidate, prior in found]


def _parts(word: KnownWord) -> Sequence[str]:
    """The spoken words of a number, the words between the hyphens of a compound; else none."""
    first, *others = word.spoken
    parts = word.spoken if others else [part for part in first.split("-") if plain(part)]
    return parts if 1 < len(parts) <= MAX_PARTS else ()


def _shortened(word: KnownWord) -> Iterator[str]:
    """The word without its negation, and without one or two neighbouring parts."""
    if (rest := without_negation(word.written)) is not None:
        yield rest
    parts = _parts(word)
    for length in range(1, min(MAX_PARTS_MISSING, len(parts) - 1) + 1):
        for at in range(len(parts) - length + 1):
            yield " ".join([*parts[:at], *parts[at + length :]])


def _reordered(word: KnownWord) -> Iterator[str]:
    """The word with two of its parts exchanged."""
    parts = _parts(word)
    for at in range(len(parts) - 1):
        yield " ".join([*parts[:at], parts[at + 1], parts[at], *parts[at + 2 :]])


def _lengthened(word: KnownWord) -> Iterator[str]:
    """The word with some of its parts said twice."""
    parts = _parts(word)
    for stop in range(1, len(parts) + 1):
        for start in range(max(0, stop - MAX_PARTS_REPEATED), stop):
            if stop - start < len(parts):
                yield " ".join([*parts[:stop], *parts[start:]])


def _begun_again(words: Sequence[KnownWord]) -> str:
    """Opening words said twice, as a transcript has them: `She did, she did`."""
    opening = " ".join(word.written for word in words).rstrip(",;:.!?")
    return f"{opening}, {opening[:1].lower()}{opening[1:]}"


def _missing(first: int, last: int, num_words: int) -> Iterator[tuple[int, int]]:
    """The run of unlikely words, parts of it, and the run with a neighbour. Not all words of the text."""
    spans = [(first, last), (first - 1, last), (first, last + 1)]
    spans += [(start, stop) for start in range(first, last + 1) for stop in range(start, last + 1)]
    for start, stop in spans:
        is_inside = start >= 0 and stop < num_words
        if (
            is_inside
            and (stop - start < MAX_MISSING or (start, stop) == (first, last))
            and stop - start + 1 < num_words
        ):
            yield start, stop


def _runs(flags: Sequence[bool]) -> Iterator[tuple[int, int]]:
    """First and last index of each run of true values."""
    start: int | None = None
    for at, flag in enumerate([*flags, False]):
        if flag and start is None:
            start = at
        elif not flag and start is not None:
            yield start, at - 1
            start = None
