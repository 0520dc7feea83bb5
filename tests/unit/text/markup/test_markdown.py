"""Markdown as language models write it: the marks go, the words stay."""

import pytest

from app.text.markup import Markup
from tests.unit.text.markup.reading import pieces, read

ONE_PIECE = [
    ("# Heading one", "Heading one"),
    ("###### Heading six ######", "Heading six"),
    ("Heading\n=======", "Heading"),
    ("Heading\n---", "Heading"),
    ("> A quoted line.", "A quoted line."),
    (">A quoted line.", "A quoted line."),
    ("> A quoted line\nthat goes on.", "A quoted line that goes on."),
    ("> > Twice quoted.", "Twice quoted."),
    ("> **Bold** in a quotation.", "Bold in a quotation."),
    ("+ One small item.", "One small item."),
    ("* One small item.", "One small item."),
    ("- One small item.", "One small item."),
    ("- [ ] Buy some milk.", "Buy some milk."),
    ("- [x] Buy some milk.", "Buy some milk."),
    ("* [X] Buy some milk.", "Buy some milk."),
    ("Use `make run` here.", "Use make run here."),
    ("Use ``a ` b`` here.", "Use a ` b here."),
    ("See [the manual](https://example.com/a) now.", "See the manual now."),
    ('See [the manual](https://example.com/a_(b) "Title") now.', "See the manual now."),
    ("See [the **big** manual](<a b.md>) now.", "See the big manual now."),
    ("See [the manual][1] now.\n\n[1]: https://example.com/a", "See the manual now."),
    ("See [the manual] now.\n\n[the manual]: <docs/a.md>", "See the manual now."),
    ("![A small dog](dog.png)", "A small dog"),
    ("[![A small dog](dog.png)](https://example.com)", "A small dog"),
    ("Look at <https://example.com/a_b_c> now.", "Look at https://example.com/a_b_c now."),
    ("You ~~must~~ may go now.", "You must may go now."),
    ("You **must** go now.", "You must go now."),
    ("You __must__ go now.", "You must go now."),
    ("You *must* go now.", "You must go now."),
    ("You _must_ go now.", "You must go now."),
    ("You ***must*** go **_right_ now**.", "You must go right now."),
    ("**Note:** be careful here.", "Note: be careful here."),
    ("**Note:**be careful here.", "Note:be careful here."),
    ("un**believ**able", "unbelievable"),
    ("这是**“重要。”**的事。", "这是“重要。”的事。"),
    ("これは**大事（だいじ）**です。", "これは大事（だいじ）です。"),
    ('이것은 **"중요"**합니다.', '이것은 "중요"합니다.'),
    ("Water[^1] is wet[^note].", "Water is wet."),
    (r"It costs \$5 \*today\*.", "It costs $5 *today*."),
    ("Tom &amp; Jerry&#39;s &lt;house&gt; &#x1F3E0;&hellip;", "Tom & Jerry's <house> …"),
    ("The **start. Of a sentence", "The start. Of a sentence"),
    ("and its end.** Another one.", "and its end. Another one."),
]

SEVERAL_PIECES = [
    ("- First item\n- Second item\n- Third item", ["First item", "Second item", "Third item"]),
    ("* First item\n\n* Second item", ["First item", "Second item"]),
    ("1. First item\n2. Second item", ["1: First item", "2: Second item"]),
    ("1) First item\n2) Second item", ["1: First item", "2: Second item"]),
    ("1. First\n1. Second", ["1: First", "1: Second"]),
    ("3. Third\n4. Fourth", ["3: Third", "4: Fourth"]),
    ("1. Eggs\n   - large\n   - brown\n2. Milk", ["1: Eggs", "large", "brown", "2: Milk"]),
    ("- a first\n    - b second\n        - c third", ["a first", "b second", "c third"]),
    ("- one that\n  goes on\n- two", ["one that goes on", "two"]),
    ("- one\n\n  still one\n- two", ["one", "still one", "two"]),
    ("You need:\n- eggs\n- milk", ["You need:", "eggs", "milk"]),
    ("You need\n- eggs\n- milk", ["You need", "eggs", "milk"]),
    ("You need:\n1. eggs\n2. milk", ["You need:", "1: eggs", "2: milk"]),
    ("- [ ] eggs\n- [x] milk", ["eggs", "milk"]),
    ("# Title\nText under it.", ["Title", "Text under it."]),
    ("Text.\n## Title\nText.", ["Text.", "Title", "Text."]),
    ("> one\n>\n> two", ["one", "two"]),
    ("> - one\n> - two", ["one", "two"]),
    ("One.\n\n---\n\nTwo.", ["One.", "Two."]),
    ("One.\n***\nTwo.", ["One.", "Two."]),
    ("One.\n\n_ _ _\n\nTwo.", ["One.", "Two."]),
    ("| Name | Age |\n|------|----:|\n| Ada | 36 |\n| Max | |", ["Name, Age", "Ada, 36", "Max"]),
    ("Name | Age\n--- | ---\n**Ada** | `36`", ["Name, Age", "Ada, 36"]),
    ("| a | b |\n|---|---|\n| Who? | Me. |", ["a, b", "Who? Me."]),
    ("| a |\n|---|\n| x \\| y |", ["a", "x | y"]),
    ("```python\nx = 1\n\nprint(x)\n```\nDone.", ["x = 1", "print(x)", "Done."]),
    ("~~~\nx = 1\n~~~\nDone.", ["x = 1", "Done."]),
    ("- item\n  ```\n  x = 1\n  ```", ["item", "x = 1"]),
    ("```\nnever closed", ["never closed"]),
    ("Water[^1] is wet.\n\n[^1]: Says Ada.\n[^2]: Says Max.", ["Water is wet.", "Says Ada.", "Says Max."]),
    ("One\\\ntwo", ["One two"]),
    ("• First item\n• Second item", ["First item", "Second item"]),
    ("You need:\n  ● eggs\n  ● milk", ["You need:", "eggs", "milk"]),
    (
        "**First part**\nIts text.\n**Second part:**\nIts **bold** text.",
        ["First part", "Its text.", "Second part:", "Its bold text."],
    ),
    ("> **Note**\n> A text.", ["Note", "A text."]),
    ("You need\n• 5 eggs", ["You need", "5 eggs"]),
    ("**bold** begins\na line", ["bold begins a line"]),
]

