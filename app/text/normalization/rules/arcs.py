"""Degrees, minutes and seconds of arc: `48°51'24" N`, `40-50° N`, `N 48.8584°`."""

import re
from collections.abc import Iterator

from app.text.normalization.grammar import Grammar
from app.text.normalization.numerals import Number
from app.text.normalization.primes import PRIMES, PrimeWords
from app.text.normalization.rule import Rule, text_before
from app.text.normalization.rules.money import alternatives

MINUTE_SIGN = "['′‘ʹ]"
"""`’` is `'` by now"""
SECOND_SIGN = "(?:[\"″”“ʺ]|''|′′|‘‘)"
BEFORE = r"(?<![\w/=&@+?#%])(?<!\d[.,:-])"
"""Stands before the first character: not inside a word, an address or another number."""
_MIN_DEGREES = 10
"""Below it, `4º E` is a school class or a floor in languages whose ordinals have the same sign."""
_TURNS = ("180", "270", "360")
_ARTICLES = re.compile(r"(?<!\w)(?:el|la|del|al|lo|il|os?|as?|do|da|le) $", re.IGNORECASE)
_NO_WORD = r"(?!\.\w|\.\s[a-zß-öø-ÿ]|[-‑/][^\W\d])"
"""Behind a compass letter: not the first half of `S-bend` and `N/S`, nor an abbreviated name such as `E. coli`."""
_DECIMAL = r"(?:[.,]\d{1,8})?"


def parse_decimal(written: str) -> Number:
    """A number in which a point or comma is always the decimal mark, as in coordinates."""
    integer, _, fraction = written.replace(",", ".").partition(".")
    return Number(False, integer, fraction).amount


class _Speaker:
    """Says the parts of a position in one language."""

    def __init__(self, grammar: Grammar, words: PrimeWords) -> None:
        self._grammar = grammar
        self._words = words

    def unit(self, number: Number, index: int) -> str:
        """Degrees, minutes or seconds (`index` 0, 1, 2) with their unit."""
        if self._words.names:
            return self._grammar.number(number) + self._words.names[index]
        key = ("angle-degree", *self._words.arc_units)[index]
        return self._grammar.measure(number, key) or self._grammar.number(number)

    def position(self, parts: list[str], sign: str, front: str, behind: str) -> str:
        """The parts with the sign and the compass point, `front` or `behind` as it was written, in their places."""
        signed = {"-": self._grammar.minus, "+": self._grammar.plus}.get(sign, "")
        before, after = self._words.compass.get(front, ""), self._words.compass.get(behind, "")
        if self._words.is_first:
            before, after = before or after, ""
        elif not self._words.keeps_front:
            before, after = "", after or before
        return self._grammar.join(before, signed, *self._words.sequence(parts), after)


def rules(grammar: Grammar) -> Iterator[Rule]:
    words = PRIMES[grammar.language]
    yield _position_rule(grammar, words)
    if words.degree_words:
        yield _angle_rule(grammar, words)


def _position_rule(grammar: Grammar, words: PrimeWords) -> Rule:
    """One pattern for all forms, so that a letter between two positions belongs to the first that can have it."""
    speaker, letters = _Speaker(grammar, words), alternatives(words.compass)
    bearing = r"(?!\s?\d)" if words.keeps_front else "(?!)"
    pattern = re.compile(
        rf"{BEFORE}(?:(?P<front>{letters})\s?)?(?P<sign>(?<![\w)°'\"′″])[-+])?"
        rf"(?:(?P<low>\d{{1,3}}{_DECIMAL})\s?°?\s?[-–—]\s?)?(?P<degrees>\d{{1,3}}{_DECIMAL})\s?°(?!\s?[CFcf]\b)"
        rf"(?:\s?(?P<minutes>\d{{1,2}}{_DECIMAL})\s?{MINUTE_SIGN}(?!['′])"
        rf"(?:\s?(?P<seconds>\d{{1,2}}{_DECIMAL})\s?{SECOND_SIGN}|(?P<bare>\d{{1,2}}{_DECIMAL})(?![\w.,]*\w))?)?"
        rf"(?:\s?(?P<behind>{letters})(?![\w°'’]){_NO_WORD}(?(front){bearing}))?"
        rf"(?:\s?(?P<to>[-–—])\s?(?=\d{{1,3}}{_DECIMAL}\s?°))?"
    )

    def say(match: re.Match[str]) -> str | None:
        numbers = _numbers(match)
        if not numbers or (len(numbers) == 1 and not _is_position(match, numbers[0], words)):
            return None
        if words.declines and len(numbers) == 1 and match["behind"] and not (match["front"] or match["low"]):
            spoken = match[0][: match.start("behind") - match.start()] + words.compass[match["behind"]]
        else:
            parts = [speaker.unit(number, index) for index, number in enumerate(numbers)]
            if match["low"]:
                noun = grammar.unit_name("angle-degree", 5) or ""
                parts[0] = grammar.join(grammar.number(parse_decimal(match["low"]), noun), grammar.to, parts[0])
            spoken = speaker.position(parts, match["sign"] or "", match["front"] or "", match["behind"] or "")
        if match["to"]:
            return spoken + ("{}" if grammar.unspaced else " {} ").format(grammar.to)
        ends_text = match[0].endswith(".") and match.end() == len(match.string)
        return spoken + "." if ends_text else spoken

    return Rule("measure", pattern, say)


def _numbers(match: re.Match[str]) -> list[Number]:
    """Degrees, and minutes and seconds where they are written; empty where one of them is too large."""
    written = (match["degrees"], match["minutes"], match["seconds"] or match["bare"])
    numbers = [parse_decimal(part) for part in written if part]
    is_arc = numbers[0].value <= 360 and all(number.value < 60 for number in numbers[1:])
    return numbers if is_arc else []


def _is_position(match: re.Match[str], degrees: Number, words: PrimeWords) -> bool:
    """True for degrees without minutes that have a compass letter behind them, or before them if they have decimals.

    Whole degrees below ten are ordinals in languages that write ordinals with the same sign.
    """
    if words.degree_words and not degrees.fraction and degrees.value < _MIN_DEGREES:
        return False
    return bool(match["behind"] or (match["front"] and degrees.fraction))


def _angle_rule(grammar: Grammar, words: PrimeWords) -> Rule:
    """`40° de latitud`, `un giro de 90°` and `360°`, where the sign writes ordinals too."""
    pattern = re.compile(
        rf"{BEFORE}(?P<number>\d{{1,3}}{_DECIMAL})\s?°(?![\w°])(?P<point> (?:{words.degree_words})\b)?"
    )
    angle = re.compile(rf"(?<!\w)(?:{words.angle_words})(?: [^\W\d]+){{0,2}} $", re.IGNORECASE)

    def say(match: re.Match[str]) -> str | None:
        degrees = parse_decimal(match["number"])
        is_turn = match["number"] in _TURNS and not _ARTICLES.search(text_before(match))
        if degrees.value > 360 or not (match["point"] or is_turn or angle.search(text_before(match))):
            return None
        if match["point"] and degrees.value < _MIN_DEGREES:
            return None
        return grammar.join(grammar.measure(degrees, "angle-degree") or "", (match["point"] or "").strip())

    return Rule("measure", pattern, say)
