"""Plain text, Markdown and HTML to chapters."""

import asyncio

import pytest

from app.errors import UnreadableBook
from tests.support.books import make_epub, page, read, read_file


def titles(data: bytes | str, name: str) -> list[str]:
    return [chapter.title for chapter in read(data, name).chapters]


def test_lines_of_their_own_such_as_chapter_3_begin_chapters_of_a_text() -> None:
    text = (
        "Thanks.\n\nChapter 1\n\nWords\nwrapped.\n\nCHAPTER II. The Sea\n\nIn chapter 3\n\nwe say.\n\nEpilogue\n\nEnd."
    )
    assert titles(text, "novel.txt") == ["novel", "Chapter 1", "CHAPTER II. The Sea", "Epilogue"]
    assert read(text, "novel.txt").chapters[1].text == "Chapter 1\n\nWords\nwrapped."


def test_a_text_without_empty_lines_has_a_paragraph_a_line() -> None:
    assert read("Kapitel 1\nErster Satz.\nZweiter Satz.\n", "buch.txt").chapters[0].text == (
        "Kapitel 1\n\nErster Satz.\n\nZweiter Satz."
    )


def test_a_text_without_chapters_is_one_chapter_named_for_its_file() -> None:
    assert titles("Only words.\n\nMore words.", "a tale.txt") == ["a tale"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_unicode_texts_are_read(encoding: str) -> None:
    book = read("Ein schönes Café.".encode(encoding), "a.txt")
    assert (book.chapters[0].text, book.warnings) == ("Ein schönes Café.", ())


def test_an_older_encoding_is_read_with_a_warning() -> None:
    book = read("Ein schönes Café – ja.".encode("cp1252"), "a.txt")
    assert book.chapters[0].text == "Ein schönes Café – ja."
    assert "not UTF-8" in book.warnings[0]


def test_headings_of_levels_1_and_2_begin_chapters_of_markdown() -> None:
    text = "# My *Novel*\n\nFor you.\n\n## One\n\nSome **bold** words.\n"
    text += "\n```\n# no heading\n```\n\n### Section\n\nMore.\n\nTwo\n---\n\nEnd."
    book = read(text, "novel.md")
    assert book.title == "My *Novel*"
    assert [chapter.title for chapter in book.chapters] == ["My Novel", "One", "Two"]
    assert "Some bold words." in book.chapters[1].text


def test_the_greatest_headings_begin_chapters_of_html() -> None:
    data = (
        '<html lang="en"><head><title>A &amp; B</title><meta name="author" content="Ann"></head>'
        "<h1>One</h1><p>First.<h1>Two</h1><h2>In two</h2><p>Second."
    )
    book = read(data, "novel.html")
    assert (book.title, book.author, book.language) == ("A & B", "Ann", "en")
    assert [(chapter.title, chapter.text) for chapter in book.chapters] == [
        ("One", "One\n\nFirst."),
        ("Two", "Two\n\nIn two\n\nSecond."),
    ]


@pytest.mark.parametrize("data", ["", " \n\n", "***", b"\0\1\2"])
def test_a_file_without_words_is_refused(data: bytes | str) -> None:
    with pytest.raises(UnreadableBook):
        read(data, "a.txt")


def test_a_file_without_an_ending_is_an_epub_or_a_text() -> None:
    assert titles(make_epub({"a.xhtml": page("<h1>One</h1>")}), "-") == ["One"]
    assert titles("Words.", "-") == ["-"]


@pytest.mark.slow
def test_fifty_megabytes_without_a_paragraph_are_read_in_a_child_process() -> None:
    book = asyncio.run(read_file(b"word " * 10_000_000, "long.txt"))
    assert len(book.chapters[0].text) == 50_000_000 - 1


def test_more_text_than_the_limit_is_refused() -> None:
    with pytest.raises(UnreadableBook, match="more than 64 MiB"):
        read(b"a" * (64 * 2**20 + 1), "long.txt")
