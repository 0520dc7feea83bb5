"""Nothing that is spoken is lost, repeated or moved; everything fits; for all languages."""

import re
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.text.cleaning import clean
from app.text.languages import LANGUAGES
from app.text.segments import Boundary, split_segments

ALPHABET = (
    "abcXYZ 019 .,;:!?…'\"«»()[]-–— \n\t%$€£&@#/\\"
    "éüßñçğşłřčåøœ ἀβγ Привет мир, "
    "你好。今天，天气！好？日本語です、ひらカナ「」안녕하세요 नमस्ते। कि क्षि مرحبا، كيف؟ "
    "\u0301\u0308\u200d\u200c\u00a0\u2028\u2029😀👍🏽🇩🇪\x00\x07\ufeff\ud800"
)
texts = st.text(alphabet=st.sampled_from(ALPHABET), max_size=400) | st.lists(
    st.sampled_from(
        ["Dr. Who", "e.g.", "3.14", "1,000", "J. K. Rowling", "https://a.bc/d?e=f", "Hi.", "No!", "word " * 40, "\n\n",
         "你好。", "नमस्ते।", "…", "...", "😀", "?!", "x" * 130, "Ok", "(yes)", "“So.”", "z. B.", "M. Dupont"]
    ),
    max_size=40,
).map(" ".join)  # fmt: skip
derandomized = settings(max_examples=300, derandomize=True, deadline=None)


def squeezed(text: str) -> str:
    return "".join(text.split())


@pytest.mark.parametrize("language", list(LANGUAGES))
@settings(derandomized, max_examples=80)
@given(text=texts, max_chars=st.integers(20, 120))
def test_segments_joined_are_the_text_and_each_fits(text: str, language: str, max_chars: int) -> None:
    segments = split_segments(text, language=language, max_chars=max_chars)
    assert squeezed("".join(segment.text for segment in segments)) == squeezed(clean(text))
    assert all(0 < len(segment.text) <= max_chars for segment in segments)
    assert [segment.index for segment in segments] == list(range(len(segments)))
    if segments:
        assert segments[-1].boundary is Boundary.PARAGRAPH


@derandomized
@given(text=texts)
def test_cleaning_twice_changes_nothing_more(text: str) -> None:
    assert clean(clean(text)) == clean(text)


@derandomized
@given(text=texts)
def test_cleaning_keeps_every_letter_and_digit_in_order(text: str) -> None:
    def spoken(text: str) -> str:
        return "".join(char for char in text if unicodedata.category(char)[0] in "LN")

    without_halves = text.encode("utf-8", "ignore").decode()
    assert spoken(clean(text)) == spoken(unicodedata.normalize("NFC", without_halves))


def cut(text: str, language: str = "en", max_chars: int = 250) -> list[str]:
    return [segment.text for segment in split_segments(text, language=language, max_chars=max_chars)]


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "Dr. Smith met Mrs. Jones at St. James on Monday."),
        ("en", "It costs 3.50 or 1,000.75 in all."),
        ("en", "J. K. Rowling and J. R. R. Tolkien wrote books."),
        ("en", "Go to https://example.com/a.b?c=d.e and read."),
        ("en", "Bring fruit, e.g. apples, to the party."),
        ("fr", "M. Dupont est arrivé hier soir."),
        ("de", "Das ist z. B. gut, und Dr. Müller kommt am 3. Mai."),
    ],
)
def test_a_full_stop_that_ends_no_sentence_is_no_boundary(language: str, text: str) -> None:
    assert cut(text, language) == [text]


@pytest.mark.parametrize(
    ("language", "text", "pieces"),
    [
        ("en", "He left the room. She stayed behind.", ["He left the room.", "She stayed behind."]),
        ("en", "'Where are you?' she asked. Nobody answered.", ["'Where are you?' she asked.", "Nobody answered."]),
        ("hi", "नमस्ते मेरे प्यारे दोस्त। आप कैसे हैं आज?", ["नमस्ते मेरे प्यारे दोस्त।", "आप कैसे हैं आज?"]),
        ("ar", "كيف حالك يا صديقي؟ أنا بخير اليوم.", ["كيف حالك يا صديقي؟", "أنا بخير اليوم."]),
        (
            "zh-cn",
            "今天的天气真是非常好啊我的朋友。我们下午一起去公园散步好不好？",
            ["今天的天气真是非常好啊我的朋友。", "我们下午一起去公园散步好不好？"],
        ),
    ],
)
def test_sentences_are_segments(language: str, text: str, pieces: list[str]) -> None:
    assert cut(text, language) == pieces


def test_a_very_short_sentence_joins_the_next() -> None:
    assert cut("No! I will not go there today.") == ["No! I will not go there today."]


