"""Options of `chorus book`, and what it shows."""

import asyncio
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from app.books.audio_file import BookFormat
from app.books.book import Book, Chapter
from app.books.choosing import choose_chapters
from app.books.job import Job
from app.books.lease import claim
from app.books.make import job_folder
from app.books.speaking import Progress
from app.cli import main
from app.cli.book_files import Target
from app.cli.book_progress import BookDisplay, describe, duration
from app.errors import InvalidField
from tests.support.books import make_epub, nav, page

BOOK = Book(title="A", chapters=tuple(Chapter(str(number), "Words.") for number in range(1, 10)))


def run(*arguments: str, stdin: str | bytes | None = None) -> Result:
    return CliRunner().invoke(main, ["book", *arguments], input=stdin)


@pytest.mark.parametrize(
    ("wanted", "numbers"),
    [
        (None, list(range(1, 10))),
        ("3-7", [3, 4, 5, 6, 7]),
        ("1,4,8-", [1, 4, 8, 9]),
        (" 2 , 2-3", [2, 3]),
        ("8-99", [8, 9]),
    ],
)
def test_chapters_are_chosen_by_their_numbers(wanted: str | None, numbers: list[int]) -> None:
    assert [number for number, _ in choose_chapters(BOOK, wanted, field="--chapters")] == numbers


@pytest.mark.parametrize("wanted", ["", "0", "10", "7-3", "a", "1-2-3", "-3", "1,,2", "²"])
def test_chapters_that_are_not_there_are_refused(wanted: str) -> None:
    with pytest.raises(InvalidField, match="--chapters"):
        choose_chapters(BOOK, wanted, field="--chapters")


@pytest.mark.parametrize(
    ("output", "format_name", "book_format", "is_folder"),
    [
        ("a.m4b", None, BookFormat.M4B, False),
        ("a.MP3", None, BookFormat.MP3, False),
        ("a.opus", None, BookFormat.OPUS, False),
        ("a", "flac", BookFormat.FLAC, False),
        ("new/", None, BookFormat.MP3, True),
        ("new/", "opus", BookFormat.OPUS, True),
    ],
)
def test_the_output_gives_the_format(
    output: str, format_name: str | None, book_format: BookFormat, is_folder: bool
) -> None:
    target = Target(output, format_name)
    assert (target.book_format, target.is_folder) == (book_format, is_folder)


def test_an_output_without_a_format_is_refused() -> None:
    with pytest.raises(InvalidField, match=r"known are \.m4b, \.mp3, \.opus, \.flac"):
        Target("a.wav", None)


def test_the_list_shows_numbers_lengths_and_titles_without_an_engine(tmp_path: Path) -> None:
    path = tmp_path / "novel.epub"
    pages = {"a.xhtml": page("<p>" + "word " * 300 + "</p>"), "b.xhtml": page("<p>End.</p>")}
    path.write_bytes(make_epub(pages, contents=nav(("One", "a.xhtml"), ("Two", "b.xhtml"))))
    result = run(str(path), "--list")
    assert result.exit_code == 0
    lines = [" ".join(line.split()) for line in result.stdout.splitlines()]
    assert lines == [
        "The Novel, Ann Author, Bob Writer",
        "1 2 min 00 s 300 words One",
        "2 0 s 1 words Two",
        "2 min 00 s 301 words in all",
    ]


def test_standard_input_is_a_book() -> None:
    result = run("-", "--list", stdin="Chapter 1\n\nWords.\n\nChapter 2\n\nMore words.")
    assert "Chapter 2" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["gone.epub", "--list"], "gone.epub cannot be read: No such file or directory"),
        (["gone.epub"], "give --output, or --list"),
    ],
)
def test_a_mistake_is_one_line(tmp_path: Path, arguments: list[str], says: str) -> None:
    result = run(*arguments)
    assert result.exit_code != 0
    assert says in result.stderr
    assert "Traceback" not in result.stderr


def test_a_second_run_is_refused_and_removes_nothing_of_the_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHORUS_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("CHORUS_MARKS", "metadata")
    source, output = tmp_path / "novel.txt", tmp_path / "novel.flac"
    source.write_text("One bell rang here.")
    job = Job(job_folder(tmp_path / "data", output))
    job.open()
    writing = job.folder / "chapters/.00001.json.abc"
    writing.touch()
    lease = asyncio.run(claim(job.folder))
    result = run(str(source), "-o", str(output))
    lease.release()
    assert result.exit_code != 0
    assert "makes this book already" in result.stderr
    assert writing.exists()


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0, "0 s"), (59.6, "1 min 00 s"), (310, "5 min 10 s"), (7_500, "2 h 05 min")]
)
def test_durations_are_read_at_a_glance(seconds: float, shown: str) -> None:
    assert duration(seconds) == shown


def test_progress_tells_audio_pace_and_time_left() -> None:
    progress = Progress(num_chars=10_000, done_chars=4_000, found_chars=1_000, made_s=200.0)
    assert describe(progress, 20.0) == "3 min 20 s made, 10.0 x real time, 40 s left"
    assert describe(Progress(num_chars=10), 5.0) == "0 s made"


def test_writing_says_a_line_for_each_tenth(capsys: pytest.CaptureFixture[str]) -> None:
    with BookDisplay(Progress(num_chars=100)) as display:
        for percent in (0, 4, 9, 10, 14, 35, 36, 99):
            display.update_writing(percent / 100)
    assert capsys.readouterr().err.splitlines() == [f"{percent:>3} %  writing the file" for percent in (10, 30, 90)]
