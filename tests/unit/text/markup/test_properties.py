"""Properties that hold for every text, plain or hostile."""

import sys
from collections.abc import Callable
from types import FrameType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.errors import InvalidMarkup
from app.text.markup import Markup
from tests.unit.text.markup.reading import read

PLAIN = "abcXYZ 0189 .,;:!?'\"()-–—…/%$€@+=^{} \n\téüßñ你好。，日本語ひらがな안녕하세요नमस्तेПривет“”«»😀"
WORDS = [
    "Hello",
    "2 * 3",
    "a > b",
    "snake_case",
    "#1",
    "C#",
    "5 - 3",
    "x < y",
    "3.14",
    "e.g.",
    "a|b",
    "[1]",
    "&",
    "AT&T",
    "~",
    "(yes)",
    "—",
    "word",
    "你好",
    "*",
    "`",
    "<3",
    "^_^",
    "http://a.bc/d_e_f",
    "me@a.bc",
    "\n",
    "\n\n",
    "1990.",
    "§ 5",
    "50 %",
]
MARKS = [*"*_`~[]()<>&;|#-+!\\\n 1.", "a", "b c", "<b>", "</p>", "&amp;", "```", "[^1]:", "- ", "> ", "[pause 1s]"]
marks = st.lists(st.sampled_from([*MARKS, "<speak>", "<p>"]), max_size=60).map("".join)
derandomized = settings(max_examples=400, derandomize=True, deadline=None)


def is_marked(line: str) -> bool:
    """True when Markdown gives the beginning of a line, or the whole line, a meaning."""
    begins = line.lstrip()
    return begins.startswith(tuple("+-=>#*|")) or begins[:3].strip("0123456789").startswith((".", ")"))


@pytest.mark.slow
@derandomized
@given(text=st.text(alphabet=st.sampled_from(PLAIN), max_size=300))
def test_plain_text_without_marks_is_untouched(text: str) -> None:
    if not any(is_marked(line) for line in text.split("\n")):
        assert "".join(span.text for span in read(text).spans) == (text if text.strip() else "")


@derandomized
@given(words=st.lists(st.sampled_from(WORDS), max_size=30))
def test_no_letter_or_digit_of_plain_text_is_lost(words: list[str]) -> None:
    text = " ".join(words)
    assert _spoken("".join(span.text for span in read(text).spans)) == _spoken(text)


@derandomized
@given(text=st.text(max_size=200) | marks)
@pytest.mark.parametrize("markup", list(Markup))
def test_any_text_is_read_or_refused_as_markup(text: str, markup: Markup) -> None:
    try:
        marked = read(text, markup)
    except InvalidMarkup:
        return
    assert all(span.pause_s is None or 0 <= span.pause_s <= 10 for span in marked.spans)