STAYS = [
    "2 * 3 * 4",
    "2*3*4 = 24",
    "a*b*c",
    "2**3**4",
    "x**2 + y**2",
    "a * b * c",
    "5 * 3",
    "3 > 2",
    "a > b",
    "x -> y",
    "a >= b",
    "#1",
    "We are #1 today.",
    "#hashtag",
    "C# and F#",
    "Issue #12, see #13.",
    "snake_case_name",
    "a_b_c and d_e_f",
    "5 - 3",
    "5 < 6",
    "a < b and c > d",
    "a <b and c> d",
    "x<y",
    "i <3 you",
    "~",
    "~5 km",
    "from ~3 to ~4",
    "~ ~",
    "5 | 6",
    "a|b|c",
    "[sic]",
    "[1]",
    "as said in [12, 13]",
    "[note]: hello",
    "[1]: Smith said so.",
    "f(x)[0]",
    "a[i][j]",
    "1986. A great year",
    "1986. A great year\n1987. Another one",
    "5. Mai war ein Tag.",
    "3. května",
    "1. Only one",
    "It was 10\n- 5 less.",
    "He came\n- as always - late.",
    "- 5 °C",
    "+ 5 °C",
    "-5",
    "+49 221",
    "- 5 - 3",
    "Price: 5* per month",
    "Five stars: *****",
    "R&B, AT&T, Q&A; B&B",
    "&nosuch; &amp",
    "`",
    "it's `",
    "a ` b",
    "C:\\Users\\me",
    "\\o/",
    "^_^",
    "*_*",
    ">_<",
    ">_< what",
    ":-*",
    ":*",
    "T_T",
    "-_-",
    "(*_*)",
    "<3",
    "</3",
    ":-)",
    ">:(",
    "=_=",
    "Enter <name> here",
    "Enter <address> here",
    "std::vector<int>",
    "List<String>",
    "<Ada>",
    "a <= b",
    "*",
    "***",
    "#",
    "> ",
    "**",
    "_",
    "~~",
    "~~~",
    "a\n\n~~~\n\nb",
    "100% *",
    "A * marks it.",
    "$x_1$",
    "5' 3\"",
    "@user_name_x",
    "http://example.com/a_b_c*d*e",
    "one  \ntwo",
    "«Да» — сказал он.",
    "—Hola —dijo—.",
    "\tindented\n\t\tmore",
    "    a\n      b",
]


@pytest.mark.parametrize(("text", "expected"), ONE_PIECE)
@pytest.mark.parametrize("markup", [Markup.AUTO, Markup.MARKDOWN])
def test_marks_go_and_words_stay(text: str, expected: str, markup: Markup) -> None:
    assert pieces(text, markup) == [expected]


@pytest.mark.parametrize(("text", "expected"), SEVERAL_PIECES)
def test_blocks_items_and_rows_are_pieces_of_their_own(text: str, expected: list[str]) -> None:
    assert pieces(text) == expected


@pytest.mark.parametrize("text", STAYS)
def test_what_is_no_markup_stays(text: str) -> None:
    (span,) = read(text).spans
    assert span.text.split() == text.split()


@pytest.mark.parametrize("text", [text for text, _ in ONE_PIECE] + [text for text, _ in SEVERAL_PIECES] + STAYS)
def test_plain_text_is_not_read(text: str) -> None:
    (span,) = read(text, Markup.PLAIN).spans
    assert span.text == text


@pytest.mark.parametrize(
    "text",
    [
        "- Hola —dijo—.\n- Adiós.",
        "- Cześć.\n- Cześć - odpowiedział.",
        "- Привет.\n- Привет, - сказал он.",
        "- Bonjour !\n- Salut.",
    ],
)
def test_lines_of_a_dialogue_are_spoken_one_by_one(text: str) -> None:
    assert pieces(text) == [line.removeprefix("- ") for line in text.split("\n")]


def test_explicit_markdown_reads_what_auto_leaves() -> None:
    assert pieces("5. Only one", Markup.MARKDOWN) == ["5: Only one"]
    assert pieces("a*b*c", Markup.MARKDOWN) == ["abc"]


def test_an_address_in_angle_brackets_keeps_its_address() -> None:
    assert pieces("Write to Ada <ada@example.com> now.") == ["Write to Ada ada@example.com now."]


def test_lines_of_plain_text_keep_their_ends() -> None:
    text = "The first line\nthe second line\n\n  the third * line"
    (span,) = read(text).spans
    assert [line.strip() for line in span.text.split("\n")] == [line.strip() for line in text.split("\n")]
