"""Books as plain text, Markdown or HTML."""

import re
from itertools import pairwise
from typing import BinaryIO

from markdown_it import MarkdownIt

from app.books.book import Book, Chapter, one_line
from app.books.reading.chapters import Document, make_chapters
from app.books.reading.markup import attribute, find_all, parse_html, text_of
from app.books.reading.notes import NoteFilter, find_note_places
from app.books.reading.prose import read_prose
from app.errors import UnreadableBook
from app.text.cleaning import PARAGRAPH_BREAK
from app.text.markup.markdown import to_plain_text
from app.text.markup.spans import Warnings

MAX_BYTES = 64 * 1024 * 1024
MAX_HEADING_CHARS = 80
MAX_HEADING_LEVEL = 2
"""Headings of Markdown that begin a chapter: smaller headings are sections of a chapter."""
_WORDS = (
    "chapter|part|book|prologue|epilogue|foreword|preface|introduction|kapitel|teil|buch|prolog|epilog|vorwort|"
    "chapitre|partie|livre|capítulo|capitulo|parte|libro|capitolo|hoofdstuk|deel|rozdział|kapitola|část|fejezet|"
    "bölüm|глава|часть|अध्याय|الفصل"
)
_NUMBER = r"(?:\d{1,4}|[ivxlcdm]{1,9}|(?:the )?[^\W\d_]{2,12}(?:[ -][^\W\d_]{2,12})?)"
_HEADING = re.compile(
    rf"(?:(?:{_WORDS})(?:\s+{_NUMBER})?(?:\s*[.:–—-]\s*.{{1,60}}|\.)?|第.{{1,6}}[章回節节部巻卷].{{0,60}}|제?\s?\d{{1,4}}\s?장.{{0,60}})",
    re.IGNORECASE,
)
_BLANK_LINES = re.compile(r"\n[^\S\n]*\n")


def read_text(file: BinaryIO, name: str) -> Book:
    """Plain text. A line such as `Chapter 3` begins a chapter where empty lines surround it."""
    text, warnings = _decode(file)
    if not _BLANK_LINES.search(text.strip()):
        text = text.replace("\n", PARAGRAPH_BREAK)  # a paragraph a line
    chapters: list[Chapter] = []
    title, paragraphs = name, list[str]()
    for paragraph in _BLANK_LINES.split(text):
        stripped = paragraph.strip()
        if len(stripped) <= MAX_HEADING_CHARS and "\n" not in stripped and _HEADING.fullmatch(stripped):
            _add(chapters, title, paragraphs)
            title, paragraphs = stripped, []
        if stripped:
            paragraphs.append(stripped)
    _add(chapters, title, paragraphs)
    return _book(name, chapters, warnings)


def read_markdown(file: BinaryIO, name: str) -> Book:
    """Headings of levels 1 and 2 begin chapters."""
    text, warnings = _decode(file)
    lines = text.split("\n")
    starts, title = [(0, name)], name
    tokens = MarkdownIt("commonmark", {"maxNesting": 20}).disable("reference").parse(text)
    for token, content in pairwise(tokens):
        if token.type == "heading_open" and token.level == 0 and token.map and int(token.tag[1]) <= MAX_HEADING_LEVEL:
            starts.append((token.map[0], content.content))
            title = content.content if title == name and token.tag == "h1" else title
    chapters: list[Chapter] = []
    found = Warnings()
    for (start, heading), (end, _) in zip(starts, [*starts[1:], (len(lines), "")], strict=True):
        plain = to_plain_text("\n".join(lines[start:end]), found, is_auto=False)
        _add(chapters, to_plain_text(heading, found, is_auto=False), [plain])
    return _book(one_line(title) or name, chapters, [*warnings, *found.sentences()])


def read_html(file: BinaryIO, name: str) -> Book:
    """The greatest headings begin chapters."""
    data = _read(file)
    root = parse_html(data)
    if root is None:
        raise UnreadableBook("the HTML file has no text")
    places = {id_ for path, id_ in find_note_places(root, "book.html") if path == "book.html"}
    prose = read_prose(root, is_left_out=NoteFilter(root, places))
    title = next((one_line(text_of(element)) for element in find_all(root, "title")), "") or name
    authors = [attribute(meta, "content") for meta in find_all(root, "meta") if attribute(meta, "name") == "author"]
    chapters = [Chapter(one_line(heading), text) for heading, text in make_chapters([Document(prose)], title)]
    return _book(title, chapters, [], author=one_line(", ".join(authors)), language=attribute(root, "lang"))


def _read(file: BinaryIO) -> bytes:
    data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise UnreadableBook(f"the file has more than {MAX_BYTES // 2**20} MiB of text")
    return data


def _decode(file: BinaryIO) -> tuple[str, list[str]]:
    """Text with `\\n` at the ends of lines, and warnings. UTF-8, UTF-16 with a byte order mark, else Windows-1252."""
    data = _read(file)
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    warnings: list[str] = []
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        text = data.decode("cp1252", errors="replace")
        warnings.append("the file is not UTF-8, so it is read as Windows-1252: check its accents, or convert it")
    if "\0" in text:
        raise UnreadableBook("this is no text file: it holds null characters")
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\f", PARAGRAPH_BREAK), warnings


def _add(chapters: list[Chapter], title: str, paragraphs: list[str]) -> None:
    text = PARAGRAPH_BREAK.join(paragraphs)
    if any(map(str.isalnum, text)):
        chapters.append(Chapter(one_line(title), text))


def _book(title: str, chapters: list[Chapter], warnings: list[str], *, author: str = "", language: str = "") -> Book:
    if not chapters:
        raise UnreadableBook("the file has no words")
    return Book(title=title, author=author, language=language, chapters=tuple(chapters), warnings=tuple(warnings))
