"""Numbers that the TTS package cannot spell out: written so that it can.

It leaves numbers to the num2words library, which raises for very long ones in every language, for Czech ordinals and
for all of Hindi. Knows characters only.
"""

import re

from app.text.digits import spell_long_numbers

_CZECH_ORDINAL = re.compile(r"(\d)\.(?=\s|$)")
_HINDI_DIGITS = dict(zip("0123456789", ["शून्य", "एक", "दो", "तीन", "चार", "पाँच", "छह", "सात", "आठ", "नौ"], strict=True))
_HINDI_POINT = re.compile(r"(?<=\d)[.,](?=\d)")


def with_spellable_numbers(text: str, language: str) -> str:
    """Long numbers digit by digit; Hindi ones too, in words; Czech ones that end a sentence are no ordinals."""
    text = spell_long_numbers(text)
    if language == "cs":
        return _CZECH_ORDINAL.sub(r"\1 .", text)
    if language == "hi":
        text = _HINDI_POINT.sub(" दशमलव ", text)
        return " ".join(re.sub(r"\d", lambda match: f" {_HINDI_DIGITS[str(int(match[0]))]} ", text).split())
    return text
