"""Digits as voices read them: numbers too long to be read as one, and digits that are not of a number's own kind."""

import re
import unicodedata

_LONG_NUMBER = re.compile(r"\d{16,}")


def spell_long_numbers(text: str) -> str:
    """Numbers of 16 digits and more with a space between their digits."""
    return _LONG_NUMBER.sub(lambda match: " ".join(match[0]), text)


def lower_digits(text: str) -> str:
    """Superscripts, subscripts and circled digits as plain ones: `x²` is `x 2`. They are digits, and no `int`."""
    return "".join(f" {unicodedata.digit(c)} " if c.isdigit() and not c.isdecimal() else c for c in text)
