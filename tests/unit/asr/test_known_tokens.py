"""Texts as the model may write them."""

import pytest

from app.asr.known_tokens import as_transcribed, flat, rare_words, tokens_of
from app.asr.known_words import known_words
from tests.support.fake_network import FakeNetwork


def forms(written: str, spoken: str = "", language: str = "en") -> tuple[str, str]:
    known = tokens_of(FakeNetwork(), known_words(written, spoken or written, language), language)
    first, second = ("".join(map(chr, flat(form, known.end))) for form in (known.written, known.spoken))
    return first, second


@pytest.mark.parametrize(
    ("word", "heard"),
    [
        ("stupid),", "stupid,"), ("'and", "and"), ("(when", "when"), ("conversations?'", "conversations?"),
        ("that;", "that,"), ("do:", "do,"), ("— Alice", "Alice"), ("Alice —", "Alice"), ("“Oh!”", "Oh!"),
        ("couldn't", "couldn't"), ("daisy-chain", "daisy-chain"), ("50%", "50%"), ("&", "&"), ("$4.50", "$4.50"),
        ("«bateau»", "bateau"), ("去。", "去。"), ("…", "…"), ("", ""),
    ],
)  # fmt: skip
def test_marks_that_nobody_hears_are_left_out_and_one_pause_stays(word: str, heard: str) -> None:
    assert as_transcribed(word) == heard


def test_a_compound_is_also_read_as_its_parts() -> None:
    assert forms("Her half-open pocket-watch.") == (" Her half-open pocket-watch.", " Her half open pocket watch.")


@pytest.mark.parametrize("dash", ["--", "—", "–"])
def test_words_that_a_dash_joins_are_also_read_apart(dash: str) -> None:
    assert forms(f"The right distance{dash}but then.")[1] == " The right distance but then."


def test_words_in_capitals_are_also_read_in_small_letters() -> None:
    assert forms("so VERY late, I say") == (" so VERY late, I say.", " so very late, I say.")


def test_a_text_that_is_read_as_it_stands_has_one_form() -> None:
    written, spoken = forms("'Oh dear!' she said (twice).")
    assert written == spoken == " Oh dear! she said twice."


def test_a_number_at_the_end_has_its_mark_once_in_either_form() -> None:
    assert forms("We saw 27!'", "We saw twenty seven!") == (" We saw 27!", " We saw twenty seven!")


@pytest.mark.parametrize(
    ("text", "language", "rare"),
    [
        ("We saw Caoimhe, Niamh's 17 aunts.", "en", ["We", "Caoimhe,", "Niamh's"]),
        ("the Gate is “Shut”", "en", ["Gate", "“Shut”"]),
        ("我们去", "zh", ["我", "们", "去"]),
    ],
)
def test_rare_words_are_names_of_several_tokens(text: str, language: str, rare: list[str]) -> None:
    words = known_words(text, text, language)
    assert [words[at].written for at in sorted(rare_words(FakeNetwork(), words, language))] == rare
