"""`[pause 500ms]` in any text."""

import pytest

from app.text.markup import Markup, Span
from tests.unit.text.markup.reading import read


def spans(text: str, markup: Markup = Markup.AUTO) -> list[tuple[str, float | None]]:
    return [(span.text.strip(), span.pause_s) for span in read(text, markup).spans]


@pytest.mark.parametrize("markup", [Markup.AUTO, Markup.PLAIN, Markup.MARKDOWN])
@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("500ms", 0.5),
        ("1.5s", 1.5),
        ("2s", 2.0),
        (".5s", 0.5),
        ("1,5s", 1.5),
        ("0ms", 0.0),
        ("300 ms", 0.3),
        ("10s", 10.0),
    ],
)
def test_a_pause_ends_a_span(written: str, seconds: float, markup: Markup) -> None:
    assert spans(f"Wait [pause {written}] for it.", markup) == [("Wait", seconds), ("for it.", None)]


@pytest.mark.parametrize("text", ["[pause]", "[pause 5]", "[pause x s]", "[pause -1s]", "[pauses 1s]", "[ pause 1s]"])
def test_what_is_no_pause_is_text(text: str) -> None:
    assert spans(f"A {text} b") == [(f"A {text} b", None)]


def test_pauses_side_by_side_are_one() -> None:
    assert spans("One[pause 1s] [Pause 500MS]two") == [("One", 1.5), ("two", None)]


def test_pauses_at_the_ends_and_alone_are_kept() -> None:
    assert spans("[pause 1s]One[pause 2s]") == [("", 1.0), ("One", 2.0)]
    assert spans("[pause 1s]") == [("", 1.0)]


def test_a_pause_inside_emphasis_leaves_no_marks() -> None:
    assert spans("**Wait [pause 1s] for** it\n- a [pause 2s]\n- b") == [
        ("Wait", 1.0),
        ("for it\n\na", 2.0),
        ("b", None),
    ]


@pytest.mark.parametrize("text", ["a [pause 11s] b", "a [pause 999999999s] b", "a [pause 6s][pause 6s] b"])
def test_a_pause_that_is_too_long_is_shortened_with_a_warning(text: str) -> None:
    assert spans(text) == [("a", 10.0), ("b", None)]
    (warning,) = read(text).warnings
    assert "at most 10 s" in warning


def test_all_pauses_of_a_text_are_bounded_together() -> None:
    marked = read("a [pause 10s] " * 1000)
    assert sum(span.pause_s or 0 for span in marked.spans) == 300
    assert any("300 s in all" in warning for warning in marked.warnings)


def test_a_caller_cannot_write_the_marks_that_stand_for_pauses() -> None:
    assert spans("a \ue0001000\ue001 b") == [("a 1000 b", None)]


def test_the_boundary_before_a_pause_is_that_of_the_text() -> None:
    first, second, _ = read("One. [pause 1s] two, [pause 1s] three").spans
    assert (first.boundary.value, second.boundary.value) == ("sentence", "clause")


def test_a_span_has_neither_language_nor_rate_of_its_own() -> None:
    assert read("Hello").spans == (Span(text="Hello"),)
