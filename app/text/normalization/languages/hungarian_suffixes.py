"""Hungarian suffixes behind a hyphen: `25%-kal` is `huszonöt százalékkal`, `tv.-t` is `törvényt`, `6-ig` is `hatig`."""

import re
from collections.abc import Iterator

from app.text.normalization.grammar import Grammar
from app.text.normalization.quantities import CURRENCY_CODES, UNITS
from app.text.normalization.rule import Rule

_NUMBERS = (
    "nulla egy kettő három négy öt hat hét nyolc kilenc tíz húsz harminc negyven ötven hatvan hetven nyolcvan kilencven száz "
    "ezer millió milliárd tized század ezred"
)
_DIGITS = tuple(_NUMBERS.split())
"""Beginnings of number words. Behind a hyphen they continue a number, as in `kettőezer-öt`, and are no suffix."""
_SHORT = {"három": "hárm", "ezer": "ezr", "hét": "het", "kettő": "kett", "főnév": "főnev"}
"""Stems before a vowel, but for `ért`, `ig` and `i`."""
_LONG = {"a": "á", "e": "é"}
_DIGRAPHS = ("cs", "gy", "ly", "ny", "sz", "ty", "zs")
_TAKES_T = re.compile(r"(?:[aáeéiíoóöőuúüűjlnrsz]|ly|ny|zs|sz)$")
"""Ends of words that the `t` of the object follows without a vowel."""


def with_suffix(word: str, suffix: str) -> str:
    """The word and its suffix in one."""
    begins_with_vowel = suffix[0] in "aáeéiíoóöőuúüű"
    stem = next((stem for stem in _SHORT if word.endswith(stem)), "")
    if begins_with_vowel and stem and suffix not in ("ért", "ig", "i"):
        return word.removesuffix(stem) + _SHORT[stem] + suffix
    if suffix == "t" and not _TAKES_T.search(word):
        vowels = re.findall("[aáeéiíoóöőuúüű]", word) or ["e"]
        return word + ("o" if vowels[-1] in "aáoóuú" else "ö" if vowels[-1] in "öőüű" else "e") + suffix
    if word[-2:] in _DIGRAPHS and suffix.startswith(word[-2:]):
        return word[:-1] + suffix
    return word[:-1] + _LONG.get(word[-1], word[-1]) + suffix


def rules(grammar: Grammar) -> Iterator[Rule]:
    """For words that the other rules have said; they run last."""
    named = [grammar.unit_name(key) or "" for key in UNITS.values()] + list(grammar.abbreviations.values())
    named += [grammar.currency(code, grammar.parse("1")) for code in CURRENCY_CODES]
    named += [word for word, _ in grammar.subunit_words.values()] + [*grammar.magnitudes.values(), *_NUMBERS.split()]
    words = tuple({name.split()[-1] for name in named if name.strip()} | {"százalék"})
    pattern = re.compile(r"(?<!\w)(?P<word>[^\W\d_]{1,80})-(?P<suffix>[a-záéíóöőúüű]{1,8})(?!\w)")

    def say(match: re.Match[str]) -> str | None:
        if match["suffix"].startswith(_DIGITS) or not match["word"].endswith(words):
            return None
        return with_suffix(match["word"], match["suffix"])

    yield Rule("suffix", pattern, say)
