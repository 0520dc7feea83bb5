"""Feet and inches, minutes and seconds of time, minutes of a match: `6'2"`, `5'30"`, `a 12" pizza`, `45'+2'`.

A sign that may be a quotation mark or an apostrophe is left as it is.
"""

import re
from collections.abc import Iterator

from app.text.normalization.grammar import Grammar
from app.text.normalization.numerals import Number
from app.text.normalization.primes import PRIMES
from app.text.normalization.quantities import CURRENCY_CODES
from app.text.normalization.rule import Rule, text_after, text_before
from app.text.normalization.rules import arcs
from app.text.normalization.rules.arcs import BEFORE, SECOND_SIGN, parse_decimal
from app.text.normalization.rules.money import alternatives
from app.text.normalization.rules.quotations import DOUBLE_MARKS, SINGLE_MARKS, Evidence, is_closing_mark

_FOOT_SIGN = "['′]"
_LEFT = rf"(?:{BEFORE}|(?<=['\"″′”]x)|(?<=['′]\d[-–])|(?<=['′]\d\d[-–]))"
_VULGAR = {
    "½": (1, 2), "⅓": (1, 3), "⅔": (2, 3), "¼": (1, 4), "¾": (3, 4), "⅛": (1, 8), "⅜": (3, 8), "⅝": (5, 8), "⅞": (7, 8),
}  # fmt: skip
_NEXT = r"(?:\s?(?:(?P<times>[x×])\s?(?=\d)|(?P<to>[-–—])\s?(?=\d{1,3}['\"′″”])))?"
"""`x` or a dash before another length"""
_AFTER_LENGTH = re.compile(r"\d['\"″′”]\s?[x×–—-]\s?$")
_NO_WORD = r"(?=\W|$|x\s?\d)"
_VULGARS = f"[{''.join(_VULGAR)}]"


def _amount(number: str) -> str:
    """A regular expression of a fraction, a mixed number, or what `number` matches."""
    fraction = rf"(?P<above>\d{{1,2}})/(?P<below>[1-9]\d?)|(?P<vulgar>{_VULGARS})"
    whole = rf"(?:(?P<whole>\d{{1,3}})(?:[ -](?=\d)|(?={_VULGARS}))|(?<!\d))"
    return rf"(?:{whole}(?:{fraction})|(?P<number>{number}))"


_INCHES = _amount(r"\d{1,3}(?:[.,]\d{1,2})?")
_FEET = _amount(r"\d{1,3}(?:,\d{3}|[.,]\d{1,2})?")
_MAX_HEIGHT_FEET = 8
_HEIGHTS = range(4, 8)
"""Feet of a person, for languages in which `9'5"` is a time."""
_STOPPAGE = (45, 90, 105, 120)
"""Minutes of a match behind which `+2` is added time."""
_SHORT_UNITS = "mm|cm|m|km|kg|g|l|h|s"
_LONG_UNITS = (
    "(?:kilo|centi|milli)?(?:m[eè]tres?|meters?)|(?:chilo|centi|milli)?metr[io]|kilos?|chil[io]|kilogrammes?|grammes?|gramm[io]"
    "|litres?|litr[io]|euros?|francs?|franch[io]|centimes?|dollars?|dollar[io]|livres?|sterline|lire|degrés?|grad[io]"
    "|millions?|milion[ei]|milliards?|miliard[io]|pour cent|per cento"
)
"""Words behind a number with an apostrophe as its decimal mark, which is no time."""
_BARE_TIMES = ("en", "fr", "it")
"""Languages that write `5'30` without a second sign and no decimals so."""
_ARTICLE = re.compile(
    r"(?<!\w)(?:an?|the|this|that|my|your|his|her|our|their|its|each|every|one|new|old|single|standard) $",
    re.IGNORECASE,
)
_DIMENSION = re.compile(
    r"(?:tall|high|wide|deep|long|thick|above|below|apart|away|in (?:length|height|width|diameter))\b"
)
_MATCH_WORDS = re.compile(
    r"(?:goal|minute|penalty|header|strike|equali[sz]er|winner|substitut|free kick|shot|red|yellow)"
)
_NOT_ATTRIBUTE = re.compile(
    r"(?:of|in|and|or|to|by|x|at|from|is|was|he|she|they|we|it|you|said|says|but|for|with|on)\b"
)


def rules(grammar: Grammar) -> Iterator[Rule]:
    yield from arcs.rules(grammar)
    yield _added_time_rule(grammar)
    yield _pair_rule(grammar)
    yield _bare_pair_rule(grammar)
    yield _inches_rule(grammar)
    yield _feet_rule(grammar) if grammar.language == "en" else _minutes_rule(grammar)


