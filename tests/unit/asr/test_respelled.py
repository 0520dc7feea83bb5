"""Words that a transcript has in another spelling are not missing."""

import numpy as np
import pytest

from app.asr.edits import Candidate
from app.asr.known_words import known_words
from app.asr.placing import WordSounds
from app.asr.respelled import without_respelled

TEXT = "Chukwuemeka never boasts about medals."
NAME, NEGATION = Candidate("missing", 0, 0), Candidate("missing", 1, 1)


def kept(edit: Candidate, transcript: str, *, text: str = TEXT, spoken: str = "", silent: int = -1) -> bool:
    """Each letter of the text has 0.1 s of sound, those of the word `silent` have none."""
    words = known_words(text, spoken or text, "en")
    ends_s = np.cumsum([0.0, *(0.1 * word.num_letters * (at != silent) for at, word in enumerate(words))])
    noise = np.random.default_rng(1).normal(0, 0.1, round(16_000 * (ends_s[-1] + 0.06))).astype(np.float32)
    return without_respelled([edit], words, WordSounds(words, ends_s.tolist(), noise), transcript, "en") == [edit]


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
    for edit in (Candidate("repeated", 0, 0), Candidate("swapped", 0, 1), Candidate("missing", 0, 0, said="Chukwu")):
        assert kept(edit, TEXT)


@pytest.mark.parametrize("heard", ["Chukwuemeka", "Chickamecca"])
def test_a_name_behind_many_words_that_are_heard_as_they_are_written_is_not_missing(heard: str) -> None:
    before = "In the long and quiet evening of that day the old captain and his brother spoke about"
    text = f"{before} Chukwuemeka and nobody else."
    at = len(before.split())
    transcript = text.replace("Chukwuemeka", heard)
    for first, last in ((at, at), (at - 1, at), (at, at + 1)):
        assert not kept(Candidate("missing", first, last), transcript, text=text)
    assert kept(Candidate("missing", at, at), text.replace("Chukwuemeka ", ""), text=text)