HOSTILE: dict[str, Callable[[int], str]] = {
    "stars": lambda n: "*" * n,
    "emphasis": lambda n: "*a" * (n // 2),
    "strong": lambda n: "a**" * (n // 3),
    "mixed emphasis": lambda n: "*_" * (n // 2),
    "underscores": lambda n: "_a " * (n // 3),
    "strikethrough": lambda n: "~~a" * (n // 3),
    "brackets": lambda n: "[" * n,
    "images": lambda n: "![" * (n // 2),
    "links": lambda n: "[a](" * (n // 4),
    "links with brackets": lambda n: "[a](<b" * (n // 6),
    "definitions": lambda n: "[a]: /b\n" * (n // 8),
    "footnotes": lambda n: "[^a]:" * (n // 5),
    "ticks": lambda n: "`a " * (n // 3),
    "rising ticks": lambda n: " ".join("`" * i for i in range(1, int((2 * n) ** 0.5))),
    "fences": lambda n: "```\n" * (n // 4),
    "tildes": lambda n: "~~~\n\n" * (n // 5),
    "quotes": lambda n: ">" * n,
    "quotes in lines": lambda n: "> a\n" * (n // 4),
    "nested items": lambda n: "- " * (n // 2) + "a",
    "rising items": lambda n: "".join(" " * i + "- a\n" for i in range(int((2 * n) ** 0.5))),
    "ordered items": lambda n: "1. a\n" * (n // 5),
    "table": lambda n: "|a|b|\n|-|-|\n" + "|x|y|\n" * (n // 6),
    "heads of tables": lambda n: "a|\n-|\n" * (n // 5),
    "tags": lambda n: "<a " * (n // 3),
    "quoted tags": lambda n: "<a '\"" * (n // 5),
    "comments": lambda n: "<!-- " * (n // 5),
    "scripts": lambda n: "<script>" * (n // 8),
    "instructions": lambda n: "<?a " * (n // 4),
    "entities": lambda n: "&amp" * (n // 4),
    "backslashes": lambda n: "\\" * n,
    "headings": lambda n: "a\n" * (n // 2) + "===",
    "dashes": lambda n: "a\n- " * (n // 4),
    "blank lines": lambda n: "\n" * n,
    "blanks": lambda n: " " * n + "a",
    "pauses": lambda n: "[pause 1s]a" * (n // 11),
    "half pauses": lambda n: "[pause 1" * (n // 8),
    "breaks": lambda n: "<speak>" + "<break/>a" * (n // 9) + "</speak>",
    "sentences": lambda n: "<speak>" + "<s>a</s>" * (n // 8) + "</speak>",
    "elements": lambda n: "<speak>" + "".join(f"<a{i}/>" for i in range(n // 7)) + "</speak>",
    "brackets in brackets": lambda n: "[" * (n // 2) + "]" * (n // 2),
    "links in links": lambda n: "[" * (n // 5) + "a" + "](b)" * (n // 5),
    "references": lambda n: "[a][" * (n // 4),
    "pipes": lambda n: "|" * n,
    "rows of pipes": lambda n: "|a|\n|-|\n" + "|" * n,
    "wide table": lambda n: "|a" * (n // 4) + "|\n" + "|-" * (n // 4) + "|\n",
    "quotes and items": lambda n: "> - " * (n // 4) + "a",
    "quotes and blank lines": lambda n: ">>\n\n" * (n // 4),
    "runs of tildes": lambda n: "~~a~" * (n // 4),
    "numbers of characters": lambda n: "&#" * (n // 2),
    "unknown entities": lambda n: "&am;" * (n // 4),
    "addresses": lambda n: "<http:" * (n // 6),
    "bold lines": lambda n: "**a**\n" * (n // 6),
    "tasks": lambda n: "- [x] a\n" * (n // 8),
    "languages": lambda n: "<speak>" + "<lang xml:lang='de'>a</lang>" * (n // 29) + "</speak>",
    "aliases": lambda n: "<speak>" + "<sub alias='b'>a</sub>" * (n // 22) + "</speak>",
    "attributes": lambda n: "<speak " + " ".join(f"a{i}='b'" for i in range(n // 9)) + ">a</speak>",
}


def num_calls(text: str) -> int:
    """Function calls that reading a text takes, those of C included."""
    count = 0

    def on_event(frame: FrameType, event: str, argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(on_event)
    try:
        read(text)
    finally:
        sys.setprofile(None)
    return count


@pytest.mark.slow
@pytest.mark.parametrize("name", list(HOSTILE))
def test_the_work_for_a_hostile_text_grows_as_its_length(name: str) -> None:
    build = HOSTILE[name]
    once, twice = num_calls(build(2000)), num_calls(build(4000))
    assert twice < 2.7 * once + 500


@pytest.mark.slow
@pytest.mark.parametrize(
    "text",
    [
        ">" * 50_000 + "a",
        "> " * 50_000 + "a",
        "- " * 50_000 + "a",
        "[" * 50_000 + "a",
        "[" * 25_000 + "a" + "]" * 25_000,
        "![" * 25_000 + "a",
        "|" * 50_000 + "a",
        "| a |\n| - |\n" + "| a |\n" * 8_000,
        "a" + "`" * 50_000,
        "1. " * 10_000 + "a",
        "<div>" * 10_000 + "a",
        "".join(" " * (2 * i) + "- a\n" for i in range(300)),
        "*" * 50_000 + "a",
        "".join(">" * i + "a\n" for i in range(300)),
    ],
)
@pytest.mark.parametrize("markup", [Markup.AUTO, Markup.MARKDOWN])
def test_text_that_is_nested_deep_is_not_lost(text: str, markup: Markup) -> None:
    spoken = "".join(span.text for span in read(text, markup).spans)
    assert spoken.count("a") == text.count("a")


def _spoken(text: str) -> str:
    return "".join(char for char in text if char.isalnum())
