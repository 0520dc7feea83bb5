"""Items, rows and headings of a text that comes in pieces."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.text.item_lines import ItemLines
from app.text.sentence_buffer import SentenceBuffer

LINES = [
    "- One",
    "* Two.",
    "+ 3 apples",
    "• Four",
    "1. Five",
    "2. Six.",
    "3) Seven",
    "12. Eight",
    "| a | b |",
    "|---|:-:|",
    "|",
    "# Nine",
    "## Ten:",
    "Eleven:",
    "twelve goes",
    "",
    "  ",
    "```",
    "~~~",
    "-5",
    "1990. A year",
    "a | b",
    "- [ ] Buy",
]


def pieces(text: str, *, language: str = "en", size: int = 5) -> list[str]:
    buffer = SentenceBuffer(language, max_chars=250, has_items=True)
    found = [sentence for at in range(0, len(text), size) for sentence in buffer.push(text[at : at + size])]
    return [sentence.text for sentence in [*found, *buffer.flush()]]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "A list:\n- First item\n- Second item\n\nAnd more here.",
            ["A list:", "* First item", "* Second item", "And more here."],
        ),
        ("- Apples\n- 6 pears", ["* Apples", "* 6 pears"]),
        (
            "Do this:\n\n1. Open it now.\n2. Go in. Then wait there.\n3) Done",
            ["Do this:", "1: Open it now.", "2: Go in. Then wait there.", "3: Done"],
        ),
        ("1. Open it\n2. Go in", ["1. Open it", "2: Go in"]),
        ("| a | b |\n|---|---|\n| c | d |\nThe end is here.", ["a, b", "c, d", "The end is here."]),
        ("# Title here\nSome text goes on.\n## Next\nMore", ["# Title here", "Some text goes on.", "## Next", "More"]),
        ("- One\n\n- Two\n\nText that follows.\n- no item", ["* One", "* Two", "Text that follows.", "- no item"]),
        ("列表：\n- 一\n- 二", ["列表：", "* 一", "* 二"]),
    ],
)
def test_items_rows_and_headings_are_pieces(text: str, expected: list[str]) -> None:
    assert pieces(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "I said\n- well, no -\nthat it is so.",
        "- 5 °C was it.",
        "- 5 apples\n- 6 pears",
        "1986. A great year it was.",
        "So it was\n2. It is",
        "x | y\nHello there you.",
        "|x| is not x",
        "```\n- a\n1. b\n```",
    ],
)
def test_a_line_that_only_looks_like_an_item_is_left_alone(text: str) -> None:
    lines = ItemLines()
    assert lines.feed(text) + lines.flush() == text


@settings(max_examples=300, derandomize=True, deadline=None)
@given(st.lists(st.sampled_from(LINES), max_size=8).map("\n".join), st.lists(st.integers(1, 9), min_size=1, max_size=9))
def test_the_lines_do_not_depend_on_how_the_text_is_cut_and_lose_no_letter(text: str, sizes: list[int]) -> None:
    whole, cut = ItemLines(), ItemLines()
    expected = whole.feed(text) + whole.flush()
    fed, at, number = "", 0, 0
    while at < len(text):
        fed += cut.feed(text[at : at + sizes[number % len(sizes)]])
        at, number = at + sizes[number % len(sizes)], number + 1
    assert fed + cut.flush() == expected
    assert [char for char in expected if char.isalnum()] == [char for char in text if char.isalnum()]


def test_a_line_of_bars_without_an_end_is_not_held_for_ever() -> None:
    lines = ItemLines()
    assert len(lines.feed("|" * 100_000)) == 100_000
    assert sum(len(lines.feed("| a ")) for _ in range(10_000)) == 40_000