def _added_time_rule(grammar: Grammar) -> Rule:
    pattern = re.compile(
        rf"{BEFORE}(?P<minute>\d{{2,3}})(?:(?P<sign>{_FOOT_SIGN})\s?\+\s?(?P<added>\d{{1,2}}){_FOOT_SIGN}?"
        rf"|\+(?P<more>\d{{1,2}}){_FOOT_SIGN})(?!['′\"″\w])"
    )

    def say(match: re.Match[str]) -> str | None:
        minute, added = int(match["minute"]), int(match["added"] or match["more"])
        if minute not in _STOPPAGE:
            return None
        return grammar.join(grammar.cardinal(minute), grammar.plus, grammar.cardinal(added))

    return Rule("time", pattern, say)


def _clock(grammar: Grammar, minutes: int, seconds: Number) -> str:
    words = PRIMES[grammar.language]
    parts = (Number(False, str(minutes)), "duration-minute", 1), (seconds, "duration-second", 2)
    said = [
        grammar.number(number) + words.names[index] if words.names else grammar.measure(number, key) or ""
        for number, key, index in parts
    ]
    return grammar.join(*words.sequence(said))


def _length(grammar: Grammar, match: re.Match[str], key: str, *, is_attribute: bool = False) -> str | None:
    """The amount of `_INCHES` with its unit, in English in the singular as an attribute: `a twelve inch pizza`."""
    unit = grammar.unit_name(key)
    if match["number"]:
        number = grammar.parse(match["number"]).amount
        singular = grammar.join(grammar.number(number, unit or ""), unit or "")
        return singular if is_attribute else grammar.measure(number, key)
    above, below = _VULGAR[match["vulgar"]] if match["vulgar"] else (int(match["above"]), int(match["below"]))
    whole = int(match["whole"]) if match["whole"] else None
    if is_attribute and whole is not None:
        return grammar.join(grammar.mixed(whole, above, below), unit or "")
    if whole is None and PRIMES[grammar.language].declines:
        return grammar.join(grammar.fraction(above, below), grammar.unit_name(key, 0.5) or "")
    return grammar.fraction_measure(whole, above, below, key)


def _joined(grammar: Grammar, match: re.Match[str], spoken: str | None) -> str | None:
    """`spoken`, with `by` or `to` where another length follows: `12" x 8"`, `5"-7"`."""
    word = grammar.by if match["times"] else grammar.to if match["to"] else ""
    return spoken + ("{}" if grammar.unspaced else " {} ").format(word) if spoken and word else spoken


def _pair_rule(grammar: Grammar) -> Rule:
    """`6'2"` and `5'30"`: feet or minutes with inches or seconds."""
    pattern = re.compile(
        rf"{_LEFT}(?P<first>\d{{1,3}}){_FOOT_SIGN}\s?(?P<dash>-\s?)?{_INCHES}{SECOND_SIGN}(?![\"″”]){_NO_WORD}{_NEXT}"
    )

    def say(match: re.Match[str]) -> str | None:
        first, second = int(match["first"]), match["number"]
        if second and not match["dash"] and not _is_inches(grammar, first, second):
            seconds = parse_decimal(second)
            is_time = seconds.value < 60 and re.match(r"\d\d(?!\d)", second)
            return _clock(grammar, first, seconds) if is_time else None
        if second and parse_decimal(second).value >= 12:
            return None
        is_attribute = _is_attribute(grammar, match)
        feet = Number(False, str(first))
        foot = grammar.unit_name("length-foot") or ""
        said = grammar.join(grammar.number(feet), foot) if is_attribute else grammar.measure(feet, "length-foot")
        inches = _length(grammar, match, "length-inch", is_attribute=is_attribute)
        if not said or not inches:
            return None
        return _joined(grammar, match, grammar.join(*PRIMES[grammar.language].sequence([said, inches])))

    return Rule("measure", pattern, say)


def _is_inches(grammar: Grammar, feet: int, second: str) -> bool:
    """In English any number below twelve without a leading zero; elsewhere one figure behind the feet of a height."""
    if grammar.language == "en":
        return parse_decimal(second).value < 12 and not re.match(r"0\d", second)
    return feet in _HEIGHTS and len(second) == 1


def _is_attribute(grammar: Grammar, match: re.Match[str]) -> bool:
    """True in English for a length between an article and a noun."""
    after = match.string[match.end() : match.end() + 2]
    return (
        grammar.language == "en"
        and re.match(r"[ -][^\W\d]", after) is not None
        and _ARTICLE.search(text_before(match)) is not None
        and not _NOT_ATTRIBUTE.match(text_after(match))
    )


