"""The examples of docs/text.md are read as it says."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.text.markup import Markup
from app.text.markup.pauses import MAX_PAUSE_S, MAX_TOTAL_S, parse_duration
from app.text.markup.ssml import RATES, STRENGTHS_S
from app.text.normalization import spoken
from tests.unit.text.markup.reading import pieces, read

PAGE = (Path(__file__).parents[2] / "docs/text.md").read_text("utf-8")
CODE = re.compile(r"(`+) ?(.+?) ?\1(?!`)(?: \((\w{2})\))?")
PLAIN_NUMBER = re.compile(r"[,. ]")


def section(title: str) -> str:
    """The text below a heading, up to the next one."""
    found = re.search(rf"^#+ {re.escape(title)}\n(.*?)(?=^#|\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert found, title
    return found[1]


def rows(text: str) -> Iterator[list[str]]:
    """Rows of the tables, without their heads."""
    for line in text.splitlines():
        if line.startswith("| ") and not line.startswith(("| ---", "| kind", "| written", "| element", "| `markup`")):
            # A bar inside code is part of it.
            cells = re.split(r"\|(?=(?:[^`]*`[^`]*`)*[^`]*$)", line.strip().strip("|"))
            yield [cell.strip() for cell in cells]


def examples(cell: str) -> list[tuple[str, str]]:
    """The code of a cell, and its language."""
    return [(match[2], match[3] or "en") for match in CODE.finditer(cell)]


WRITTEN = [
    (kind, written, language, [text for text, _ in examples(said)][number : number + 1])
    for kind, cell, said in rows(section("Written and spoken text"))
    for number, (written, language) in enumerate(examples(cell))
]
MARKED = [
    (written, said, [text for text, _ in examples(said)], number)
    for cell, said in rows(section("Markdown and HTML"))
    for number, (written, _) in enumerate(examples(cell))
]


@pytest.mark.parametrize(("kind", "written", "language", "said"), WRITTEN, ids=[row[1] for row in WRITTEN])
def test_a_written_form_of_the_page_is_said(kind: str, written: str, language: str, said: list[str]) -> None:
    found = spoken(written, language)
    assert [found] == said or not said
    assert found != written and not any(char.isdigit() for char in found)
    if kind == "numbers":
        assert found == spoken(PLAIN_NUMBER.sub("", written), language)


@pytest.mark.parametrize(("written", "said", "words", "number"), MARKED, ids=[row[0] for row in MARKED])
def test_a_mark_of_the_page_is_read(written: str, said: str, words: list[str], number: int) -> None:
    if said == "a pause":
        assert pieces(f"One.\n\n{written}\n\nTwo.") == ["One.", "Two."]
    elif said == "nothing, with a warning":
        name = written.strip("<>")
        marked = read(f"One {f'<{name}>lost</{name}>' if name.isalpha() else '<!-- lost -->'} two.")
        assert "lost" not in "".join(span.text for span in marked.spans)
        assert marked.warnings
    elif said == "end a piece":
        assert pieces(f"One{written}two</{written.strip('<>')}>") == ["One", "two"]
    elif said.startswith("a piece"):
        if not written.startswith("==="):
            content = "Heading" if "Heading" in written else "item"
            block = (
                f"{written}\n===" if written == "Heading" else f"{written}\n{written}" if "item" in written else written
            )
            assert set(pieces(f"{block}\n\nMore.")) == {content, "More."}
    elif words:
        markup = Markup.MARKDOWN if written.startswith("1. ") else Markup.AUTO
        assert pieces(f"{written}\n\n[1]: https://example.com", markup)[0] == (words[number : number + 1] or words)[0]
    else:
        assert pieces(written) == [written.strip("<>")]  # the address


def test_what_the_page_calls_plain_is_left_alone() -> None:
    sentence = section("Markdown and HTML").partition("leaves plain text alone: ")[2].partition(", indented")[0]
    assert len(examples(sentence)) > 8
    for written, _ in examples(sentence):
        assert pieces(written) == [written]


def test_strengths_rates_and_bounds_are_those_of_the_page() -> None:
    elements = {examples(name)[0][0]: effect for name, effect in rows(section("SSML"))}
    strengths = re.findall(r"`([\w-]+)` ([\d.]+) s", elements["break"])
    assert {name: float(seconds) for name, seconds in strengths} == STRENGTHS_S
    rates = re.findall(r"`([\w-]+)` (\d+) %", elements["prosody"])
    assert {name: int(percent) / 100 for name, percent in rates}.items() <= RATES.items()
    longest = re.search(r"A pause is at most (\d+) s and a text's pauses (\d+) s", PAGE)
    assert longest and (float(longest[1]), float(longest[2])) == (MAX_PAUSE_S, MAX_TOTAL_S)
    assert parse_duration("500ms") == 0.5


def test_the_rows_of_signs_of_the_page_are_pauses() -> None:
    line = section("What is not said").partition("of its own (")[2].partition(")")[0]
    for row, _ in examples(line):
        assert pieces(f"One.\n\n{row}\n\nTwo.") == ["One.", "Two."]
