"""Tells a quotation mark or apostrophe that closes a quotation behind a number from a sign of inches or feet."""

import re

from app.text.normalization.primes import PrimeWords

DOUBLE_MARKS = re.compile('["“”„‟]')
SINGLE_MARKS = re.compile("['‘]")
_WINDOW = 120
"""Characters on both sides of a sign in which quotation marks are counted; more would be quadratic."""
_CLAUSE_END = re.compile(r"[.,;:!?…]\s|[。，、！？；]")
_WORDS = r"(?:[^\s.,;:!?…]+\s){0,2}"
_LINKS = r"(?:(?:is|was|are|were|be|of|the|with|a|an|about|only|just|in|at|least|to|measures|measuring)\s){0,3}"
_NO_NOUN = r"(?:long|tall|high|deep|thick(?!ness)|wide)|[a-z]+(?:ed|ing)\b"
"""English adjectives, which stand behind inches, and verbs that begin as a noun does: `boarded at 12`"""
_REPORTED_BY = re.compile(
    r"[a-z]+ed (?:[A-Z]|(?:he|she|they|we|the|his|her|my|our|their|one|an?)\b)"
    r"|[A-Z]\w* (?:said|says|asked|replied|recalled|whispered|wrote|added|told|remembers|remembered)\b"
)
_CONTINUED = re.compile(
    r"(?:the|this|that|an?|our|and|or|but|he|she|they|we|it|you|is|was|were|are|had|has|when|as|then|came|went)\b"
)
"""English words that no inches stand before as an attribute; a noun before the number still makes it inches."""


class Evidence:
    """Finds the words around a number that make the sign behind it inches, for one language."""

    def __init__(self, words: PrimeWords, language: str, *, touches: bool) -> None:
        nouns, self._is_english = words.inch_nouns, language == "en"
        self._reporting = re.compile(rf",?\s?(?:{words.reporting})") if words.reporting else None
        self._unspaced = re.compile(nouns, re.IGNORECASE) if touches else None
        links = _LINKS if self._is_english else _WORDS
        noun = rf"(?<!\w)(?!{_NO_NOUN})(?:{nouns})[^\s.,;:!?…]*[:=]?\s"
        self._before = re.compile(rf"{noun}{links}\(?$", re.IGNORECASE)
        self._after = re.compile(rf"{_WORDS}(?:{nouns})", re.IGNORECASE)

    def is_reported(self, after: str) -> bool:
        """True where `after`, the text behind the sign, begins as it does behind a quotation: `said`, `according`."""
        is_said = self._reporting is not None and self._reporting.match(after)
        return bool(is_said or (self._is_english and _REPORTED_BY.match(after)))

    def is_attribute(self, after: str) -> bool:
        """False in English where `after` begins with a word that goes on with the sentence: `and`, `is`, `the`."""
        return not (self._is_english and _CONTINUED.match(after))

    def names_inches(self, before: str, after: str) -> bool:
        """True for a noun that is measured in inches in the same clause, at most three words away."""
        if self._unspaced:
            before, after = _CLAUSE_END.split(before)[-1], _CLAUSE_END.split(after)[0]
            return bool(self._unspaced.search(before) or self._unspaced.search(after))
        return bool(self._before.search(before) or (self.is_attribute(after) and self._after.match(after)))


def is_closing_mark(text: str, at: int, marks: re.Pattern[str]) -> bool:
    """True where the mark behind a number at `at` closes a quotation that an earlier one of `marks` opens.

    Inside a quotation it is a prime if a later mark closes the quotation.
    """
    places = [found.start() for found in marks.finditer(text, max(0, at - _WINDOW), at + 1)]
    if following := marks.search(text, at + 1, at + _WINDOW):
        places.append(following.start())
    is_open = False
    for index, place in enumerate(places):
        if _is_within_word(text, place):
            continue
        if _opens(text, place):
            is_open = True
            continue
        later = places[index + 1] if index + 1 < len(places) else None
        is_last = later is None or _is_within_word(text, later) or _opens(text, later)
        closes = is_open and (is_last or not text[place - 1 : place].isdigit())
        if place == at:
            return closes
        is_open = is_open and not closes
    return False


def _is_within_word(text: str, place: int) -> bool:
    return text[max(0, place - 1) : place].isalpha() and text[place + 1 : place + 2].isalnum()


def _opens(text: str, place: int) -> bool:
    """True for a mark behind a blank, a bracket or a sign and before a word."""
    before, after = text[max(0, place - 1) : place], text[place + 1 : place + 2]
    is_behind_blank = not before or before.isspace() or before in "([{-–—/=:,;"
    return is_behind_blank and bool(after) and not after.isspace()
