"""Numbers too long for any voice to read as one: digit by digit."""

import re

_LONG_NUMBER = re.compile(r"\d{16,}")


def spell_long_numbers(text: str) -> str:
    """Numbers of 16 digits and more with a space between their digits."""
    return _LONG_NUMBER.sub(lambda match: " ".join(match[0]), text)
