"""Words that a transcript has in another spelling are not missing."""

import numpy as np
import pytest

from app.asr.edits import Candidate
from app.asr.known_words import known_words
from app.asr.placing import WordSounds
from app.asr.respelled import without_respelled

TEXT = "Chukwuemeka never boasts about medals."
NAME, NEGATION = Candidate("missing", 0, 0), Candidate("missing", 1, 1)


def kept(
    edit: Candidate, transcript: str, *, text: str = TEXT, spoken: str = "", silent: int = -1, slow: int = -1
) -> bool:
    return bool(checked(edit, transcript, text=text, spoken=spoken, silent=silent, slow=slow))


def checked(
    edit: Candidate, transcript: str, *, text: str = TEXT, spoken: str = "", silent: int = -1, slow: int = -1
) -> list[Candidate]:
    """Each letter of the text has 0.1 s of sound, those of the word `silent` have none, those of `slow` 0.25 s."""
    words = known_words(text, spoken or text, "en")
    letters_s = [0.0 if at == silent else 0.25 if at == slow else 0.1 for at in range(len(words))]
    ends_s = np.cumsum([0.0, *(each_s * word.num_letters for each_s, word in zip(letters_s, words, strict=True))])
    noise = np.random.default_rng(1).normal(0, 0.1, round(16_000 * (ends_s[-1] + 0.06))).astype(np.float32)
    return without_respelled([edit], words, WordSounds(words, ends_s.tolist(), noise), transcript, "en")


@pytest.mark.parametrize("heard", ["Chuck when Mecca", "Chickamecca", "Chukwuemeka"])
def test_a_name_in_another_spelling_is_not_missing(heard: str) -> None:
    assert not kept(NAME, f"{heard} never boasts about medals.")


@pytest.mark.parametrize("transcript", ["Never boasts about medals.", "", "It never boasts about medals."])
def test_a_name_that_the_transcript_does_not_have_may_be_missing(transcript: str) -> None:
    assert kept(NAME, transcript)


@pytest.mark.parametrize("heard", ["Chickamecca", "Chuck when Mecca", "Chukwuemekas"])
def test_a_word_beside_a_name_in_another_spelling_may_be_missing(heard: str) -> None:
    assert kept(NEGATION, f"{heard} boasts about medals.")


def test_a_short_word_beside_a_longer_form_of_its_neighbour_may_be_missing() -> None:
    assert kept(NAME, "Passengers may stand.", text="No passenger may stand.")


def test_a_text_that_is_quite_unlike_is_not_compared_by_its_letters() -> None:
    assert kept(Candidate("missing", 3, 3), "b" * 70, text=" ".join(["wide"] * 20))


def test_a_word_without_sound_may_be_missing_even_where_the_transcript_has_it() -> None:
    assert kept(NEGATION, TEXT, silent=1)
    assert not kept(NEGATION, TEXT)


def test_a_number_is_heard_in_either_form() -> None:
    number = Candidate("missing", 2, 2)
    for heard in ("We saw 27 boats.", "We saw twenty seven boats.", "We saw 28 boats."):
        assert not kept(number, heard, text="We saw 27 boats.", spoken="We saw twenty seven boats.")
    assert kept(number, "We saw boats.", text="We saw 27 boats.", spoken="We saw twenty seven boats.")


def test_other_differences_are_kept() -> None:
    for edit in (
        Candidate("inserted", 1, 0, said="has"),
        Candidate("missing", 0, 0, said="Chukwu"),
        Candidate("repeated", 0, 0, said="Chukwu Chukwuemeka"),
        Candidate("swapped", 0, 0, said="emeka Chukwu"),
    ):
        assert checked(edit, TEXT) == [edit]


def test_a_phrase_is_said_twice_where_there_is_sound_for_it_or_the_transcript_has_it_twice() -> None:
    twice = Candidate("repeated", 1, 2)
    assert not kept(twice, TEXT)
    assert kept(twice, TEXT, slow=2)
    for heard in ("never boasts, never boasts", "never boasts boasts", "never-never boasts"):
        assert kept(twice, TEXT.replace("never boasts", heard))


