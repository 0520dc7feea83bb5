"""The language of a book."""

import msgspec
import pytest

from app.books.language import choose_language
from app.errors import UnsupportedLanguage
from app.lifecycle import Lifecycle
from app.settings import Settings
from app.speech.service import SpeechService
from tests.support.fake_engine import FakeEngine


@pytest.fixture
def service() -> SpeechService:
    engine = FakeEngine()
    engine.info = msgspec.structs.replace(engine.info, languages=("en", "de", "fr", "pt", "zh-cn"))
    return SpeechService(engine, Settings(), Lifecycle())


@pytest.mark.parametrize(
    ("asked", "of_book", "language"),
    [
        ("", "de", "de"),
        ("", "de-AT", "de"),
        ("", "DE_ch", "de"),
        ("", "ger", "de"),
        ("", "deu", "de"),
        ("", "fra", "fr"),
        ("", "eng", "en"),
        ("", "pt-BR", "pt"),
        ("", "zh-Hans", "zh-cn"),
        ("", " fr ", "fr"),
        ("", "", "en"),
        ("", "und", "en"),
        ("", "mul", "en"),
        ("fr", "de", "fr"),
        ("German", "fi", "de"),
        ("en", "fi", "en"),
    ],
)
def test_a_book_is_read_in_its_own_language_unless_another_is_asked_for(
    service: SpeechService, asked: str, of_book: str, language: str
) -> None:
    assert choose_language(service, asked, of_book) == (language, "")


@pytest.mark.parametrize("of_book", ["fi", "fin", "fi-FI"])
def test_a_language_that_the_engine_does_not_speak_is_refused(service: SpeechService, of_book: str) -> None:
    with pytest.raises(UnsupportedLanguage, match=rf"the book's language is '{of_book}', and .*name a language"):
        choose_language(service, "", of_book)


@pytest.mark.parametrize("of_book", ["the usual", "qqq", "x", "1234", "en,de", "é"])
def test_words_that_name_no_language_give_the_default_with_a_warning(service: SpeechService, of_book: str) -> None:
    language, warning = choose_language(service, "", of_book)
    assert language == "en"
    assert "is not known: read as 'en'" in warning