def _bare_pair_rule(grammar: Grammar) -> Rule:
    """`5'11` in English and `5'30` where no decimals are written so."""
    codes = "|".join(CURRENCY_CODES)
    pattern = re.compile(
        rf"{_LEFT}(?P<first>\d{{1,2}}){_FOOT_SIGN}(?P<second>\d{{1,2}})(?![\w'\"″′”/½¼¾]|[.,]\d|\s?[€$£¥%°]"
        rf"|\s?(?:{_SHORT_UNITS}|{_LONG_UNITS}|{codes})\b){_NEXT}"
    )
    numbered = alternatives({"art.", "cap.", "fig.", "n.", "no.", "p.", "vol.", "§", *grammar.numbered_abbreviations})
    named = re.compile(rf"(?:[€$£¥]|(?<!\w)(?:s?Fr\.|{codes}|{numbered}))\s?$", re.IGNORECASE)

    def say(match: re.Match[str]) -> str | None:
        if named.search(text_before(match)):
            return None
        first, second = int(match["first"]), match["second"]
        if grammar.language == "en" and _is_inches(grammar, first, second) and 2 < first <= _MAX_HEIGHT_FEET:
            feet = grammar.measure(Number(False, str(first)), "length-foot") or ""
            inches = grammar.measure(Number(False, second), "length-inch") or ""
            return _joined(grammar, match, grammar.join(feet, inches))
        is_time = grammar.language in _BARE_TIMES and len(second) == 2 and int(second) < 60
        return _clock(grammar, first, parse_decimal(second)) if is_time else None

    return Rule("measure", pattern, say)


def _is_counted(match: re.Match[str]) -> bool:
    """True in English between an article or possessive and a noun: `a 12" pizza`, `a 6'-wide door`."""
    is_before_word = re.match(r"[ -][^\W\d]", match.string[match.end() : match.end() + 2])
    is_noun = is_before_word and not _NOT_ATTRIBUTE.match(text_after(match))
    return bool(is_noun and _ARTICLE.search(text_before(match)))


def _is_one_of_several(match: re.Match[str]) -> bool:
    """True for a length before or behind another one, with `x` or a dash between them."""
    return bool(match["times"] or match["to"] or _AFTER_LENGTH.search(text_before(match)))


def _inches_rule(grammar: Grammar) -> Rule:
    pattern = re.compile(
        rf"(?<![\"“”„])(?<![^\W\d]-){_LEFT}{_INCHES}(?P<sign>{SECOND_SIGN})(?![\"″”'′]){_NO_WORD}{_NEXT}"
    )
    evidence = Evidence(PRIMES[grammar.language], grammar.language, touches=grammar.letters_touch_numbers)

    def is_inches(match: re.Match[str]) -> bool:
        before, after = text_before(match), text_after(match)
        if _is_one_of_several(match) or re.match(r"-[^\W\d]", match.string[match.end() : match.end() + 2]):
            return True
        is_prime = match["sign"] in ("″", "′′")
        if not is_prime and evidence.is_reported(after):
            return False
        if evidence.names_inches(before, after):
            return True
        return grammar.language == "en" and (is_prime or (evidence.is_attribute(after) and _is_counted(match)))

    def say(match: re.Match[str]) -> str | None:
        is_prime = match["sign"] in ("″", "′′")
        if not is_inches(match) or (not is_prime and is_closing_mark(match.string, match.start("sign"), DOUBLE_MARKS)):
            return None
        length = _length(grammar, match, "length-inch", is_attribute=_is_attribute(grammar, match))
        return _joined(grammar, match, length)

    return Rule("measure", pattern, say)


def _feet_rule(grammar: Grammar) -> Rule:
    """English: `a 6' fence`, `6' tall`, `8' x 10'`."""
    pattern = re.compile(rf"(?<!['‘]){_LEFT}{_FEET}(?P<sign>{_FOOT_SIGN})(?![\"″”'′]){_NO_WORD}{_NEXT}")

    evidence = Evidence(PRIMES[grammar.language], grammar.language, touches=False)

    def is_feet(match: re.Match[str]) -> bool:
        after = text_after(match)
        if _is_one_of_several(match) or _DIMENSION.match(after):
            return True
        is_noun = evidence.is_attribute(after) and not _MATCH_WORDS.match(after)
        return is_noun and _is_counted(match) and not evidence.is_reported(after)

    def say(match: re.Match[str]) -> str | None:
        is_prime = match["sign"] == "′"
        if not is_feet(match) or (not is_prime and is_closing_mark(match.string, match.start("sign"), SINGLE_MARKS)):
            return None
        length = _length(grammar, match, "length-foot", is_attribute=_is_attribute(grammar, match))
        return _joined(grammar, match, length)

    return Rule("measure", pattern, say)


def _minutes_rule(grammar: Grammar) -> Rule:
    """`5′` with a true prime, in languages whose texts give no lengths in feet."""
    pattern = re.compile(rf"{BEFORE}(?P<number>\d{{1,3}})\s?′(?![\w'\"″′”])(?!\s?\d)")
    names = PRIMES[grammar.language].names

    def say(match: re.Match[str]) -> str | None:
        number = Number(False, match["number"]).amount
        return grammar.number(number) + names[1] if names else grammar.measure(number, "duration-minute")

    return Rule("time", pattern, say)
