"""The languages of a checkpoint: the config lists them, the vocabulary decides."""

from pathlib import Path

import pytest

from app.engine.xtts.text.languages import find_languages, is_spelt_out
from app.engine.xtts.text.tokenizer import TextTokenizer
from app.errors import UnusableCheckpoint
from app.text.languages import LANGUAGES

REAL_FILES = Path(__file__).parents[6] / "shared" / "data" / "xtts_v2"


def test_an_empty_list_stands_for_the_released_languages_that_have_a_mark() -> None:
    found = find_languages((), lambda code: code != "hi")
    assert found.spoken == tuple(code for code in LANGUAGES if code != "hi")
    assert (found.as_written, found.without_mark) == ((), ("hi",))


def test_codes_are_read_however_they_are_written_and_each_once() -> None:
    found = find_languages(("EN", "zh", "zh-CN", "pt_BR", "en", "yue"), lambda _: True)
    assert found.spoken == ("en", "zh-cn", "pt-br", "yue")
    assert found.as_written == ("yue",)


def test_no_language_with_a_mark_is_an_error_that_names_both_sides() -> None:
    with pytest.raises(UnusableCheckpoint, match=r"it lists xx, and vocab\.json has marks for none of the released"):
        find_languages(("xx",), lambda _: False)


@pytest.mark.parametrize("code", list(LANGUAGES))
def test_the_released_languages_are_spelt_out(code: str) -> None:
    assert is_spelt_out(code)


@pytest.mark.parametrize(("vocabulary", "missing"), [("vocab.json", ()), ("vocab-v2.0.2.json", ("hi",))])
def test_the_released_vocabularies_have_the_marks_of_their_languages(vocabulary: str, missing: tuple[str, ...]) -> None:
    if not REAL_FILES.is_dir():
        pytest.skip("no released vocabularies beside the project (shared/data/xtts_v2)")
    tokenizer = TextTokenizer(REAL_FILES / vocabulary, max_text_tokens=402)
    assert find_languages(tuple(LANGUAGES), tokenizer.has_mark).without_mark == missing
    assert not tokenizer.has_mark("vi")
    assert not tokenizer.has_mark("")
