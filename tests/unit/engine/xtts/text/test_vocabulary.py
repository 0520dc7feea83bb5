"""The tokens of any text in any language: all from the released vocabulary, and no letter or digit lost in silence."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.engine.xtts.text.tokenizer import TextTokenizer
from app.text.languages import LANGUAGES
from app.text.normalization import normalize
from app.text.reading import is_sounded
from tests.support.tiny_xtts import RELEASED_FILES
from tests.unit.text.normalization.written import texts

CHARACTERS = st.text(st.characters(codec="utf-8", categories=("L", "M", "N", "P", "S", "Zs")), max_size=12)


@pytest.fixture(scope="module")
def tokenizer() -> TextTokenizer:
    if RELEASED_FILES is None:
        pytest.skip("no released vocabulary beside the project (shared/data/xtts_v2/vocab.json)")
    return TextTokenizer(RELEASED_FILES / "vocab.json", max_text_tokens=10_000)


@pytest.mark.slow
@settings(max_examples=600, derandomize=True, deadline=None)
@given(
    st.sampled_from(sorted(LANGUAGES)).flatmap(
        lambda language: st.tuples(st.just(language), texts(language) | CHARACTERS)
    )
)
def test_no_text_reaches_the_model_as_an_unknown_token(tokenizer: TextTokenizer, drawn: tuple[str, str]) -> None:
    language, text = drawn
    words = tokenizer._tokenizer.tokenizer  # pyright: ignore[reportPrivateUsage] - the library's own
    said = normalize(text, language).text
    spelt = tokenizer.spell(said, language)
    assert words.token_to_id("[UNK]") not in tokenizer.encode(spelt, language)
    if not spelt.strip(" ."):
        assert set(filter(is_sounded, said)) <= set(tokenizer.unspoken(said, language))


@pytest.mark.parametrize(
    ("language", "text", "spelt"),
    [("en", "A ǧreat ‹day› ~ here", "a great day here."), ("de", "Größe <> 5", "größe fünf."), ("pl", "ẑaba", "zaba.")],
)
def test_a_letter_with_an_unknown_accent_is_read_without_it_and_other_unknown_signs_are_not_read(
    tokenizer: TextTokenizer, language: str, text: str, spelt: str
) -> None:
    assert tokenizer.spell(normalize(text, language).text, language) == spelt
