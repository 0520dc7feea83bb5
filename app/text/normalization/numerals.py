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
    def amount(self) -> "Number":
        """The same without zeros before its first digit, which are said in a code and not in `05 kg`."""
        return Number(self.is_negative, self.integer.lstrip("0") or "0", self.fraction)

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


class Notation:
    """How a language writes numbers, and reads those that are certainly written in another way.

    thousands, decimal   the language's separators, as the inside of a character class
    group                digits between two separators of thousands; the last group always has three

    A separator of thousands counts only where it parts groups throughout, so `1,2,3` is three numbers. The other way is
    certain with several groups (`12,500,000` in German) or both separators (`1,234.56`).

    pattern   regular expression, without groups, of an unsigned number
    amount    the same beside a unit or a currency, where `5.20` and `5,20` both have a decimal mark
    native    the language's own way alone
    """

    def __init__(self, thousands: str, decimal: str, group: str = r"\d{3}") -> None:
        first = r"[1-9]\d{0,2}"
        grouped = rf"{first}(?:[{thousands}]{group}(?!\d))*[{thousands}]\d{{3}}(?!\d)"
        self.native = rf"(?:(?:{grouped}|\d+)(?:[{decimal}]\d+)?)"
        forms = [
            rf"(?P<integer>{grouped})(?:[{decimal}](?P<fraction>\d+))?",
            rf"(?P<integer>\d+)(?:[{decimal}](?P<fraction>\d+))?",
        ]
        certain: list[str] = []
        for separator in ",.":
            mark = "." if separator == "," else ","
            if separator not in thousands:
                certain.append(rf"{first}(?:{re.escape(separator)}\d{{3}}){{2,}}(?![\d{separator}])")
                forms.append(rf"(?P<integer>{first}(?:{re.escape(separator)}\d{{3}}){{2,}})")
                both = rf"{first}(?:{re.escape(separator)}\d{{3}})+"
                certain.append(rf"{both}{re.escape(mark)}\d+(?![.,]?\d)")
                forms.append(rf"(?P<integer>{both}){re.escape(mark)}(?P<fraction>\d+)")
        other = "".join(mark for mark in ".," if mark not in decimal)
        self.pattern = rf"(?:{'|'.join([*certain, self.native])})"
        self.amount = (
            rf"(?:(?:\d+[{other}]\d{{1,2}}|0[{other}]\d+)(?![.,]?\d)|{self.pattern})" if other else self.pattern
        )
        forms += [rf"(?P<integer>\d+)[{other}](?P<fraction>\d+)"] if other else []
        self._forms = [re.compile(form) for form in forms]

    def parse(self, written: str, sign: str | None = "") -> Number:
        """The number that one of the patterns matched."""
        for form in self._forms:
            if found := form.fullmatch(written):
                return Number(bool(sign), re.sub(r"\D", "", found["integer"]), found.groupdict().get("fraction") or "")
        return Number(bool(sign), re.sub(r"\D", "", written))
