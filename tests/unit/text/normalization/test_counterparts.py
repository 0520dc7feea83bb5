"""Every letter and digit of a text has a counterpart in its spoken form: another one in its place is heard."""

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.text.normalization import MODULES, spoken
from tests.unit.text.normalization.written import table, texts

FOREIGN = "ŧ"
"""A letter of none of the languages."""


def other(char: str) -> str | None:
    """Another digit for a digit, another letter for a letter, None for what is neither."""
    if char.isdecimal():
        return str((unicodedata.decimal(char) + 1) % 10)
    return FOREIGN if char.isalpha() else None


def lost(text: str, language: str) -> list[int]:
    """Places of the letters and digits that can be others without a difference in the spoken form."""
    said = spoken(text, language)
    changed = [(at, other(char)) for at, char in enumerate(text)]
    return [at for at, char in changed if char and spoken(text[:at] + char + text[at + 1 :], language) == said]


@pytest.mark.parametrize("language", MODULES)
def test_every_letter_and_digit_of_the_table_is_heard(language: str) -> None:
    for written in table(language):
        assert not lost(written, language), written


@pytest.mark.slow
@pytest.mark.parametrize("language", MODULES)
def test_every_letter_and_digit_is_heard_wherever_the_forms_stand(language: str) -> None:
    @settings(max_examples=100, derandomize=True, deadline=None)
    @given(texts(language), st.data())
    def holds(text: str, data: st.DataObject) -> None:
        said = spoken(text, language)
        places = [at for at, char in enumerate(text) if other(char)]
        assert not any(char.isdigit() for char in said)
        if places:
            at = data.draw(st.sampled_from(places))
            assert spoken(f"{text[:at]}{other(text[at])}{text[at + 1 :]}", language) != said, (text, at)

    holds()


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("hi", "https://hi.wikipedia.org/wiki/हिन्दी"),
        ("it", "⅐x@y.com"),
        ("nl", "www.m²Uhr"),
        ("ru", "Agent 007"),
        ("en", "a@½b.com"),
        ("de", "12,000,5"),
    ],
)
def test_signs_and_marks_of_letters_inside_an_address_hide_none_of_its_letters(language: str, text: str) -> None:
    assert not lost(text, language)
