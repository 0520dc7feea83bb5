"""Which differences between text and speech are tried."""

import pytest

from app.asr.edits import MAX_TRIED, PRIOR_OF_EXCESS, Candidate, candidates, without_negation
from app.asr.known_words import KnownWord

WORDS = ["she", "did", "not", "take", "the", "boat"]


def tried(
    unlikely: set[int] = frozenset(), long: set[int] = frozenset(), num_words: int = 6, **words: KnownWord
) -> list[Candidate]:
    known = [words.get(f"word{at}", KnownWord("word", ("word",))) for at in range(num_words)]
    return candidates(
        known,
        [0.001 if at in unlikely else 0.9 for at in range(num_words)],
        [0.5 if at in long else 0.0 for at in range(num_words)],
        [0.05] * num_words,
    )


def test_nothing_is_tried_where_every_word_is_likely_and_none_is_long() -> None:
    assert tried() == []


def test_an_unlikely_word_may_be_missing_or_stand_elsewhere() -> None:
    found = tried({2})
    assert Candidate("missing", 2, 2) in found
    assert Candidate("swapped", 1, 2) in found
    assert Candidate("swapped", 2, 3) in found
    assert not any(each.kind == "repeated" for each in found)


def test_a_run_of_unlikely_words_may_be_missing_as_a_whole_and_in_part() -> None:
    found = tried({2, 3})
    assert {Candidate("missing", 2, 3), Candidate("missing", 2, 2), Candidate("missing", 3, 3)} <= set(found)


def test_a_word_with_too_much_sound_may_follow_a_phrase_that_is_said_twice() -> None:
    found = tried(long={4})
    assert {each.kind for each in found} == {"repeated"}
    assert {(each.first, each.last) for each in found} >= {(3, 3), (2, 3), (0, 3), (4, 4), (1, 2)}


def test_more_sound_makes_a_repetition_likelier() -> None:
    words = [KnownWord("word", ("word",))] * 3
    [little] = {each.prior for each in candidates(words, [0.9] * 3, [0, 0.3, 0], [0.1] * 3)}
    [much] = {each.prior for each in candidates(words, [0.9] * 3, [0, 0.6, 0], [0.1] * 3)}
    assert 0 < little < much


def test_a_phrase_whose_second_sound_is_spread_over_later_words_may_end_before_an_unlikely_word() -> None:
    words = [KnownWord("word", ("word",))] * 6
    found = candidates(words, [0.9, 0.9, 0.9, 0.1, 0.9, 0.9], [0, 0, 0, 0.1, 0.1, 0.1], [0.1] * 6)
    assert {(each.first, each.last) for each in found if each.kind == "repeated"} == {(0, 2), (1, 2), (2, 2)}


def test_never_all_words_are_tried_as_missing() -> None:
    assert all(each.last - each.first + 1 < 2 for each in tried({0, 1}, num_words=2) if each.kind == "missing")
    assert tried({0}, num_words=1) == []


def test_a_long_text_that_is_unlike_its_speech_is_tried_in_a_bounded_number_of_ways() -> None:
    assert len(tried(set(range(60)), set(range(60)), num_words=60)) == MAX_TRIED


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (Candidate("missing", 2, 2), "she did take the boat"),
        (Candidate("repeated", 3, 5), "she did not take the boat take the boat"),
        (Candidate("swapped", 0, 1), "did she not take the boat"),
        (Candidate("missing", 1, 1, "had"), "she had not take the boat"),
    ],
)
def test_the_text_with_a_difference(edit: Candidate, said: str) -> None:
    assert edit.applied(WORDS, str) == said.split()


def test_differences_of_neighbouring_words_touch_each_other() -> None:
    assert Candidate("missing", 1, 2).touches(Candidate("swapped", 3, 4))
    assert not Candidate("missing", 1, 2).touches(Candidate("swapped", 4, 5))


@pytest.mark.parametrize(
    ("word", "rest"),
    [
        ("couldn't", "could"), ("Don’t", "Do"), ("can't", "can"), ("won't,", "will,"), ("cannot", "can"),
        ("n'est", "est"), ("knot", None), ("boat", None), ("don", None),
    ],
)  # fmt: skip
def test_the_rest_of_a_word_without_its_negation(word: str, rest: str | None) -> None:
    assert without_negation(word) == rest


def test_a_negation_inside_an_unlikely_word_may_be_missing_alone() -> None:
    word = KnownWord("couldn't", ("couldn't",))
    assert Candidate("missing", 1, 1, "could") in tried({1}, word1=word)
    assert tried(word1=word) == []


def test_a_word_of_a_number_and_a_part_of_a_compound_may_be_missing_or_said_twice() -> None:
    number = KnownWord("2009", ("two", "thousand", "nine"))
    assert Candidate("missing", 1, 1, "two thousand") in tried({1}, word1=number)
    assert "two thousand two thousand nine" in {each.said for each in tried(long={1}, word1=number)}
    compound = KnownWord("mother-in-law", ("mother-in-law",))
    assert Candidate("missing", 1, 1, "mother law") in tried({1}, word1=compound)


def test_a_phrase_near_several_words_with_too_much_sound_is_tried_once_with_the_most_sound() -> None:
    found = candidates([KnownWord("word", ("word",))] * 6, [0.9] * 6, [0.0, 0.0, 0.0, 0.5, 0.7, 0.0], [0.05] * 6)
    texts = [(each.kind, each.first, each.last, each.said) for each in found]
    assert len(texts) == len(set(texts))
    [repeated] = [each for each in found if (each.kind, each.first, each.last, each.said) == ("repeated", 3, 3, "")]
    assert repeated.prior == pytest.approx(0.7 * PRIOR_OF_EXCESS)


def test_the_marks_around_a_word_are_no_parts_of_it() -> None:
    assert all(each.said == "" for each in tried({2}, word2=KnownWord("'--but", ("'--but",))))
    assert Candidate("missing", 2, 2, said="half") in tried({2}, word2=KnownWord("--half-moon", ("--half-moon",)))
