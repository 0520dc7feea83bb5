"""How much of a text a transcript has."""

import pytest

from app.asr.known_words import known_words
from app.asr.likeness import likeness
from app.asr.verdict import BASE

TEXT = "Once upon a time there was a little girl who lived in the middle of the forest."


def like(transcript: str, text: str = TEXT, spoken: str = "", language: str = "en") -> float:
    return likeness(known_words(text, spoken or text, language), transcript, language)


def test_a_transcript_of_the_text_is_like_it_whatever_its_marks_and_capitals() -> None:
    assert like(TEXT) == 1.0
    assert like("once upon a time, there was a little girl who lived in the middle of the forest") == 1.0


def test_what_stands_around_the_text_is_no_difference() -> None:
    assert like(f"So here we go. {TEXT} {TEXT}") == 1.0


def test_a_part_of_the_text_is_like_it_by_its_letters() -> None:
    assert like("Once upon a time there was a little girl.") == pytest.approx(32 / 62)
    assert like("", "Sea.") == 0.0
    assert like("Sun.", "Sea.") == pytest.approx(1 / 3)


@pytest.mark.parametrize(
    "transcript", ["", "you", "I", "Thank you.", "I'm not sure if I can get a new one.", "Der Bäcker öffnet um sieben."]
)
def test_texts_that_the_model_writes_for_music_and_noise_are_not_like_it(transcript: str) -> None:
    assert like(transcript) < BASE.min_likeness


@pytest.mark.parametrize(
    ("text", "transcript"),
    [
        ("Saoirse, Niamh and Caoimhe sing in the same choir.", "Sayers, Niam and keep singin' the same choir. Sayers,"),
        ("Siobhan and Aoife have not met Padraig.", "Siopin and A-life have met padrig."),
        ("Csilla and Gyorgy bought a cottage in Hodmezovasarhely.", "C. Silla and Gyurgy Bada Koddhj and Hodmizhava."),
    ],
)
def test_names_in_another_spelling_leave_enough(text: str, transcript: str) -> None:
    assert like(transcript, text) > BASE.min_likeness


def test_a_number_is_like_it_in_either_form() -> None:
    for transcript in ("27 boats", "twenty seven boats"):
        assert like(transcript, "27 boats", "twenty seven boats") == 1.0


@pytest.mark.parametrize(
    ("text", "transcript"),
    [
        ("Ninety percent.", "90% 90% 90"),
        ("Twenty dollars.", "$20. $20."),
        ("Five dollars fifty.", "$5.50"),
        ("Nineteen eighty-four.", "1984 1984"),
        ("Twenty-one.", "21 21 21"),
    ],
)
def test_a_number_in_words_is_like_its_digits(text: str, transcript: str) -> None:
    assert like(transcript, text) == 1.0
    assert like(transcript.translate(str.maketrans("0123456789", "7777777777")), text) < 0.9


def test_vowel_signs_of_their_own_are_no_difference() -> None:
    assert like("كتب الولد الدرس", "كَتَبَ الوَلَدُ الدَّرْسَ", language="ar") == 1.0
    assert like("שלום עולם", "שָׁלוֹם עוֹלָם", language="he") == 1.0


def test_languages_without_spaces_are_compared_by_their_characters() -> None:
    assert like("我们去看海", "我们去看山", language="zh") == pytest.approx(0.8)