def test_a_word_of_five_thousand_letters_is_cut_into_pieces_that_fit() -> None:
    pieces = cut("w" * 5000)
    assert "".join(pieces) == "w" * 5000
    assert max(map(len, pieces)) <= 250


def test_a_long_sentence_is_cut_at_clauses_and_leaves_no_tiny_tail() -> None:
    sentence = (
        "When the rain had stopped, the children ran out to the garden; there they found, under the old tree, a bird."
    )
    pieces = cut(sentence, max_chars=80)
    assert " ".join(pieces) == sentence
    assert pieces[0].endswith((";", ","))
    assert min(map(len, pieces)) > 20


def test_a_number_is_not_cut_at_its_comma() -> None:
    assert all(not piece.endswith("1,") for piece in cut("number 1,000,000 again and " * 20, max_chars=40))


def test_a_number_is_not_cut_at_a_comma_of_another_script() -> None:
    for text, language in (("数字1，000，000和再来" * 12, "zh-cn"), ("رقم 1،000،000 مرة أخرى " * 12, "ar")):
        pieces = cut(text, language, max_chars=23)
        assert not [piece for piece in pieces if re.search(r"\d[，،]$", piece)]


def test_a_letter_keeps_its_marks() -> None:
    for piece in cut("कि" * 300, "hi", 51):
        assert unicodedata.category(piece[0]) == "Lo"


def test_line_ends_are_spaces_and_empty_lines_are_paragraphs() -> None:
    segments = split_segments("A line that\nis wrapped here.\n\n\nA new one.", language="en", max_chars=250)
    assert [(segment.text, segment.boundary) for segment in segments] == [
        ("A line that is wrapped here.", Boundary.PARAGRAPH),
        ("A new one.", Boundary.PARAGRAPH),
    ]


def test_boundaries_tell_clauses_sentences_and_paragraphs_apart() -> None:
    text = "A first sentence, rather long, that must be cut. A second one here."
    boundaries = [segment.boundary for segment in split_segments(text, language="en", max_chars=40)]
    assert boundaries == [Boundary.CLAUSE, Boundary.SENTENCE, Boundary.PARAGRAPH]


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("a\x00b\x07c", "abc"),
        ("lone \ud800 half", "lone half"),
        ("Hi 👍🏽 there 🇩🇪!", "Hi there !"),
        ("press 1️⃣ now", "press 1 now"),
        ("Wait...... what?!?!??", "Wait… what?!?!?"),
        ("No!!!!!!", "No!"),
        ("5 € + 3 £ = 20°", "5 € + 3 £ = 20°"),
        ("e\u0301", "é"),
        ("日本\n語です", "日本語です"),
        ("\ufeffHello\u00a0there\r\nfriend", "Hello there friend"),
    ],
)
def test_cleaning(text: str, cleaned: str) -> None:
    assert clean(text) == cleaned


ROWS = (
    "<>", "|", "| | |", "→", "↓", "≈≈≈", "∗ ∗ ∗", "§", "¶", "¤", "=======", "+ + +", "-=-=-", "# # #", "~", "～",
    "< < >", "∞", "©", "®", "™", "№", "$$", "×", "***", "---", "* * *", "###", "___", "_ _ _", "😀🎉", "❦", "⁂", "•",
    "°", "%", "👍🏽",
)  # fmt: skip


@pytest.mark.parametrize("row", ROWS)
@pytest.mark.parametrize("line_end", ["\n", "\n\n", "\r\n"])
def test_a_row_of_signs_is_the_pause_between_two_paragraphs(row: str, line_end: str) -> None:
    first, second = "One man went out of the house.", "Two men came in again."
    assert clean(f"{first}{line_end}{row}{line_end}{second}") == f"{first}\n\n{second}"
    assert clean(f"{row}{line_end}{first}{line_end}{row}") == first


def test_a_wrapped_line_of_marks_ends_no_paragraph() -> None:
    assert clean("He said: “Go home\n!”\nand left.") == "He said: “Go home !” and left."


def test_an_ornament_between_paragraphs_is_no_segment() -> None:
    assert cut("One scene ends here.\n\n  *    *    *  \n\nAnother begins.") == [
        "One scene ends here.",
        "Another begins.",
    ]


def test_a_sign_that_is_read_aloud_is_a_segment() -> None:
    assert cut("%\n\n$") == ["%", "$"]


@pytest.mark.parametrize("text", ["", " \n ", "😀🎉", "\x00\x01", "\u200d\u200c", "-- ... --", "***"])
def test_nothing_to_speak_gives_no_segment(text: str) -> None:
    assert split_segments(text, language="en", max_chars=250) == ()


@pytest.mark.slow
def test_two_hundred_thousand_characters_are_all_there() -> None:
    for unit in ("A sentence of some words. ", "w", "(", "日本語です。", "1,"):
        text = unit * (200_000 // len(unit))
        assert squeezed("".join(cut(text))) == squeezed(clean(text))
