"""XML and (X)HTML documents as trees, by lxml. Entities that a document declares are never expanded in its text."""

import html.entities
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol, cast

from lxml import etree as _etree  # pyright: ignore

from app.errors import UnreadableBook, quoted

etree = cast("Any", _etree)  # Any: lxml has no types; Element names what is used of them
MAX_DOCTYPE_BYTES = 100_000
_DOCTYPE = re.compile(rb"<!DOCTYPE[^\[>]*(?:\[.*?\]\s*)?>", re.IGNORECASE | re.DOTALL)
EPUB_TYPE = "{http://www.idpf.org/2007/ops}type"


class Element(Protocol):
    """A node of lxml's tree: an element, or an entity that was not expanded."""

    @property
    def tag(self) -> object: ...
    @property
    def text(self) -> str | None: ...
    @property
    def tail(self) -> str | None: ...
    @property
    def attrib(self) -> Mapping[str, str]: ...
    def get(self, key: str) -> str | None: ...
    def items(self) -> Sequence[tuple[str, str]]: ...
    def iter(self, tag: object) -> Iterator["Element"]: ...
    def itertext(self) -> Iterator[str]: ...
    def getparent(self) -> "Element | None": ...
    def __iter__(self) -> Iterator["Element"]: ...


def parse_xml(data: bytes, name: str) -> Element:
    """The root of a package file. Raises UnreadableBook for XML that is not well-formed."""
    try:
        return etree.fromstring(data, _xml_parser())
    except (etree.XMLSyntaxError, ValueError) as error:
        raise UnreadableBook(f"{quoted(name)} is not well-formed XML: {error}") from error


def parse_document(data: bytes) -> Element | None:
    """The root of a content document; None for one without an element.

    Most are XHTML. As HTML, an empty `<title/>` would swallow the page, so XML is tried first.
    """
    try:
        return etree.fromstring(data, _xml_parser())
    except (etree.XMLSyntaxError, ValueError):
        return parse_html(data)


def parse_html(data: bytes) -> Element | None:
    try:
        data.decode("utf-8-sig")
        encoding = "utf-8"
    except UnicodeDecodeError:
        encoding = None  # as its `meta` element says
    # HTML has no document types with declarations, and would show them as words.
    data = _DOCTYPE.sub(b"", data[:MAX_DOCTYPE_BYTES], count=1) + data[MAX_DOCTYPE_BYTES:]
    parser = etree.HTMLParser(encoding=encoding, no_network=True, huge_tree=True, remove_comments=True, remove_pis=True)
    try:
        return etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, ValueError):
        return None


def local_name(element: Element) -> str:
    """The tag without its namespace, in small letters; "" for comments and entities."""
    tag = element.tag
    return tag.rpartition("}")[2].lower() if isinstance(tag, str) else ""


def find_all(root: Element, name: str) -> Iterator[Element]:
    """Elements of that local name, in the order of the document."""
    return (element for element in root.iter(etree.Element) if local_name(element) == name)


def attribute(element: Element, name: str) -> str:
    """An attribute by its local name, whatever its namespace; "" without one."""
    for key, value in element.items():
        if str(key).rpartition("}")[2] == name:
            return str(value)
    return ""


def entity_text(node: Element) -> str | None:
    """The character of an entity such as `&nbsp;`, "" for one that HTML does not know; None for an element."""
    if node.tag is not etree.Entity:
        return None
    return html.entities.html5.get(f"{(node.text or '').strip('&;')};", "")


def text_of(element: Element) -> str:
    """All text below an element, on one line."""
    return " ".join("".join(element.itertext()).split())


def _xml_parser() -> Any:
    return etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False,
                           remove_comments=True, remove_pis=True)  # fmt: skip
