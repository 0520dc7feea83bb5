"""The tables of the languages: complete, and free of what the rules would have to say again."""

import re
from collections.abc import Iterator

import pytest

from app.text.normalization import MODULES, normalizer
from app.text.normalization.grammar import Grammar
from app.text.normalization.quantities import UNITS

SIGNS = set("&@#%=≠≈≤≥±×÷√∞→°§©®™$€£¥№^+")
WEB_SIGNS = set("./-_:@?=&")


def grammar(language: str) -> Grammar:
    found = normalizer(language)
    assert found is not None
    return found.grammar


def words(of: Grammar) -> Iterator[str]:
    """All words that the tables hold."""
    for table in (of.signs, of.web_signs, of.operators, of.abbreviations, of.magnitudes, of.rates, of.letters):
        yield from table.values()
    for pairs in (of.unit_words, of.currency_words, of.subunit_words):
        for pair in pairs.values():
            yield from pair
    yield from (of.minus, of.plus, of.point, of.per, of.and_, of.by, of.percent_pattern.replace("{0}", ""))


@pytest.mark.parametrize("language", MODULES)
def test_every_language_reads_the_same_signs(language: str) -> None:
    assert grammar(language).signs.keys() >= SIGNS
    assert grammar(language).web_signs.keys() >= WEB_SIGNS
    assert grammar(language).operators.keys() == set("*<>")


@pytest.mark.parametrize("language", MODULES)
def test_no_table_holds_a_digit_or_a_sign(language: str) -> None:
    assert not [word for word in words(grammar(language)) if re.search(r"[\d&@#%=<>*$€£¥°^+_/\\]", word)]


@pytest.mark.parametrize("language", MODULES)
def test_an_abbreviation_is_read_as_something_else_without_its_full_stop(language: str) -> None:
    for written, said in grammar(language).abbreviations.items():
        assert said.strip() and said != written and not said.endswith(".")


@pytest.mark.parametrize("language", sorted(set(MODULES) - {"en"}))
def test_no_language_is_left_with_the_english_words(language: str) -> None:
    english, other = grammar("en"), grammar(language)
    assert other.minus != english.minus or language in ("de", "cs", "pl", "nl")
    assert other.percent_pattern != english.percent_pattern
    assert other.and_ != english.and_


@pytest.mark.parametrize("language", MODULES)
def test_the_signs_of_amounts_have_a_name(language: str) -> None:
    of = grammar(language)
    for code in ("USD", "EUR", "GBP", "JPY"):
        assert of.currency(code, of.parse("2")) != code
    for symbol, key in of.units.items():
        assert of.unit_name(key), symbol


@pytest.mark.parametrize("language", MODULES)
def test_every_unit_has_a_name_without_figures_and_signs(language: str) -> None:
    of = grammar(language)
    for symbol, key in (UNITS | of.units).items():
        name = of.percent(of.parse("5")) if key == "concentr-percent" else of.unit_name(key, 5)
        assert name and not re.search(r"[\d/%‰²³°.]", name), symbol
