"""Segment edges: the cases in which a plausible rule cuts or joins wrongly."""

import pytest

from app.text.cleaning import clean
from app.text.languages import LANGUAGES, XTTS_MAX_CHARS, default_language, match_language, max_chars
from app.text.segments import FIRST_CHARS, Boundary, split_segments


def cut(text: str, language: str = "en", max_chars: int = 250) -> list[str]:
    return [segment.text for segment in split_segments(text, language=language, max_chars=max_chars)]


@pytest.mark.parametrize(
    ("code", "language"),
    [
        ("en-US", "en"),
        ("EN_gb", "en"),
        ("zh", "zh-cn"),
        ("zh-hans", "zh-cn"),
        ("pt-BR", "pt"),
        (" Hi ", "hi"),
        ("English", "en"),
        ("german", "de"),
    ],
)
def test_names_that_callers_use_are_understood(code: str, language: str) -> None:
    assert match_language(code, tuple(LANGUAGES)) == language


@pytest.mark.parametrize("code", ["", "xx", "klingon", "e", "-en", "zh-cn-x,en"])
def test_an_unknown_language_matches_none(code: str) -> None:
    assert match_language(code, ("en", "de")) is None


@pytest.mark.parametrize(
    ("code", "language"),
    [
        ("vi", "vi"),
        ("VI_vn", "vi"),
        ("pt-BR", "pt-br"),
        ("pt-PT", "pt"),
        ("zh-TW", "zh-tw"),
        ("zh", None),
        ("fr", None),
    ],
)
def test_a_language_is_looked_for_among_those_of_the_engine(code: str, language: str | None) -> None:
    assert match_language(code, ("pt", "pt-br", "vi", "zh-tw")) == language


def test_who_names_no_language_gets_english_or_the_first_one() -> None:
    assert default_language(("vi", "en")) == "en"
    assert default_language(("vi", "de")) == "vi"


def test_a_language_of_a_fine_tune_has_a_limit() -> None:
    assert (max_chars("de"), max_chars("vi"), max_chars("zh-cn"), max_chars("yue")) == (253, 150, 82, 80)


def test_every_language_has_a_limit() -> None:
    assert XTTS_MAX_CHARS.keys() == LANGUAGES.keys()


@pytest.mark.parametrize(
    ("language", "text", "pieces"),
    [
        ("en", "I take vitamin C. Then I sleep well.", ["I take vitamin C.", "Then I sleep well."]),
        ("fr", "Le Dr. Martin voit M. Dupont ce soir.", ["Le Dr. Martin voit M. Dupont ce soir."]),
        ("pl", "Profesor i dr. Kowalski są w domu.", ["Profesor i dr. Kowalski są w domu."]),
        ("es", "Trae fruta, p. ej. manzanas, a la fiesta.", ["Trae fruta, p. ej. manzanas, a la fiesta."]),
        ("zh-cn", "你好。今天天气很好啊朋友。", ["你好。今天天气很好啊朋友。"]),
    ],
)
def test_sentences_end_where_a_reader_ends_them(language: str, text: str, pieces: list[str]) -> None:
    assert cut(text, language) == pieces


def test_a_long_paragraph_is_cut_at_its_sentences_throughout() -> None:
    sentence = "Here is one more plain sentence of the very same words."
    assert set(cut(" ".join([sentence] * 1000))) == {sentence}


def test_two_words_join_the_next_sentence() -> None:
    assert cut("Extraordinary nevertheless! We all went home.") == ["Extraordinary nevertheless! We all went home."]


def test_a_short_opening_takes_only_a_clause_of_a_long_sentence() -> None:
    rest = "I was wondering whether you, in spite of all that had happened, could still come to see me this very week."
    first, *others = split_segments(f"Hi. {rest}", language="en", max_chars=250)
    assert first.text == "Hi. I was wondering whether you, in spite of all that had happened,"
    assert len(first.text) <= FIRST_CHARS
    assert [first.boundary, *(segment.boundary for segment in others)] == [Boundary.CLAUSE, Boundary.PARAGRAPH]


def test_an_address_and_a_range_stay_whole_when_they_fit() -> None:
    pieces = cut("Look at http://a.bc/d,e;f,g:h from 1990–1995 at 3:30 with 1,000,000 others today", max_chars=30)
    for whole in ("http://a.bc/d,e;f,g:h", "1990–1995", "3:30", "1,000,000"):
        assert any(whole in piece for piece in pieces)


def test_a_closing_quote_stays_with_its_clause() -> None:
    assert not any(piece.startswith("”") for piece in cut("他说：“我们明天去公园，”" * 20, "zh-cn", 25))


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ('"Wait..." he said', '"Wait…" he said'),
        ("well...then", "well… then"),
        ("日本 \n 語です", "日本語です"),
        ("5㎏ ™ it´s 👍🏽", "5㎏ ™ it´s"),
    ],
)
def test_cleaning_leaves_alone_what_is_spoken(text: str, cleaned: str) -> None:
    assert clean(text) == cleaned
