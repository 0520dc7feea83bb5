"""Written text to spoken words: `27,50 €` to `siebenundzwanzig Euro fünfzig Cent`.

Number words, names of units, currencies and months come from CLDR; each language adds its grammar in `languages/`,
loaded when first asked for. Any thread.
"""

import re
from functools import cache
from importlib import import_module

import msgspec

from app.text.languages import canonical_language
from app.text.normalization.characters import plain_characters
from app.text.normalization.grammar import Grammar
from app.text.normalization.rule import Change, Rule, apply_rules

MODULES = {
    "en": "english", "es": "spanish", "fr": "french", "de": "german", "it": "italian", "pt": "portuguese",
    "pl": "polish", "tr": "turkish", "ru": "russian", "nl": "dutch", "cs": "czech", "ar": "arabic", "zh-cn": "chinese",
    "hu": "hungarian", "ko": "korean", "ja": "japanese", "hi": "hindi",
}  # fmt: skip
"""Language -> module in `languages`. Others are left as they are written."""
_BLANKS = re.compile(r" {2,}")
# French writes a blank before the other marks.
_BLANK_BEFORE_MARK = re.compile(r" +(?=[,.](?:\s|$))")


class Normalized(msgspec.Struct, frozen=True):
    text: str
    changes: tuple[Change, ...] = ()


class Normalizer:
    def __init__(self, grammar: Grammar, rules: tuple[Rule, ...]) -> None:
        self.grammar = grammar
        self._rules = rules

    def __call__(self, text: str) -> Normalized:
        plain = plain_characters(text, keep_full_width_punctuation=self.grammar.unspaced)
        spoken, changes = apply_rules(plain, self._rules)
        spoken = _BLANK_BEFORE_MARK.sub("", _BLANKS.sub(" ", spoken)).strip()
        return Normalized(spoken, tuple(changes))


@cache
def normalizer(language: str) -> Normalizer | None:
    """The normalizer of a language, that of `pt` for `pt-br`; None where there is none."""
    name = MODULES.get(language) or MODULES.get(canonical_language(language.partition("-")[0]))
    if name is None:
        return None
    module = import_module(f"app.text.normalization.languages.{name}")
    return Normalizer(module.GRAMMAR, tuple(module.rules()))


class Abbreviations(msgspec.Struct, frozen=True):
    """Words with a full stop that ends no sentence. Empty for a language without a grammar."""

    anywhere: frozenset[str] = frozenset()
    """such as `Dr.`"""
    opening: frozenset[str] = frozenset()
    """where they begin a sentence, such as `Approx.`"""
    numbered: frozenset[str] = frozenset()
    """before a number, such as `p.`"""


@cache
def abbreviations(language: str) -> Abbreviations:
    found = normalizer(language)
    if found is None:
        return Abbreviations()
    grammar = found.grammar
    return Abbreviations(
        frozenset(grammar.abbreviations),
        frozenset(grammar.opening_abbreviations),
        frozenset(grammar.numbered_abbreviations),
    )


def normalize(text: str, language: str) -> Normalized:
    """The spoken form of `text`, in letters, marks and punctuation."""
    found = normalizer(language)
    return Normalized(text) if found is None else found(text)


def spoken(text: str, language: str) -> str:
    return normalize(text, language).text
