"""Numbers as they are written, and in words by CLDR's rule-based number formats (the library unicode-rbnf)."""

import re
from functools import lru_cache

import msgspec
from unicode_rbnf import RbnfEngine

MAX_INTEGER_DIGITS = 15
"""Longer numbers are read digit by digit; CLDR's rules end at 10**18."""


class Number(msgspec.Struct, frozen=True):
    """A number without its separators: `-12,500.50` is `Number(True, "12500", "50")`."""

    is_negative: bool
    integer: str
    """digits; "" for `.5`"""
    fraction: str = ""
    """digits behind the decimal mark"""

    @property
    def value(self) -> float:
        """For plural forms and comparisons; the digits are exact. Of a very long number only its end counts."""
        if len(self.integer) > MAX_INTEGER_DIGITS:
            return float("1" + self.integer[-MAX_INTEGER_DIGITS + 1 :])
        return float(f"{'-' if self.is_negative else ''}{self.integer or '0'}.{self.fraction or '0'}")

    @property
    def is_one(self) -> bool:
        return not self.fraction.strip("0") and self.integer.lstrip("0") == "1"


class Numerals:
    def __init__(self, locale: str) -> None:
        self._engine = RbnfEngine.for_language(locale)

    def spell(self, number: int, ruleset: str = "spellout-numbering") -> str:
        """`number` in words by one of the locale's rule sets, such as `spellout-ordinal-feminine`.

        Beyond 15 digits it is spelt digit by digit.
        """
        if number >= 10**MAX_INTEGER_DIGITS:
            return " ".join(self.spell(int(digit)) for digit in str(number))
        return _spell(self._engine, number, ruleset)


@lru_cache(maxsize=8192)
def _spell(engine: RbnfEngine, number: int, ruleset: str) -> str:
    return engine.format_number(number, ruleset_names=[ruleset]).text


def number_pattern(thousands: str, decimal: str, group: str = r"\d{3}") -> str:
    """A regular expression for an unsigned number, without groups.

    `thousands` and `decimal` are the insides of character classes. A separator of thousands counts only where it parts
    a `group` of digits throughout, so `1,2,3` is three numbers.
    """
    grouped = rf"\d{{1,3}}(?:[{thousands}]{group}(?!\d))+" if thousands else r"(?!)"
    return rf"(?:(?:{grouped}|\d+)(?:[{decimal}]\d+)?)"


def parse_number(written: str, *, thousands: str, decimal: str, sign: str | None = "") -> Number:
    """The number that `number_pattern` matched. The last decimal mark parts the fraction."""
    grouped = re.compile(rf"(?<=\d)[{thousands}](?=\d{{3}}(?!\d))") if thousands else None
    parts = re.split(rf"[{decimal}](?=\d+$)", written, maxsplit=1)
    if len(parts) == 2 and not (grouped and grouped.search(written[len(parts[0]) :]) and grouped.search(parts[0])):
        integer, fraction = parts
    else:
        integer, fraction = written, ""
    return Number(bool(sign), re.sub(r"\D", "", integer), fraction)
