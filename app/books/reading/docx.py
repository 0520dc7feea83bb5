"""Word documents (.docx, Office Open XML): paragraphs in order, chapters by their headings.

Deleted and hidden text, field codes, notes, text boxes, comments and tables of contents are left out.
"""

from collections.abc import Iterator
from typing import BinaryIO

from app.books.book import Book, Chapter, one_line
from app.books.reading.archive import Archive
from app.books.reading.chapters import Document, make_chapters
from app.books.reading.markup import Element, attribute, find_all, local_name, parse_xml, text_of
from app.books.reading.prose import SCENE_BREAK, Heading, Prose
from app.errors import UnreadableBook

DOCUMENT = "word/document.xml"
STYLES = "word/styles.xml"
PROPERTIES = "docProps/core.xml"
OLE = b"\xd0\xcf\x11\xe0"
"""Begins files of older versions, and documents with a password."""
MAX_XML_BYTES = 64 * 1024 * 1024
_SKIPPED = frozenset(
    ("del", "movefrom", "instrtext", "deltext", "fallback", "txbxcontent", "pict", "object", "rpr", "ppr")
)
_SCENES = frozenset(("*", "* * *", "***", "#", "⁂", "—", "–––", "---"))
MAX_LEVEL = 9


def read_docx(file: BinaryIO, name: str) -> Book:
    """`name` is the title of a document without one. Raises UnreadableBook: damaged, too large, or without text."""
    if file.read(len(OLE)) == OLE:
        raise UnreadableBook("the Word document has a password, or is an old .doc: save it as .docx without one")
    archive = Archive(file, "Word document")
    if DOCUMENT not in archive:
        raise UnreadableBook(f"this is no Word document: its ZIP has no {DOCUMENT}")
    styles = _read(archive, STYLES)
    levels = {} if styles is None else _heading_levels(styles)
    properties = _read(archive, PROPERTIES)
    title = (_property(properties, "title") if properties is not None else "") or name
    root = parse_xml(archive.read(DOCUMENT, MAX_XML_BYTES), DOCUMENT)
    prose = _read_prose(root, levels)
    chapters = tuple(Chapter(one_line(heading), text) for heading, text in make_chapters([Document(prose)], title))
    if not chapters:
        raise UnreadableBook("the Word document has no text")
    return Book(
        title=title,
        author=_property(properties, "creator") if properties is not None else "",
        language=_language(properties, styles),
        chapters=chapters,
    )


def _read(archive: Archive, path: str) -> Element | None:
    return parse_xml(archive.read(path), path) if path in archive else None


def _property(properties: Element, name: str) -> str:
    return next((one_line(text_of(element)) for element in find_all(properties, name)), "")


def _language(properties: Element | None, styles: Element | None) -> str:
    """As the properties say, else that of the default style."""
    found = _property(properties, "language") if properties is not None else ""
    if not found and styles is not None:
        defaults = next(find_all(styles, "docdefaults"), None)
        marks = find_all(defaults, "lang") if defaults is not None else iter(())
        found = next((attribute(mark, "val") for mark in marks), "")
    return found


def _heading_levels(styles: Element) -> dict[str, int]:
    """Id of a paragraph's style -> level of its headings, from 1; 0 for tables of contents, which are not read.

    The name of a style is English in every language of Word; its id is not.
    """
    levels: dict[str, int] = {}
    for style in find_all(styles, "style"):
        name = next((attribute(element, "val").lower() for element in style if local_name(element) == "name"), "")
        kind, _, number = name.rpartition(" ")
        if kind == "heading" and number.isdecimal():
            levels[attribute(style, "styleId")] = int(number)
        elif kind == "toc" or name == "toc heading":
            levels[attribute(style, "styleId")] = 0
        else:
            found = [_outline_level(element) for element in find_all(style, "outlinelvl")]
            levels |= {attribute(style, "styleId"): level for level in found if level is not None}
    return levels


def _outline_level(element: Element) -> int | None:
    """Level from 1; None for the body text of a document."""
    value = attribute(element, "val")
    return int(value) + 1 if value.isdecimal() and int(value) < MAX_LEVEL else None


def _read_prose(root: Element, levels: dict[str, int]) -> Prose:
    paragraphs: list[str] = []
    headings: list[Heading] = []
    for paragraph in _paragraphs(root):
        level = _level(paragraph, levels)
        text = "" if level == 0 else " ".join("".join(_texts(paragraph)).split())
        if not text:
            continue
        if level is not None:
            headings.append(Heading(level, len(paragraphs)))
        paragraphs.append(SCENE_BREAK if text in _SCENES else text)
    return Prose(paragraphs, {}, headings)


def _paragraphs(root: Element) -> Iterator[Element]:
    """Paragraphs outside of what is left out, without recursion."""
    stack = [iter(root)]
    while stack:
        element = next(stack[-1], None)
        if element is None:
            stack.pop()
        elif local_name(element) == "p":
            yield element
        elif local_name(element) not in _SKIPPED:
            stack.append(iter(element))


def _level(paragraph: Element, levels: dict[str, int]) -> int | None:
    """Level of a heading; None for a paragraph that is none; 0 for a line of a table of contents."""
    for properties in paragraph:
        if local_name(properties) == "ppr":
            for element in properties:
                value = attribute(element, "val")
                if local_name(element) == "pstyle" and value in levels:
                    return levels[value]
                if local_name(element) == "outlinelvl":
                    return _outline_level(element)
    return None


def _texts(paragraph: Element) -> Iterator[str]:
    stack = [iter(paragraph)]
    while stack:
        element = next(stack[-1], None)
        if element is None:
            stack.pop()
            continue
        name = local_name(element)
        if name == "t":
            yield "".join(element.itertext())
        elif name in ("tab", "br", "cr"):
            yield " "
        elif name == "nobreakhyphen":
            yield "-"
        elif name not in _SKIPPED and not (name == "r" and _is_hidden(element)):
            stack.append(iter(element))


def _is_hidden(run: Element) -> bool:
    properties = next((element for element in run if local_name(element) == "rpr"), None)
    if properties is None:
        return False
    marks = [element for element in properties if local_name(element) == "vanish"]
    return any(attribute(mark, "val") not in ("0", "false", "off") for mark in marks)
