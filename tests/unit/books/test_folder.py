"""A folder of files as one book."""

import asyncio
import os
from pathlib import Path
from typing import BinaryIO

import pytest

from app.books.book import Book
from app.books.reading.folder import list_files, read_folder
from app.errors import UnreadableBook
from tests.support.books import make_epub, page, read


async def read_here(file: BinaryIO, name: str) -> Book:
    return read(file.read(), name)


def book_of(path: Path) -> Book:
    return asyncio.run(read_folder(path, read_here))


def write(path: Path, **files: str) -> Path:
    path.mkdir()
    for name, text in files.items():
        stem, _, suffix = name.rpartition("_")
        (path / f"{stem.replace('_', ' ')}.{suffix}").write_text(text)
    return path


def test_files_are_read_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    path = write(
        tmp_path / "My Book",
        ch10_txt="Ten.",
        ch2_md="# Two\n\nText.\n\n# Two and a half\n\nMore.",
        Ch1_html="<h1>One</h1><p>Text.</p>",
    )
    book = book_of(path)
    assert book.title == "My Book"
    assert [chapter.title for chapter in book.chapters] == ["One", "Two", "Two and a half", "ch10"]
    assert book.warnings == ()


def test_what_is_not_read_is_named(tmp_path: Path) -> None:
    path = write(tmp_path / "a", one_txt="One.", cover_png="", empty_txt="", b_pdf="")
    (path / "deep").mkdir()
    (path / ".hidden.txt").write_text("Hidden.")
    book = book_of(path)
    assert [chapter.text for chapter in book.chapters] == ["One."]
    assert book.warnings == ("not read: 'b.pdf', 'cover.png', 'deep'", "'empty.txt' is empty")


def test_the_author_and_language_are_those_that_all_files_name(tmp_path: Path) -> None:
    head = '<html lang="de"><meta name="author" content="Ann"><p>Wort.</p></html>'
    path = write(tmp_path / "a", one_html=head, two_html=head)
    assert (book_of(path).author, book_of(path).language) == ("Ann", "de")
    (path / "three.html").write_text(head.replace("de", "fr", 1).replace("Ann", "Bob"))
    assert (book_of(path).author, book_of(path).language) == ("", "")


def test_a_file_that_cannot_be_read_ends_it_with_its_name(tmp_path: Path) -> None:
    path = write(tmp_path / "a", one_txt="One.")
    (path / "two.txt").write_bytes(b"a\0b")
    with pytest.raises(UnreadableBook, match=r"'two.txt': this is no text file"):
        book_of(path)


def test_a_pipe_among_the_files_is_not_waited_for(tmp_path: Path) -> None:
    path = write(tmp_path / "a", one_txt="One.")
    os.mkfifo(path / "two.txt")
    assert book_of(path).warnings == ("not read: 'two.txt'",)


def test_an_epub_in_a_folder_is_a_book_of_its_own(tmp_path: Path) -> None:
    path = write(tmp_path / "a")
    (path / "novel.epub").write_bytes(make_epub({"a.xhtml": page("<p>Words.</p>")}))
    with pytest.raises(UnreadableBook, match=r"has no files to read; known are \.txt"):
        book_of(path)


def test_too_many_files_and_too_much_text_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "a", one_txt="One.", two_txt="Two.")
    with pytest.raises(UnreadableBook, match="2 files; the limit is 1"):
        list_files(path, max_files=1)
    with pytest.raises(UnreadableBook, match="MiB of files"):
        list_files(path, max_total_bytes=7)
