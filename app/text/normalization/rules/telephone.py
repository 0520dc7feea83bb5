"""Telephone numbers, IP addresses and other numbers that are read digit by digit."""

import re
from collections.abc import Iterator

from app.text.normalization.grammar import Grammar
from app.text.normalization.rule import Rule

INTERNATIONAL = re.compile(r"(?<![\w+])\+(\d{1,3})((?:[ .-]?\(?\d{1,5}\)?){2,6}|[ -]\d{6,12}(?: \d{1,5})?)(?![\w-])")
BRACKETED = re.compile(r"(?<![\w(])\((\d{2,5})\)[ -]?(\d{2,8}(?:[ .-]\d{2,5}){0,4})(?![\w-])")
GROUPED = re.compile(
    r"(?<![\w.,:/-])\d{2,4}(?:-\d{2,4}){1,3}-\d{3,5}(?![\w:-])|(?<![\w.,:/-])(?:\d{3}|\d{5}|0\d{2,6})-\d{4,8}(?![\w:-])"
)
SPACED = re.compile(r"(?<![\w.,:/-])(?<!\d )0\d{1,4}(?:[ ./-]\d{2,8}){1,4}(?![\w:-])")
NAMED = re.compile(
    r"(?i:(?<!\w)(?:tel|tél|telefon|telefono|teléfono|téléphone|telefoon|telefone|phone|fax|mobil|mobile|cell|тел|телефон|факс"
    r"|هاتف|फ़ोन|फोन|मोबाइल|电话|電話|전화)\.?:? )(?P<number>\+?\d[\d ()./-]{4,20}\d)(?![\w-])"
)
"""A number behind a word that announces a telephone number."""
MIN_DIGITS = 6
"""Shorter ones are times, dates or codes."""
IP = re.compile(r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?![\w]|\.\d)")


def say_groups(grammar: Grammar, written: str) -> str:
    """Each group digit by digit, a comma between groups for a pause."""
    groups = re.findall(r"\d+", written)
    return ", ".join(grammar.digits(group) for group in groups)


def rules(grammar: Grammar) -> Iterator[Rule]:
    dot = grammar.web_signs.get(".", grammar.point)

    def ip(match: re.Match[str]) -> str | None:
        parts = match[0].split(".")
        is_grouped = re.fullmatch(grammar.notation.native, match[0])
        if is_grouped and any(int(part) > 255 or part != str(int(part)) for part in parts):
            return None  # with full stops between thousands, 1.000.000.000 is a number
        return f" {dot} ".join(map(grammar.digits, parts))

    def say(match: re.Match[str]) -> str | None:
        return say_groups(grammar, match[0]) if sum(map(str.isdigit, match[0])) >= MIN_DIGITS else None

    def say_named(match: re.Match[str]) -> str | None:
        number, start = match["number"], match.start("number") - match.start()
        if sum(map(str.isdigit, number)) < MIN_DIGITS:
            return None
        plus = f"{grammar.plus} " if number.startswith("+") else ""
        return match[0][:start] + plus + say_groups(grammar, number)

    yield Rule("address", IP, ip)
    yield Rule("telephone", NAMED, say_named)
    yield Rule("telephone", INTERNATIONAL, lambda match: f"{grammar.plus} {say_groups(grammar, match[0])}")
    yield Rule("telephone", BRACKETED, say)
    yield Rule("telephone", GROUPED, say)
    yield Rule("telephone", SPACED, say)
