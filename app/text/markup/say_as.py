"""`<say-as>`: text whose kind the caller names, to words."""

import re
from collections.abc import Callable

from app.text.normalization import normalizer, spoken
from app.text.normalization.grammar import Grammar
from app.text.normalization.numerals import MAX_INTEGER_DIGITS
from app.text.normalization.rules.telephone import say_groups

_TIME = re.compile(r"(\d{1,2})(?:[:.h](\d{2}))?(?:[:.](\d{2}))?\s{0,3}([AaPp])?\.?(?:[Mm]\.?)?")
_DATE_FORMATS = frozenset(("mdy", "dmy", "ymd", "ydm", "md", "dm", "ym", "my", "y", "m", "d"))
_MAX_CHARS = 200
"""Limit for spelt text, which becomes several times as long."""


def say_as(text: str, kind: str, date_format: str, language: str) -> str | None:
    """The words of `text`; None for an unknown kind, text of another kind, and languages without a grammar."""
    found = normalizer(language)
    say = _KINDS.get(kind.lower())
    if found is None or say is None or len(text) > _MAX_CHARS:
        return None
    return say(found.grammar, text.strip(), date_format.lower())


def _cardinal(grammar: Grammar, text: str, _: str) -> str | None:
    match = re.fullmatch(rf"([-−+]?)({grammar.notation.pattern})", text)
    return grammar.number(grammar.parse(match[2], match[1].strip("+"))) if match else None


def _ordinal(grammar: Grammar, text: str, _: str) -> str | None:
    match = re.fullmatch(rf"(\d{{1,{MAX_INTEGER_DIGITS}}})\W?[^\W\d]{{0,3}}", text)
    return grammar.ordinal(int(match[1])) if match else None


def _date(grammar: Grammar, text: str, date_format: str) -> str | None:
    if not date_format:
        return spoken(text, grammar.language)
    numbers = [int(digits) for digits in re.findall(r"[0-9]{1,4}", text)]
    if date_format not in _DATE_FORMATS or len(numbers) != len(date_format) or re.search(r"[^\W\d]", text):
        return None
    fields = dict(zip(date_format, numbers, strict=True))
    day, month, year = fields.get("d"), fields.get("m"), fields.get("y")
    if not (1 <= (day or 1) <= 31 and 1 <= (month or 1) <= 12):
        return None
    if month is None:
        return grammar.day(day) if day is not None else grammar.year(numbers[0])
    return grammar.month(month) if day is year is None else grammar.date(day, month, year)


def _time(grammar: Grammar, text: str, _: str) -> str | None:
    match = _TIME.fullmatch(text)
    if match is None:
        return spoken(text, grammar.language)
    hour, minute, second = int(match[1]), int(match[2] or 0), int(match[3]) if match[3] else None
    if hour > 24 or minute > 59 or (second or 0) > 59:
        return None
    if match[4]:
        return spoken(f"{hour}:{minute:02} {match[4].lower()}.m.", grammar.language)
    return grammar.time(hour, minute, second)


def _telephone(grammar: Grammar, text: str, _: str) -> str | None:
    if not re.fullmatch(r"[+\d\s()./-]*\d[+\d\s()./-]*", text):
        return None
    return grammar.join(grammar.plus, say_groups(grammar, text)) if text.startswith("+") else say_groups(grammar, text)


def _digits(grammar: Grammar, text: str, _: str) -> str | None:
    return grammar.digits(text) or None


def _characters(grammar: Grammar, text: str, _: str) -> str | None:
    """Letter by letter and digit by digit, signs by their names."""
    names = grammar.web_signs | grammar.signs
    said: list[str] = []
    for char in text:
        if char.isdecimal():
            said.append(grammar.digits(char))
        elif char.isalpha():
            said.append(grammar.spell_letters(char.upper() if len(char.upper()) == 1 else char))
        elif not char.isspace():
            said.append(names.get(char, char).strip())
    return " ".join(said) or None


_KINDS: dict[str, Callable[[Grammar, str, str], str | None]] = {
    "cardinal": _cardinal,
    "number": _cardinal,
    "ordinal": _ordinal,
    "date": _date,
    "time": _time,
    "telephone": _telephone,
    "digits": _digits,
    "characters": _characters,
    "spell-out": _characters,
    "verbatim": _characters,
}
