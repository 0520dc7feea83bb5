"""Cleaning: removes characters that cannot be spoken and keeps all others."""

import re
import unicodedata

PARAGRAPH_BREAK = "\n\n"

_PARAGRAPHS = re.compile(r"\n[^\S\n]*(?:\n[^\S\n]*)+")
_KEYCAP = re.compile("([0-9#*])\ufe0f?\u20e3")
_REPEATED = re.compile(r"([!?。！？،؟,;])\1+")
_DOTS = re.compile(r"\.{3,}|…+|(?:\. ){3,}|。{2,}")
# "well...then" is two words; a closing quote stays where it is, and Chinese has no spaces.
_WORD_AFTER_DOTS = re.compile(r"(?<=…)(?=[^\W\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff])")
_CJK = r"\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\u3000-\u303f\uff00-\uffef"
_BREAK_IN_CJK = re.compile(rf"(?<=[{_CJK}])[^\S\n]*\n[^\S\n]*(?=[{_CJK}])")
_JOINERS = "\u200c\u200d"  # they shape Persian and Indic words
# read aloud, although Unicode files them under So (other symbol)
_SPOKEN_SYMBOLS = frozenset("°©®")

_SIGN_CATEGORIES = frozenset(("Sc", "Sm", "So"))
_SPOKEN_PUNCTUATION = frozenset("%‰&@#§¶")
_SENTENCE_MARKS = frozenset(".,;:!?…。！？，、।؟،؛'\"“”„‘’‚«»‹›「」『』()[]{}（） ")
"""A wrapped line may begin or end with these, so a line of them alone is no row of signs."""


def clean(text: str) -> str:
    """Text in NFC with one space between words and an empty line between paragraphs.

    Removed: control, format and private characters, lone surrogates, emoji, and rows of signs, such as `* * *`, which
    leave the end of a paragraph. Kept: letters, marks, digits, punctuation, currency and mathematical signs. A text of
    signs alone keeps those that can be read aloud, such as `%`. Cleaning is idempotent.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\u2028", "\n").replace("\u2029", "\n\n")
    text = _KEYCAP.sub(r"\1", text)
    text = "".join(_keep(text))
    # After the removal, because composing may join new neighbours.
    text = unicodedata.normalize("NFC", text)
    has_words = any(map(str.isalnum, text))
    if has_words:
        text = "\n".join("" if _is_row_of_signs(line) else line for line in text.split("\n"))
    paragraphs = (_clean_paragraph(paragraph) for paragraph in _PARAGRAPHS.split(text))
    is_kept = str.isalnum if has_words else _is_spoken_sign
    return PARAGRAPH_BREAK.join(paragraph for paragraph in paragraphs if any(map(is_kept, paragraph)))


def _is_row_of_signs(line: str) -> bool:
    return not any(map(str.isalnum, line)) and not _SENTENCE_MARKS.issuperset(line)


def _is_spoken_sign(char: str) -> bool:
    return unicodedata.category(char) in _SIGN_CATEGORIES or char in _SPOKEN_PUNCTUATION


def _is_read_aloud(symbol: str) -> bool:
    """Also symbols that stand for letters: ㎏ ™ № ℃."""
    return symbol in _SPOKEN_SYMBOLS or any(map(str.isalnum, unicodedata.normalize("NFKC", symbol)))


def _keep(text: str) -> list[str]:
    kept: list[str] = []
    for char in text:
        category = unicodedata.category(char)
        if char in " \n":
            kept.append(char)
        elif category in ("Zs", "Zl", "Zp") or char in "\t\v\f\x85":
            kept.append(" ")
        elif char in _JOINERS:
            if kept and unicodedata.category(kept[-1])[0] in "LM":
                kept.append(char)
        elif category[0] == "C" or "\ufe00" <= char <= "\ufe0f" or char == "\u20e3":
            continue
        elif (category == "So" and not _is_read_aloud(char)) or "\U0001f3fb" <= char <= "\U0001f3ff":
            kept.append(" ")  # an emoji between two words parts them
        else:
            kept.append(char)
    return kept


def _clean_paragraph(paragraph: str) -> str:
    paragraph = _BREAK_IN_CJK.sub("", paragraph.strip())
    paragraph = " ".join(paragraph.split())
    # Runs of marks make speech models babble.
    return _REPEATED.sub(r"\1", _WORD_AFTER_DOTS.sub(" ", _DOTS.sub("…", paragraph)))
