"""Dates with numbers, month names and years, and decades."""

import re
from collections.abc import Iterator, Mapping

from app.text.normalization.grammar import Grammar
from app.text.normalization.rule import Rule
from app.text.normalization.rules.money import alternatives


def is_date(day: int, month: int) -> bool:
    return 1 <= day <= 31 and 1 <= month <= 12


def rules(grammar: Grammar) -> Iterator[Rule]:
    separators = re.escape(grammar.date_separators)
    iso = re.compile(rf"(?<![\w.,/-])(\d{{4}})([-/.])(\d{{1,2}})\2(\d{{1,2}}){grammar.date_suffix}(?![\w/-]|\.\d)")
    numeric = re.compile(
        rf"(?<![\w.,/-])(\d{{1,2}})([{separators}])(\d{{1,2}})\2(\d{{4}}|\d{{2}}){grammar.date_suffix}(?![\w/-]|[.,]\d)"
    )

    def say_iso(match: re.Match[str]) -> str | None:
        year, month, day = int(match[1]), int(match[3]), int(match[4])
        return grammar.date(day, month, year) if is_date(day, month) else None

    def say_numeric(match: re.Match[str]) -> str | None:
        first, second, year = int(match[1]), int(match[3]), int(match[4])
        day, month = (second, first) if grammar.date_order == "mdy" else (first, second)
        if not is_date(day, month):
            day, month = month, day
        return _with_suffix(grammar, match, grammar.date(day, month, year)) if is_date(day, month) else None

    yield Rule("date", iso, say_iso)
    yield Rule("date", numeric, say_numeric)


def _with_suffix(grammar: Grammar, match: re.Match[str], spoken: str) -> str:
    return grammar.join(spoken, grammar.date_suffix_word if match.groupdict().get("suffix") else "")


def year_rules(grammar: Grammar, before: str = "", after: str = "") -> Iterator[Rule]:
    """Years from 1100 to 1999 and spans of years, for languages that read them otherwise than other numbers.

    `before` and `after` are further conditions on the text around a year, as regular expressions.
    """
    year = re.compile(rf"(?<![\w.,$€£-]){before}(1[1-9]\d\d)(?!\w|[.,:/]\d){after}")
    span = re.compile(r"(?<![\w.,$€£-])(1[1-9]\d\d|20\d\d)\s?[-–]\s?(1[1-9]\d\d|20\d\d)(?![\w-]|[.,:/]\d)")

    def say_span(match: re.Match[str]) -> str:
        return grammar.join(grammar.year(int(match[1])), grammar.to, grammar.year(int(match[2])))

    yield Rule("range", span, say_span)
    yield Rule("year", year, lambda match: grammar.year(int(match[1])))


def month_numbers(grammar: Grammar) -> dict[str, int]:
    """Names and abbreviations of months, in small letters without a full stop -> 1 to 12."""
    names = {name.lower().rstrip("."): month for month, name in grammar.names.month_abbreviations().items()}
    return names | {name.lower(): month for month, name in grammar.names.months().items()}


def month_pattern(grammar: Grammar) -> str:
    return alternatives(month_numbers(grammar))


def named_date_rules(grammar: Grammar, *, more_months: Mapping[str, int] | None = None, of: str = "") -> Iterator[Rule]:
    """`3 March 2020`, `3. März`, `3 de março de 2020`. `of` is an optional word."""
    months = month_numbers(grammar) | dict(more_months or {})
    full = {name.lower() for name in grammar.names.months().values()}
    # A full stop behind an abbreviation belongs to it; behind a whole name it ends the sentence.
    month = rf"(?:{alternatives(full)})\b|(?:{alternatives(months.keys() - full)})\b\.?"
    pattern = re.compile(
        rf"(?<![\w.,])(?P<day>\d{{1,2}})(?:\.|°|º|ª|er)? ?(?:{of} ?)?(?P<month>{month})"
        rf"(?:,? (?:{of} ?)?(?P<year>\d{{4}})(?!\d){grammar.date_suffix})?",
        re.IGNORECASE,
    )

    def say(match: re.Match[str]) -> str | None:
        day, month = int(match["day"]), months[match["month"].lower().rstrip(".")]
        if not is_date(day, month):
            return None
        return _with_suffix(grammar, match, grammar.date(day, month, int(match["year"]) if match["year"] else None))

    yield Rule("date", pattern, say)
