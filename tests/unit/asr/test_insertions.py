"""Words that a transcript has more than the known text."""

import pytest

from app.asr.edits import Candidate
from app.asr.insertions import MAX_INSERTED, MAX_PLACES, insertions, may_have_more
from app.asr.known_words import known_words

TEXT = "She did take the boat."


def more_in(transcript: str, written: str = TEXT, spoken: str = "", language: str = "en") -> list[Candidate]:
    return insertions(known_words(written, spoken or written, language), transcript, language)


def test_a_word_between_two_words_of_the_text_is_tried_in_its_place() -> None:
    [found] = more_in("She did not take the boat.")
    assert found == Candidate("inserted", 2, 1, said="not")
    assert found.applied(TEXT.split(), str) == ["She", "did", "not", "take", "the", "boat."]


def test_a_word_in_front_of_the_text_is_tried_and_words_behind_it_are_not() -> None:
    assert more_in("And she did take the boat.") == [Candidate("inserted", 0, -1, said="And")]
    assert more_in("She did take the boat. Take the boat.") == []


@pytest.mark.parametrize(
    "transcript", ["She did take the boat.", "she did take the boat", "She did take the goat.", "Shi did take the boat"]
)
def test_a_transcript_with_as_many_words_has_none_more(transcript: str) -> None:
    assert more_in(transcript) == []


def test_words_before_or_behind_a_word_that_is_spelt_in_another_way_are_tried() -> None:
    assert more_in("It is of her not neighbors dog.", "It is of her neighbour's dog.") == [
        Candidate("inserted", 4, 3, said="not")
    ]
    assert more_in("It is of her neighbors not dog.", "It is of her neighbour's dog.") == [
        Candidate("inserted", 5, 4, said="not")
    ]


def test_a_name_that_is_heard_as_several_words_is_no_insertion_where_with_one_of_them_it_is_less_like_it() -> None:
    assert more_in("All away soon and a D's meet.", "Oluwaseun and Adaeze meet.") == []


def test_a_name_that_is_heard_as_many_words_is_no_insertion() -> None:
    assert more_in("Mr. Oh con que ho has gone.", "Mr. Okonkwo has gone.") == []


@pytest.mark.parametrize("transcript", ["We saw 27 boats.", "We saw twenty seven boats.", "We saw twenty-seven boats."])
def test_a_number_may_be_transcribed_in_either_form(transcript: str) -> None:
    assert more_in(transcript, "We saw 27 boats.", "We saw twenty seven boats.") == []


def test_nothing_is_tried_inside_a_number() -> None:
    assert more_in("We saw twenty big seven boats.", "We saw 27 boats.", "We saw twenty seven boats.") == []


@pytest.mark.parametrize(
    ("transcript", "first", "last"), [("She did take take the boat.", 2, 2), ("She did she did take the boat.", 0, 1)]
)
def test_words_that_are_heard_twice_are_a_repetition(transcript: str, first: int, last: int) -> None:
    [found] = more_in(transcript)
    assert (found.kind, found.first, found.last, found.said) == ("repeated", first, last, "")


def test_a_word_that_is_heard_in_its_negated_form_is_tried_in_this_form() -> None:
    [found] = more_in("She didn't take the boat.")
    assert found == Candidate("inserted", 1, 1, said="didn't")
    assert found.applied(TEXT.split(), str) == ["She", "didn't", "take", "the", "boat."]


def test_more_words_than_a_slip_of_the_tongue_are_not_tried() -> None:
    assert more_in(f"She did {'so ' * MAX_INSERTED} take the boat.")
    assert more_in(f"She did {'so ' * (MAX_INSERTED + 1)} take the boat.") == []


def test_a_transcript_that_is_quite_unlike_is_tried_in_a_bounded_number_of_places() -> None:
    text = " ".join(f"word{number}" for number in range(40))
    assert len(more_in(text.replace(" ", " so "), text)) == MAX_PLACES


def test_characters_are_words_in_a_language_without_spaces() -> None:
    assert more_in("我不去学校", "我去学校", language="zh") == [Candidate("inserted", 1, 0, said="不")]


@pytest.mark.parametrize(("probabilities", "expected"), [([0.9, 0.3], False), ([0.9, 0.2], True)])
def test_a_transcript_is_made_where_a_word_is_unlikely(probabilities: list[float], expected: bool) -> None:
    assert may_have_more(probabilities) == expected
