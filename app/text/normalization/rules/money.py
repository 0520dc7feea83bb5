"""Amounts of money: `$5`, `5 €`, `EUR 12,50`, `$5.3 billion`, `R$ 10`."""

import re
from collections.abc import Iterator

from app.text.normalization.grammar import Grammar
from app.text.normalization.quantities import CURRENCIES, CURRENCY_CODES, UNITS
from app.text.normalization.rule import Rule


def alternatives(words: object) -> str:
    """A regular expression for any of `words`, the longest first."""
    return "|".join(re.escape(word) for word in sorted(map(str, words), key=len, reverse=True)) or "(?!)"  # type: ignore[call-overload]


def amount_sign(grammar: Grammar) -> str:
    """A regular expression for a unit, currency or magnitude behind a number, which is then no date."""
    signs = CURRENCIES | grammar.currency_signs | UNITS | grammar.units | grammar.unit_words | grammar.magnitudes
    return rf"\s?(?:{alternatives([*signs, *CURRENCY_CODES])})(?!\w)"


def rules(grammar: Grammar) -> Iterator[Rule]:
    signs = CURRENCIES | grammar.currency_signs
    sign = rf"(?:{alternatives(signs)}|\b(?:{'|'.join(CURRENCY_CODES)})\b)"
    after = rf"(?:{alternatives(signs)}|(?:{'|'.join(CURRENCY_CODES)})\b)(?!\w)"
    number = grammar.notation.amount
    magnitude = rf"(?:\s?(?P<magnitude>{alternatives(grammar.magnitudes)})(?!\w))?"
    before = re.compile(
        rf"(?<![\w$])(?P<sign>[-+]?)(?P<currency>{sign})\s?(?P<minus>-?)(?P<number>{number}){magnitude}(?:,[-–](?!\d))?"
    )
    behind = re.compile(
        rf"(?<![\w.,])(?P<sign>[-+]?)(?P<minus>)(?P<number>{number}){magnitude}(?:,[-–])?[\s-]?(?P<currency>{after})"
    )

    def say(match: re.Match[str]) -> str | None:
        code = signs.get(match["currency"], match["currency"])
        negative = "-" if "-" in (match["sign"], match["minus"]) else ""
        amount = grammar.parse(match["number"], negative).amount
        if match["magnitude"]:
            return grammar.large_money(amount, grammar.magnitudes[match["magnitude"]], code)
        return grammar.money(amount, code)

    yield Rule("money", before, say)
    yield Rule("money", behind, say)
