"""Languages that callers name, and options."""

import pytest

from app.errors import InvalidField, UnsupportedLanguage
from app.transcription.request import check_task, find_language, language_name
from tests.support.fake_recognizer import FakeRecognizer

WHISPER = ("en", "zh", "de", "es", "pt", "jw", "no", "he", "tl", "yue", "my")


@pytest.mark.parametrize(
    ("named", "code"),
    [
        ("", None),
        ("  ", None),
        ("en", "en"),
        ("EN_us", "en"),
        ("pt-BR", "pt"),
        ("zh-CN", "zh"),
        ("cmn", "zh"),
        ("yue", "yue"),
        ("jv", "jw"),
        ("nb-NO", "no"),
        ("iw", "he"),
        ("fil", "tl"),
        ("German", "de"),
        ("javanese", "jw"),
        ("burmese", "my"),
    ],
)
def test_a_language_is_found_by_its_codes_and_its_name(named: str, code: str | None) -> None:
    assert find_language(named, WHISPER) == code


@pytest.mark.parametrize("named", ["xx", "klingon", "en1", "e", "fr", "*", "english german"])
def test_a_language_that_the_recogniser_does_not_know_is_refused_with_those_that_it_knows(named: str) -> None:
    with pytest.raises(UnsupportedLanguage, match="en, zh, de") as refusal:
        find_language(named, WHISPER)
    assert refusal.value.param == "language"


def test_a_refusal_does_not_list_a_hundred_languages() -> None:
    many = tuple(f"{a}{b}" for a in "qrstuvw" for b in "abcdefghijklmn")
    with pytest.raises(UnsupportedLanguage, match=r"98 languages by their codes, such as qa, qb, qc, qd, qe;"):
        find_language("xx", many)


@pytest.mark.parametrize(("code", "name"), [("en", "english"), ("zh", "chinese"), ("jw", "javanese"), ("qq", "qq")])
def test_a_code_has_an_english_name_in_lower_case(code: str, name: str) -> None:
    assert language_name(code) == name


def test_a_model_that_cannot_translate_says_so() -> None:
    recognizer = FakeRecognizer()
    check_task("translate", recognizer.info)

    class OnlyEnglish:
        can_translate = False
        model = "tiny.en"

    with pytest.raises(InvalidField, match=r"tiny\.en cannot translate"):
        check_task("translate", OnlyEnglish())  # type: ignore[arg-type]
