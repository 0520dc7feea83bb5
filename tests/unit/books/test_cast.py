"""Parts of a chapter get the voices of a cast."""

from pathlib import Path

import pytest

from app.books.cast import Cast, Run, read_cast
from app.errors import InvalidField

CAST = Cast({"Alice": "Daisy", "White Rabbit": "Damien"}, narrator="Claribel")


def runs(text: str, cast: Cast = CAST) -> list[tuple[str, str]]:
    return [(run.name, run.text.strip()) for run in cast.runs(text)]


def test_a_chapter_without_names_is_one_run_with_its_text_unchanged() -> None:
    text = "It was late.\n\n“Come here,” she said."
    assert list(CAST.runs(text)) == list(Cast().runs(text)) == [Run("", text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("“Oh dear!” said the White Rabbit.", [("white rabbit", "“Oh dear!”"), ("", "said the White Rabbit.")]),
        ('Alice asked, "Why?"', [("", "Alice asked,"), ("alice", '"Why?"')]),
        ("«Pourquoi ?» dit ALICE.", [("alice", "«Pourquoi ?»"), ("", "dit ALICE.")]),
        ("„Warum?“ fragte Alice.", [("alice", "„Warum?“"), ("", "fragte Alice.")]),
        ("»Warum?«, fragte Alice.", [("alice", "»Warum?«"), ("", ", fragte Alice.")]),
        (
            "“One,” said Alice, “and two.”",
            [("alice", "“One,”"), ("", "said Alice,"), ("alice", "“and two.”")],
        ),
    ],
)
def test_quoted_speech_is_read_by_the_one_whom_its_paragraph_names(text: str, expected: list[tuple[str, str]]) -> None:
    assert runs(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "“Oh dear!” said Alice to the White Rabbit.",
        "“Oh dear, Alice!” she said.",
        "“Oh dear!” said Malice.",
        "Alice was silent.",
        "“Oh dear, said Alice.",
        "It's Alice's.",
    ],
)
def test_the_narrator_reads_what_names_nobody_or_several(text: str) -> None:
    assert runs(text) == [("", text)]


def test_a_label_gives_a_paragraph_to_its_name_and_is_not_read() -> None:
    text = "ALICE: Why is it late?\n\nWhite Rabbit : It is.\n\nHatter: Tea."
    assert runs(text) == [("alice", "Why is it late?"), ("white rabbit", "It is."), ("", "Hatter: Tea.")]


def test_a_mark_lasts_to_the_next_one_and_may_name_a_voice() -> None:
    text = "Now. [voice:Alice] Late.\n\nVery late. [VOICE: Ana Florence] Yes.\n\n[voice:Narrator] The end."
    found = list(CAST.runs(text))
    assert [(run.name, run.text.strip(), run.ends_paragraph) for run in found] == [
        ("", "Now.", False),
        ("alice", "Late.\n\nVery late.", False),
        ("Ana Florence", "Yes.", True),
        ("", "The end.", True),
    ]
    assert [CAST.voice(run.name) for run in found[1:3]] == ["Daisy", "Ana Florence"]


def test_marks_are_read_without_a_cast() -> None:
    assert runs("Now. [voice:Ana Florence] Late.", Cast()) == [("", "Now."), ("Ana Florence", "Late.")]


def test_paragraphs_of_one_reader_stay_together() -> None:
    text = "One.\n\nTwo.\n\n“Oh!” said Alice.\n\nThree.\n\nFour."
    assert runs(text) == [
        ("", "One.\n\nTwo."),
        ("alice", "“Oh!”"),
        ("", "said Alice.\n\nThree.\n\nFour."),
    ]


def test_a_quotation_that_is_not_closed_is_the_narrators() -> None:
    text = "“" * 20_000 + " Alice "
    assert list(CAST.runs(text)) == [Run("", text)]


def test_a_cast_file_gives_names_their_voices(tmp_path: Path) -> None:
    path = tmp_path / "cast.toml"
    path.write_text('narrator = "Claribel"\n[voices]\nAlice = "Daisy"\n"White Rabbit" = "Damien"\n')
    cast = read_cast(path)
    assert (cast.narrator, cast.voice("alice"), cast.voice("white rabbit")) == ("Claribel", "Daisy", "Damien")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("voices = 3", "cannot be used"),
        ("[voice]\nAlice = 'Daisy'", "unknown field `voice`"),
        ("[voices]\nAlice = 3", "cannot be used"),
        ("[voices", "cannot be used"),
        ("[voices]\n'?' = 'Daisy'", "'\\?' is no name"),
        ("[voices]\nNarrator = 'Daisy'", "'Narrator' is no name"),
    ],
)
def test_a_cast_file_that_cannot_be_used_says_why(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "cast.toml"
    path.write_text(text)
    with pytest.raises(InvalidField, match=says):
        read_cast(path)
