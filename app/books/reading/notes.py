"""Footnotes, references to them and page numbers, which an audiobook leaves out.

EPUB 3 marks them by `epub:type` or `role`. EPUB 2 has no marks, so links and class names are looked at.
"""

import re
from collections.abc import Collection, Iterator

from app.books.reading.archive import resolve
from app.books.reading.markup import EPUB_TYPE, Element, attribute, find_all, local_name, text_of
from app.books.reading.prose import BLOCK_TAGS

_TYPES = frozenset([
    "annoref", "endnote", "endnotes", "footnote", "footnotes", "landmarks", "loa", "loi", "lot", "lov", "note",
    "noteref", "page-list", "pagebreak", "rearnote", "rearnotes", "toc",
])  # fmt: skip
_ROLES = frozenset([
    "doc-backlink", "doc-endnote", "doc-endnotes", "doc-footnote", "doc-noteref", "doc-pagebreak", "doc-pagelist",
    "doc-toc",
])  # fmt: skip
_CLASSES = frozenset([
    "endnote", "endnotes", "fnanchor", "footnote", "footnotes", "note-ref", "noteref", "page-break-number",
    "page-number", "page_number", "pagebreak", "pageno", "pagenum", "pagenumber",
])  # fmt: skip
_LABEL = re.compile(r"[\[({]?(?:\d{1,4}|[a-z]|[ivxlc]{1,7}|[*†‡§¶#]{1,4})[\])}]?\.?", re.IGNORECASE)
_IN_BRACKETS = re.compile(r"[\[({].*[\])}]")

Place = tuple[str, str]
"""path of a file and an id in it"""


def find_note_places(root: Element, path: str) -> Iterator[Place]:
    """Places to which the references of a document lead. Some are no notes: a note refers back to the text."""
    for link in find_all(root, "a"):
        if _is_marked(link) or _looks_like_reference(link):
            place = resolve(path, attribute(link, "href"))
            if place is not None and place[1]:
                yield place


class NoteFilter:
    """Tells which elements of one document are notes, references or page numbers.

    note_ids   ids in this document to which references lead
    """

    def __init__(self, root: Element, note_ids: Collection[str]) -> None:
        self._notes: set[Element] = set()
        for element in root.iter("*") if note_ids else ():
            if attribute(element, "id") in note_ids and (note := _note_around(element)) is not None:
                self._notes.add(note)

    def __call__(self, element: Element) -> bool:
        if _is_marked(element) or element in self._notes:
            return True
        return local_name(element) == "a" and _looks_like_reference(element)


def _is_marked(element: Element) -> bool:
    types = (element.get(EPUB_TYPE) or element.get("epub:type") or "").lower().split()
    roles = (element.get("role") or "").lower().split()
    classes = (element.get("class") or "").lower().split()
    return not (_TYPES.isdisjoint(types) and _ROLES.isdisjoint(roles) and _CLASSES.isdisjoint(classes))


def _looks_like_reference(link: Element) -> bool:
    """A link into a document whose text is a number or a sign, raised or in brackets."""
    if "#" not in attribute(link, "href"):
        return False
    text = text_of(link)
    if not _LABEL.fullmatch(text):
        return False
    parent = link.getparent()
    is_raised = (parent is not None and local_name(parent) == "sup") or next(find_all(link, "sup"), None) is not None
    return is_raised or _IN_BRACKETS.fullmatch(text) is not None


def _note_around(element: Element) -> Element | None:
    """The block of a note, of which `element` has the id; None where a reference stands there.

    A note has an id of its own and a link back, or it begins with a link as its label.
    """
    block: Element | None = element
    while block is not None and local_name(block) not in BLOCK_TAGS:
        block = block.getparent()
    if block is None or local_name(block) in ("body", "html"):
        return None
    links = [link for link in find_all(block, "a") if "#" in attribute(link, "href")]
    if block is element:
        return block if links or local_name(block) in ("aside", "li") else None
    begins_with_label = bool(links) and text_of(block).startswith(text_of(links[0])) and bool(text_of(links[0]))
    return block if begins_with_label and _LABEL.fullmatch(text_of(links[0])) else None