def test_a_word_that_a_text_has_twice_is_not_said_twice_because_the_transcript_has_it_twice() -> None:
    text = "Never, never may passengers stand."
    assert not kept(Candidate("repeated", 1, 1), text, text=text)
    assert kept(Candidate("repeated", 1, 1), "Never, never, never may passengers stand.", text=text)


@pytest.mark.parametrize(
    ("heard", "text"),
    [
        ("Sayers and keep sing in the choir.", "Saoirse and Caoimhe sing in the choir."),
        ("Oliver and a D's sing in the choir.", "Oluwaseun and Adaeze sing in the choir."),
    ],
)
def test_a_name_whose_letters_are_all_others_is_not_missing(heard: str, text: str) -> None:
    assert not kept(Candidate("missing", 2, 2), heard, text=text)


def test_a_name_in_place_of_which_many_more_letters_are_heard_may_be_missing() -> None:
    text = "Give it to Niamh tonight."
    assert not kept(Candidate("missing", 3, 3), text.replace("Niamh", "Leave us"), text=text)
    assert kept(Candidate("missing", 3, 3), text.replace("Niamh", "everybody"), text=text)


def test_a_word_that_is_heard_as_a_letter_of_its_neighbour_may_be_missing() -> None:
    assert kept(Candidate("missing", 2, 2), "Saoirse and I sing.", text="Saoirse and Caoimhe sing.")
    assert kept(Candidate("missing", 2, 2), "Saoirse and singing.", text="Saoirse and Caoimhe sing.")


@pytest.mark.parametrize(
    "transcript", [TEXT, "Chickamecca never boasts about medals.", "Chuck when Mecca never boasts about medals."]
)
def test_words_that_the_transcript_has_in_their_order_are_not_exchanged(transcript: str) -> None:
    assert not kept(Candidate("swapped", 0, 1), transcript)


@pytest.mark.parametrize(
    "transcript",
    ["Never Chukwuemeka boasts about medals.", "Never Chickamecca boasts about medals.", "Boasts about medals.", ""],
)
def test_words_that_the_transcript_has_in_the_other_order_or_not_at_all_may_be_exchanged(transcript: str) -> None:
    assert kept(Candidate("swapped", 0, 1), transcript)


@pytest.mark.parametrize(
    ("transcript", "is_confirmed"),
    [
        ("Sold in 2000.", True), ("Sold in 2009.", False), ("Sold in 2008.", False),
        ("Sold in 1000.", False), ("Sold in two thousand.", False),
        ("Sold in two, thousand nine.", False), ("Sold since 2000.", False), ("Sold in", False),
    ],
)  # fmt: skip
def test_the_number_of_its_other_part_confirms_that_a_part_is_missing(transcript: str, is_confirmed: bool) -> None:
    part = Candidate("missing", 2, 2, said="two thousand")
    [edit] = checked(part, transcript, text="Sold in 2009.", spoken="Sold in two thousand nine.")
    assert edit == Candidate("missing", 2, 2, said="two thousand", is_confirmed=is_confirmed)


@pytest.mark.parametrize("heard", ["Chukwuemeka", "Chickamecca"])
def test_a_name_behind_many_words_that_are_heard_as_they_are_written_is_not_missing(heard: str) -> None:
    before = "In the long and quiet evening of that day the old captain and his brother spoke about"
    text = f"{before} Chukwuemeka and nobody else."
    at = len(before.split())
    transcript = text.replace("Chukwuemeka", heard)
    for first, last in ((at, at), (at - 1, at), (at, at + 1)):
        assert not kept(Candidate("missing", first, last), transcript, text=text)
    assert kept(Candidate("missing", at, at), text.replace("Chukwuemeka ", ""), text=text)
