"""The table of contents of an EPUB: a nav document (EPUB 3) or an NCX file (EPUB 2)."""

from collections.abc import Callable, Iterator

import msgspec

from app.books.book import one_line
from app.books.reading.archive import resolve
from app.books.reading.markup import EPUB_TYPE, Element, attribute, find_all, local_name, text_of

MAX_DEPTH = 2
"""Parts and chapters; deeper entries are sections of a chapter."""
MAX_ENTRIES = 20_000


FindLink = Callable[[Element], tuple[str, str]]
"""Title and link of an item."""


class Entry(msgspec.Struct, frozen=True):
    """`fragment`: id in the file, "" for its beginning."""

    title: str
    path: str
    fragment: str


def read_nav(root: Element, path: str) -> list[Entry]:
    """Entries of a nav document, in order; none where it has no table of contents."""
    navs = list(find_all(root, "nav"))
    marked = [nav for nav in navs if "toc" in (nav.get(EPUB_TYPE) or nav.get("epub:type") or "").lower().split()]
    for nav in marked or navs[:1]:
        return _entries(nav, path, item="li", lists=("ol", "ul"), link=_nav_link)
    return []


def read_ncx(root: Element, path: str) -> list[Entry]:
    for nav_map in find_all(root, "navmap"):
        return _entries(nav_map, path, item="navpoint", lists=(), link=_ncx_link)
    return []


def _entries(root: Element, path: str, *, item: str, lists: tuple[str, ...], link: FindLink) -> list[Entry]:
    entries: list[Entry] = []
    stack = [(_items(root, item, lists), 1)]
    while stack and len(entries) < MAX_ENTRIES:
        items, depth = stack[-1]
        element = next(items, None)
        if element is None:
            stack.pop()
            continue
        title, href = link(element)
        place = resolve(path, href) if href else None
        if place is not None and title:
            entries.append(Entry(one_line(title), *place))
        if depth < MAX_DEPTH:
            stack.append((_items(element, item, lists), depth + 1))
    return entries


def _items(parent: Element, item: str, lists: tuple[str, ...]) -> Iterator[Element]:
    for child in parent:
        name = local_name(child)
        if name == item:
            yield child
        elif name in lists:
            yield from (element for element in child if local_name(element) == item)


def _nav_link(element: Element) -> tuple[str, str]:
    for child in element:
        if local_name(child) == "a":
            return text_of(child) or attribute(child, "title"), attribute(child, "href")
    return "", ""


def _ncx_link(element: Element) -> tuple[str, str]:
    title = href = ""
    for child in element:
        if local_name(child) == "navlabel":
            title = text_of(child)
        elif local_name(child) == "content":
            href = attribute(child, "src")
    return title, href
