"""Variants of characters to the plain ones that the rules know: digits of all scripts, full-width and styled letters,
ligatures, typographic signs.
"""

import re
import unicodedata

_SPACES = re.compile("[\u00a0\u2000-\u200a\u202f\u205f]")
# Spaces that do not break a line stand between digits only as separators of thousands, in every language.
_GROUPS = re.compile("(?<=[0-9])(?<![0-9]{4})[\u00a0\u2009\u202f](?=[0-9]{3}(?![0-9]))")
_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿ", "0123456789+-n")
_SUBSCRIPTS = str.maketrans("₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎", "0123456789+-=()")
_EXPONENT = re.compile("(?<=[0-9A-Za-zА-я\u0370-\u03ff)])([⁺⁻]?[⁰¹²³⁴⁵⁶⁷⁸⁹ⁿ]+)")
_SUBSCRIPT = re.compile("[\u2080-\u208e]+")
_UNIT_EXPONENT = re.compile("(?<=m|t)[²³](?![⁰¹²³⁴⁵⁶⁷⁸⁹])")
_SIGNS = str.maketrans(
    {"−": "-", "‐": "-", "‑": "-", "﹣": "-", "⁄": "/", "∕": "/", "’": "'", "ʼ": "'", "˚": "°", "º": "º"}
)
# ` and ´, in the order in which they are tried: behind the last vowel of a word that no such sign opens, between
# letters, behind a number, between other characters of words.
_TYPED_ACCENT = re.compile(
    r"(?<![\w`´'’])(?P<start>(?:[^\W\d_]{1,5}[`´'’])?[^\W\d_]{0,40})(?P<vowel>[aeiouAEIOU])(?P<sign>[`´])(?![\w`´])"
)
_TYPED_APOSTROPHE = re.compile(r"(?<=[^\W\d_])[`´](?=[^\W\d_])")
_TYPED_SECONDS = re.compile(r"(?<=\d)´´")
_TYPED_MINUTES = re.compile(r"(?<=\d)´")
_TYPED_BETWEEN = re.compile(r"(?<=\w)[`´]+(?=\w)")
_ACCENTS = {"`": "\u0300", "´": "\u0301"}
_TYPED = {"->": "→", "-->": "→", "=>": "→", ">=": "≥", "<=": "≤", "!=": "≠", "==": "="}
"""Signs that are typed with two or three others, between blanks or operands."""
_TYPED_SIGN = re.compile(r"(?<![-=<>!+*/])(?:-?->|=>|>=|<=|!=|==)(?![-=<>])")
_KEPT = frozenset("…²³½¼¾⅓⅔⅕⅖⅗⅘⅙⅚⅐⅛⅜⅝⅞⅑⅒ªº™℃℉№")
"""NFKC would turn them into something that reads otherwise."""
_COMPATIBLE = re.compile(
    "[\uff01-\uff5e\ufb00-\ufb06\ufb13-\ufb17\U0001d400-\U0001d7ff\u2100-\u214f\u2460-\u24ff\u3300-\u33ff"
    "\ufb50-\ufdff\ufe70-\ufefc\u2150-\u218f\u0132\u0133\u01c4-\u01cc\uffe0-\uffe6\U0001f100-\U0001f1ff]"
)


def plain_characters(text: str, *, keep_full_width_punctuation: bool = False) -> str:
    """Digits of every script as 0 to 9; full-width, styled, circled and ligature letters as plain ones.

    `keep_full_width_punctuation` is for Chinese and Japanese, where `，` and `。` are ordinary. Exponents become `^`
    and digits, except those of units (`m²`).
    """
    text = _SPACES.sub(" ", _GROUPS.sub("", text)).translate(_SIGNS)
    if "`" in text or "´" in text:
        text = _without_typed_marks(text)
    text = _TYPED_SIGN.sub(lambda match: _TYPED[match[0]], text)

    def plain(match: re.Match[str]) -> str:
        char = match[0]
        normal = unicodedata.normalize("NFKC", char)
        is_word = all(part.isalnum() or unicodedata.combining(part) for part in normal)
        is_kept = char in _KEPT or (keep_full_width_punctuation and not is_word)
        return char if is_kept else normal

    text = _COMPATIBLE.sub(plain, text)
    text = _EXPONENT.sub(_exponent, text)
    if text.isascii():
        return text
    text = _SUBSCRIPT.sub(lambda match: match[0].translate(_SUBSCRIPTS), text)
    return "".join(_plain_digit(char) if char.isdigit() and not char.isascii() else char for char in text)


def _without_typed_marks(text: str) -> str:
    """` and ´ as the accent, the apostrophe, the prime or the quotation mark for which they are typed."""
    text = _TYPED_ACCENT.sub(
        lambda match: match["start"] + unicodedata.normalize("NFC", match["vowel"] + _ACCENTS[match["sign"]]), text
    )
    text = _TYPED_APOSTROPHE.sub("'", text)
    text = _TYPED_MINUTES.sub("'", _TYPED_SECONDS.sub('"', text))
    return _TYPED_BETWEEN.sub(" ", text).replace("`", "").replace("´", "")


def _plain_digit(char: str) -> str:
    """0 to 9 for a digit of any script; spaces around one that is a sign of its own, such as `❷`.

    `²` and `³` stay behind a unit.
    """
    if char.isdecimal():
        return str(unicodedata.decimal(char))
    return char if char in "²³" else f" {unicodedata.digit(char)} "


def _exponent(match: re.Match[str]) -> str:
    if match[0] in "²³" and _UNIT_EXPONENT.match(match.string, match.start()):
        return match[0]
    return "^" + match[0].translate(_SUPERSCRIPTS)
