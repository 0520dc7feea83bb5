"""HTML in a text."""

import pytest

from tests.unit.text.markup.reading import pieces, read


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<p>Hello</p>", ["Hello"]),
        ("<P CLASS='a > b'>Hello <B>you</B>.</P>", ["Hello you."]),
        ("<h1>Title</h1>\n<p>You</p>\n<ul>\n  <li>One</li>\n  <li>Two</li>\n</ul>", ["Title", "You", "One", "Two"]),
        ("<!DOCTYPE html>\n<html><body><p>Hello</p></body></html>", ["Hello"]),
        ("One<br>two<br/>three<br />four", ["One", "two", "three", "four"]),
        ("<div>One</div><div>two</div>", ["One", "two"]),
        ("<table><tr><th>Name</th><th>Age</th></tr><tr><td>Ada</td><td>36</td></tr></table>", ["Name, Age", "Ada, 36"]),
        ('Hello <span style="color: red">there</span>.', ["Hello there."]),
        ("<a href='https://example.com'>A link</a>", ["A link"]),
        ('<img src="dog.png" alt="A small dog">', ["A small dog"]),
        ("<img src=dog.png>Hello", ["Hello"]),
        ("<details open><summary>More</summary>Text</details>", ["More", "Text"]),
        ("<p>Hello **you** &amp; me</p>", ["Hello you & me"]),
        ("Caf&eacute; &quot;x&quot; &#8364;5 a&nbsp;b &lt;b&gt;", ['Café "x" €5 a b <b>']),
        ("Water is H<sub>2</sub>O.", ["Water is H2O."]),
        ("<b>never closed", ["never closed"]),
        ("<span\nclass='a'>two lines</span>", ["two lines"]),
    ],
)
def test_tags_go_and_those_of_blocks_end_a_piece(text: str, expected: list[str]) -> None:
    assert pieces(text) == expected


@pytest.mark.parametrize(
    ("text", "expected", "named"),
    [
        ("Hello<script>alert(1)\n\n</script> there", ["Hello", "there"], "<script>"),
        ("<style type='text/css'>p { }\n\nb { }</style>Hello", ["Hello"], "<style>"),
        ("Hello <!-- a\n\ncomment --> there", ["Hello there"], "comment"),
    ],
)
def test_scripts_styles_and_comments_are_named_as_not_spoken(text: str, expected: list[str], named: str) -> None:
    assert pieces(text) == expected
    (warning,) = read(text).warnings
    assert named in warning


@pytest.mark.parametrize("text", ["a <!-- b", "a <script> b", "a </script> b <style>c"])
def test_text_behind_an_opening_without_an_end_is_spoken(text: str) -> None:
    assert "b" in read(text).spans[0].text


def test_tags_inside_code_are_spoken() -> None:
    assert pieces("Use `<b>` and\n\n```html\n<script>x</script>\n```") == ["Use <b> and", "<script>x</script>"]


def test_ssml_inside_a_text_that_is_none_is_named() -> None:
    marked = read("Wait <break time='1s'/> for it.")
    assert "".join(span.text for span in marked.spans).split() == ["Wait", "for", "it."]
    (warning,) = marked.warnings
    assert "break" in warning and "<speak>" in warning
