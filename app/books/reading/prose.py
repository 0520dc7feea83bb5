"""A content document as paragraphs that are read aloud, with the places that a table of contents names."""

from collections.abc import Callable, Collection, Iterator

import msgspec

from app.books.reading.markup import Element, attribute, entity_text, local_name

SILENT_TAGS = frozenset([
    "applet", "audio", "button", "canvas", "embed", "form", "head", "iframe", "img", "input", "map", "math", "nav",
    "noscript", "object", "rp", "rt", "script", "select", "style", "svg", "template", "textarea", "title", "video",
])  # fmt: skip
BLOCK_TAGS = frozenset([
    "address", "article", "aside", "blockquote", "body", "caption", "center", "dd", "details", "dialog", "div", "dl",
    "dt", "figcaption", "figure", "footer", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hgroup", "hr", "html", "li",
    "main", "ol", "p", "pre", "section", "summary", "table", "tbody", "tfoot", "thead", "tr", "ul",
])  # fmt: skip
HEADINGS = {"h1": 1, "h2": 2, "h3": 3, "h4": 4, "h5": 5, "h6": 6}
SCENE_BREAK = "[pause 1s]"
"""A horizontal rule, as a pause that every text may hold (app.text.markup.pauses)."""


class Heading(msgspec.Struct, frozen=True):
    """`paragraph`: index of the paragraph that it is."""

    level: int
    paragraph: int


class Prose(msgspec.Struct):
    paragraphs: list[str]
    anchors: dict[str, int]
    """id -> index of the paragraph in which its element begins"""
    headings: list[Heading]


def read_prose(root: Element, *, anchors: Collection[str] = (), is_left_out: Callable[[Element], bool]) -> Prose:
    """The words of a document in their order, without recursion: a file may be nested as deep as it likes.

    anchors       ids that are looked for
    is_left_out   True for elements that are not read, beside SILENT_TAGS and hidden ones
    """
    reader = _Reader(frozenset(anchors))
    stack: list[tuple[Element, Iterator[Element]]] = []
    node: Element | None = root
    while node is not None or stack:
        if node is None:
            parent, children = stack[-1]
            node = next(children, None)
            if node is None:
                stack.pop()
                reader.close(parent)
                reader.text(parent.tail if stack else None)
            continue
        if (character := entity_text(node)) is not None:
            reader.text(character)
            reader.text(node.tail)
        elif not local_name(node) or _is_silent(node) or is_left_out(node):
            reader.skip(node)
            reader.text(node.tail if stack else None)
        else:
            reader.open(node)
            reader.text(node.text)
            stack.append((node, iter(node)))
        node = None
    reader.end_paragraph()
    return Prose(reader.paragraphs, reader.anchors, reader.headings)


def _is_silent(element: Element) -> bool:
    return local_name(element) in SILENT_TAGS or "hidden" in element.attrib


class _Reader:
    def __init__(self, wanted: frozenset[str]) -> None:
        self._wanted = wanted
        self._pieces: list[str] = []
        self._level = 0
        self.paragraphs: list[str] = []
        self.anchors: dict[str, int] = {}
        self.headings: list[Heading] = []

    def open(self, element: Element) -> None:
        name = local_name(element)
        if name in BLOCK_TAGS:
            self.end_paragraph()
        self._anchor(element)
        if name == "hr":
            self._add(SCENE_BREAK)
        elif name in ("br", "td", "th"):
            self._pieces.append(" ")
        elif name in HEADINGS:
            self._level = HEADINGS[name]

    def close(self, element: Element) -> None:
        if local_name(element) in BLOCK_TAGS:
            self.end_paragraph()
        if local_name(element) in HEADINGS:
            self._level = 0

    def skip(self, element: Element) -> None:
        """An element that is not read; a table of contents may name it."""
        self._anchor(element)
        if local_name(element) in BLOCK_TAGS:
            self.end_paragraph()

    def text(self, text: str | None) -> None:
        if text:
            self._pieces.append(text)

    def end_paragraph(self) -> None:
        paragraph = " ".join("".join(self._pieces).split())
        self._pieces.clear()
        if paragraph:
            self._add(paragraph)

    def _add(self, paragraph: str) -> None:
        if self._level:
            self.headings.append(Heading(self._level, len(self.paragraphs)))
        self.paragraphs.append(paragraph)

    def _anchor(self, element: Element) -> None:
        for name in ("id", "name"):
            value = attribute(element, name)
            if value in self._wanted:
                self.anchors.setdefault(value, len(self.paragraphs))
