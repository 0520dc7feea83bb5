"""Sentences leave as soon as they are certain, and always the same ones."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.text.segments import Boundary
from app.text.sentence_buffer import Sentence, SentenceBuffer

CHAPTER = Path(__file__).parents[4] / "shared" / "data" / "alice_chapter1.txt"
TEXT = (
    'Sure! Dr. Smith paid 3.50 dollars for it, I think. He said "Go away." Then he left... '
    "It was late.\n\nA new paragraph begins here. Yes. No. And this is the very last sentence of it"
)


def pieces(text: str, size: int) -> list[str]:
    return [text[at : at + size] for at in range(0, len(text), size)]


def spoken(parts: list[str], language: str = "en", max_chars: int = 250) -> list[Sentence]:
    buffer = SentenceBuffer(language, max_chars=max_chars)
    ready = [sentence for part in parts for sentence in buffer.push(part)]
    return ready + buffer.flush()


def letters(text: str) -> str:
    return "".join(text.split())


def test_a_sentence_leaves_when_the_first_word_of_the_next_one_is_whole() -> None:
    buffer = SentenceBuffer("en", max_chars=250)
    assert buffer.push("The morning was bright.") == []
    assert buffer.push(" And") == []
    assert buffer.push(" the") == [Sentence("The morning was bright.", Boundary.SENTENCE)]
    assert buffer.flush() == [Sentence("And the", Boundary.SENTENCE)]
    assert buffer.flush() == []


def test_what_only_looks_like_an_end_is_none() -> None:
    buffer = SentenceBuffer("en", max_chars=250)
    assert [
        sentence for part in ("It costs 3.", "14 and Dr.", " Smith", " pays it") for sentence in buffer.push(part)
    ] == []
    assert [sentence.text for sentence in buffer.flush()] == ["It costs 3.14 and Dr. Smith pays it"]


def test_an_empty_line_ends_a_paragraph_at_once() -> None:
    buffer = SentenceBuffer("en", max_chars=250)
    assert buffer.push("A title without a full stop\n") == []
    assert buffer.push("\n") == [Sentence("A title without a full stop", Boundary.PARAGRAPH)]


def test_short_sentences_are_spoken_together_with_the_next() -> None:
    assert [sentence.text for sentence in spoken(["Sure! ", "Here is the recipe. ", "Enjoy it."])] == [
        "Sure! Here is the recipe.",
        "Enjoy it.",
    ]


def test_chinese_does_not_wait_for_a_space() -> None:
    buffer = SentenceBuffer("zh-cn", max_chars=82)
    assert [sentence.text for sentence in buffer.push("今天的天气非常好。我")] == ["今天的天气非常好。"]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 19, 100])
def test_sentences_do_not_depend_on_how_the_text_comes(size: int) -> None:
    whole = spoken([TEXT])
    assert spoken(pieces(TEXT, size)) == whole
    assert [sentence.boundary for sentence in whole].count(Boundary.PARAGRAPH) == 1


@pytest.mark.skipif(not CHAPTER.exists(), reason=f"needs {CHAPTER}")
@pytest.mark.parametrize("size", [1, 5, 64, 1000])
def test_a_chapter_comes_in_the_same_sentences_however_it_is_cut(size: int) -> None:
    # Without quotations (see the module), and without the rows of asterisks, whose blanks mean nothing.
    text = "".join(char for char in CHAPTER.read_text() if char not in "'()*")
    assert spoken(pieces(text, size)) == spoken([text])


@pytest.mark.skipif(not CHAPTER.exists(), reason=f"needs {CHAPTER}")
def test_a_chapter_with_quotations_keeps_every_word_in_order() -> None:
    text = CHAPTER.read_text()
    for size in (1, 64):
        assert letters("".join(sentence.text for sentence in spoken(pieces(text, size)))) == letters(text)


def test_a_sentence_without_end_is_cut_at_clauses_and_held_in_bounds() -> None:
    endless = "and then she went on, " * 400
    whole = spoken([endless], max_chars=100)
    assert whole == spoken(pieces(endless, 13), max_chars=100)
    assert all(len(sentence.text) <= 200 for sentence in whole)


@pytest.mark.parametrize("size", [10, 1000, 5000])
def test_a_word_without_end_is_cut_and_not_kept(size: int) -> None:
    buffer = SentenceBuffer("en", max_chars=100)
    given = ""
    for part in pieces("x" * 5000, size):
        given += "".join(sentence.text for sentence in buffer.push(part))
    held = "".join(sentence.text for sentence in buffer.flush())
    assert given + held == "x" * 5000
    assert len(held) <= 300


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(st.lists(st.text(alphabet=st.sampled_from("ab .!?\n,\"'…3。世\t\r"), max_size=12), max_size=30))
def test_no_letter_is_lost_repeated_or_moved(parts: list[str]) -> None:
    assert letters("".join(sentence.text for sentence in spoken(parts, max_chars=20))) == letters("".join(parts))


@pytest.mark.parametrize("gap", ["\n\n", "\n \n", "\r\n\r\n", " \n\t \n ", "\n", " "])
def test_an_empty_line_is_one_in_whatever_pieces_it_comes(gap: str) -> None:
    text = f"Nobody had opened the door{gap}Then the wind turned. And so on"
    assert spoken(list(text)) == spoken([text])
    assert (spoken([text])[0].boundary is Boundary.PARAGRAPH) == (gap.count("\n") > 1)
