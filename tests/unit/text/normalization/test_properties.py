"""Properties that hold in every language, for any text."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from app.text.normalization import MODULES, normalizer, spoken
from app.text.normalization.characters import plain_characters
from tests.unit.text.normalization.written import SIGNS, table

LANGUAGES = st.sampled_from(sorted(MODULES))
PIECES = st.one_of(
    st.text("0123456789", min_size=1, max_size=6),
    st.sampled_from(list(SIGNS)),
    st.sampled_from(
        [
            "12",
            "3.",
            "1st",
            "IV",
            "XX.",
            "km",
            "kg",
            "m²",
            "Kč",
            "TL",
            "zł",
            "p.m.",
            "Uhr",
            "e",
            "ª",
            "º",
            "www.",
            "a.b",
        ]
    ),
    st.sampled_from(
        ["٢٥", "२५", "１２", "②", "₂", "²", "⅐", "Ⅻ", "𝟙", "月", "年", "원", "号", "Mai", "мая", "май", "Март", "ocak"]
    ),
    st.sampled_from([" ", " ", " ", "\u00a0", "\u202f", "\n"]),
    st.text(st.characters(codec="utf-8", categories=("L", "M", "N", "P", "S", "Zs")), max_size=4),
)
TEXTS = st.lists(PIECES, max_size=12).map("".join)


@st.composite
def written_texts(draw: st.DrawFn) -> tuple[str, str]:
    """A language and a text of up to five written forms from its table, with commas between them."""
    language = draw(LANGUAGES)
    return language, ", ".join(draw(st.lists(st.sampled_from(table(language)), min_size=1, max_size=5)))


@settings(max_examples=400, deadline=None)
@given(LANGUAGES, TEXTS)
@example("hu", "1 Ft")
@example("fr", "Le livre 12,50 €")
def test_no_digit_is_left_and_nothing_raises(language: str, text: str) -> None:
    assert not [char for char in spoken(text, language) if char.isdigit()]


@settings(max_examples=300, deadline=None)
@given(written_texts())
def test_normalizing_twice_changes_nothing_more(drawn: tuple[str, str]) -> None:
    language, text = drawn
    once = spoken(text, language)
    assert spoken(once, language) == once


@settings(max_examples=300, deadline=None)
@given(LANGUAGES, st.text(st.characters(categories=("Lo", "Mn")), max_size=40))
@example("zh-cn", "\ufd3c")  # a letter with a vowel sign, in one character
def test_letters_of_any_script_are_kept(language: str, text: str) -> None:
    plain = plain_characters(text)
    assert spoken(text, language) == plain.strip()


@settings(max_examples=200, deadline=None)
@given(LANGUAGES, TEXTS)
def test_changes_tell_what_was_written_and_what_is_said(language: str, text: str) -> None:
    normalize = normalizer(language)
    assert normalize is not None
    result = normalize(text)
    assert all(change.kind and change.written != change.spoken for change in result.changes)
    if not result.changes:
        assert [c for c in result.text if not c.isspace()] == [c for c in plain_characters(text) if not c.isspace()]


RUNS = (
    "1.", "1,", "1-", "1:", "1/", "a/", "a-", "a.", "*", "@.", "a@", "1 ", "1x", "$1", "1'", "A.", "IV ", "°",
    "(1", "+1 ",
    "a b ", "€ ", "1–", "a_", "0", "9", "1 1/", "-1", "a1", "Ab ",
    "000.", "^2", "2^", "p. ", "na ul. ", "в г. ", "Mo. 5. ", "Mme. ", "etc. ", "½", "हि",
    "a@हि.com ", "http://½", "1\u202f000",
    "5‰", "1.5 €", "[1-2] ",
)  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("language", MODULES)
@pytest.mark.timeout(60)
def test_long_runs_of_signs_and_figures_are_read_to_their_end(language: str) -> None:
    """A pattern that backtracks takes minutes for these, and the time limit names it."""
    for run in RUNS:
        said = spoken((run * 6_000)[:6_000], language)
        assert not any(char.isdecimal() for char in said), run


@pytest.mark.parametrize("language", MODULES)
def test_numbers_longer_than_an_int_may_be_are_read_digit_by_digit(language: str) -> None:
    for text in (
        "7" * 5_000,
        "7" * 5_000 + " km",
        "$" + "7" * 5_000,
        "7," * 2_500 + "7",
        "3." + "7" * 5_000,
        "7" * 5_000 + "/7",
    ):
        assert not any(map(str.isdigit, spoken(text, language)))
