"""Words as they are written, and the words that are said for them."""

import pytest

from app.asr.known_words import KnownWord, known_words


def shown(written: str, spoken: str, language: str = "en") -> list[tuple[str, str]]:
    return [(word.written, " ".join(word.spoken)) for word in known_words(written, spoken, language)]


def test_words_that_are_read_as_they_stand_are_paired_one_to_one() -> None:
    assert shown("The old Mill, again.", "the old mill, again.") == [
        ("The", "the"), ("old", "old"), ("Mill,", "mill,"), ("again.", "again."),
    ]  # fmt: skip


def test_a_number_has_all_the_words_that_are_said_for_it() -> None:
    assert shown("It costs $4.50 today.", "It costs four dollars fifty cents today.") == [
        ("It", "It"), ("costs", "costs"), ("$4.50", "four dollars fifty cents"), ("today.", "today."),
    ]  # fmt: skip


def test_written_words_that_are_read_together_are_one() -> None:
    assert shown("Run 10 km/h now", "Run ten kilometers per hour now")[1] == ("10 km/h", "ten kilometers per hour")


def test_as_many_words_said_as_written_are_paired_even_where_none_is_equal() -> None:
    assert shown("Dr. 7", "doctor seven") == [("Dr.", "doctor"), ("7", "seven")]


def test_signs_that_are_not_said_stay_with_a_neighbour_so_that_no_character_is_lost() -> None:
    words = known_words("— Yes 🙂 he said …", "Yes he said", "en")
    assert " ".join(word.written for word in words) == "— Yes 🙂 he said …"
    assert len(words) == 3


def test_words_that_are_said_and_not_written_belong_to_the_word_before() -> None:
    assert shown("one two", "one and two") == [("one", "one and"), ("two", "two")]


@pytest.mark.parametrize("written", ["", "   ", "… — !"])
def test_a_text_without_words_has_none(written: str) -> None:
    assert known_words(written, written, "en") == []


def test_in_a_language_without_spaces_each_character_is_a_word_with_the_mark_behind_it() -> None:
    assert shown("你好，世界。", "你好，世界。", "zh") == [
        ("你", "你"),
        ("好，", "好，"),
        ("世", "世"),
        ("界。", "界。"),
    ]


def test_only_a_word_that_is_said_otherwise_is_respelled() -> None:
    assert KnownWord("17", ("seventeen",)).is_respelled
    assert not KnownWord("Don’t", ("don't",)).is_respelled
    assert KnownWord("5 km", ("five", "kilometers")).num_letters == 14
