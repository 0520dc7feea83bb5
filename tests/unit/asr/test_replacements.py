"""Words in place of which a transcript has another one."""

import pytest

from app.asr.edits import Candidate
from app.asr.known_words import known_words
from app.asr.replacements import MAX_REPLACED, PRIOR, replacements

TEXT = "Caoimhe took the pills before dinner."


def tried(transcript: str, text: str = TEXT, spoken: str = "", language: str = "en") -> list[Candidate]:
    return replacements(known_words(text, spoken or text, language), transcript, language, {0})


def test_another_word_is_tried_in_place_of_a_common_one() -> None:
    found = tried("Caoimhe took the pills after dinner.")
    assert found == [Candidate("missing", 4, 4, said="after", prior=PRIOR, is_confirmed=True)]
    assert [each.said for each in tried("Caoimhe hid the pills before breakfast.")] == ["hid", "breakfast."]


@pytest.mark.parametrize(
    "transcript",
    [
        "Keep took the pills before dinner.",  # a rare word
        "Caoimhe took the pits before dinner.",  # another spelling
        "Caoimhe took the white pills before dinner.",
        "Caoimhe took the before dinner.",
        "Caoimhe took the 17 before dinner.",
        TEXT,
        "",
    ],
)
def test_nothing_is_tried_for_rare_words_spellings_and_words_without_a_counterpart(transcript: str) -> None:
    assert tried(transcript) == []


def test_numbers_are_not_tried() -> None:
    assert tried("We saw 93 boats.", "We saw 27 boats.", "We saw twenty seven boats.") == []


def test_few_words_of_a_text_are_tried() -> None:
    assert len(tried("one " * 20, "Caoimhe " + "bird " * 19)) == MAX_REPLACED
