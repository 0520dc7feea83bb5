"""EPUB 2 and 3: the package, its spine in order, chapters by its table of contents."""

import posixpath
from collections import defaultdict
from collections.abc import Sequence
from typing import BinaryIO

import msgspec

from app.books.book import Book, Chapter, Cover, one_line
from app.books.reading.archive import Archive, resolve
from app.books.reading.chapters import Document, make_chapters
from app.books.reading.cover import MAX_COVER_BYTES, read_cover
from app.books.reading.drm import check_protection
from app.books.reading.markup import Element, attribute, find_all, local_name, parse_document, parse_xml, text_of
from app.books.reading.navigation import Entry, read_nav, read_ncx
from app.books.reading.notes import NoteFilter, Place, find_note_places
from app.books.reading.prose import read_prose
from app.errors import UnreadableBook, quoted

CONTAINER = "META-INF/container.xml"
MAX_NAMED = 5
"""Missing files that one warning names."""


class _Item(msgspec.Struct, frozen=True):
    path: str
    mime_type: str
    properties: tuple[str, ...]


def read_epub(file: BinaryIO, name: str) -> Book:
    """Raises UnreadableBook: damaged, protected, too large, or without text. `name` is its title where it has none."""
    archive = Archive(file)
    package_path = _find_package(archive)
    package = parse_xml(_read(archive, package_path), package_path)
    items = _read_manifest(package, package_path)
    warnings: list[str] = []
    spine = _read_spine(package, items, archive, warnings)
    check_protection(archive, spine)
    documents = _read_documents(archive, spine, _read_entries(archive, package, items, warnings), warnings)
    title = _metadata(package, "title") or name
    chapters = tuple(Chapter(one_line(heading), text) for heading, text in make_chapters(documents, title))
    if not chapters:
        raise UnreadableBook("the EPUB has no text: its pages may be pictures")
    return Book(
        title=title,
        author=_authors(package),
        language=_metadata(package, "language"),
        chapters=chapters,
        cover=_find_cover(archive, package, items, warnings),
        warnings=tuple(warnings),
    )


def _read(archive: Archive, path: str) -> bytes:
    try:
        return archive.read(path)
    except KeyError:
        raise UnreadableBook(f"the EPUB is damaged: it has no {quoted(path)}") from None


def _find_package(archive: Archive) -> str:
    if CONTAINER not in archive:
        raise UnreadableBook(f"this is no EPUB: its ZIP has no {CONTAINER}")
    for root_file in find_all(parse_xml(_read(archive, CONTAINER), CONTAINER), "rootfile"):
        place = resolve("", attribute(root_file, "full-path"))
        if place is not None:
            return place[0]
    raise UnreadableBook(f"the EPUB is damaged: {CONTAINER} names no package file in it")


def _read_manifest(package: Element, package_path: str) -> dict[str, _Item]:
    """id -> item; links that lead out of the file are left out."""
    items: dict[str, _Item] = {}
    for manifest in find_all(package, "manifest"):
        for element in manifest:
            place = resolve(package_path, attribute(element, "href")) if local_name(element) == "item" else None
            if place is not None:
                properties = tuple(attribute(element, "properties").split())
                items[attribute(element, "id")] = _Item(place[0], attribute(element, "media-type").lower(), properties)
    return items


def _read_spine(package: Element, items: dict[str, _Item], archive: Archive, warnings: list[str]) -> list[_Item]:
    spine: dict[str, _Item] = {}
    missing: list[str] = []
    for reference in find_all(package, "itemref"):
        id_ = attribute(reference, "idref")
        item = items.get(id_)
        if item is None or item.path not in archive:
            missing.append(id_ if item is None else item.path)
        elif attribute(reference, "linear") != "no" and "nav" not in item.properties:
            spine.setdefault(item.path, item)
    if missing:
        more = f" and {len(missing) - MAX_NAMED} more" if len(missing) > MAX_NAMED else ""
        named = ", ".join(quoted(path) for path in missing[:MAX_NAMED])
        warnings.append(f"missing from the EPUB, so not read: {named}{more}")
    if not spine:
        raise UnreadableBook("the EPUB is damaged: none of the documents in its reading order is there")
    return list(spine.values())


def _read_entries(archive: Archive, package: Element, items: dict[str, _Item], warnings: list[str]) -> Sequence[Entry]:
    navs = [item for item in items.values() if "nav" in item.properties and item.path in archive]
    for item in navs:
        root = parse_document(archive.read(item.path))
        entries = [] if root is None else read_nav(root, item.path)
        if entries:
            return entries
    named = {attribute(spine, "toc") for spine in find_all(package, "spine")}
    ncx = [item for id_, item in items.items() if id_ in named or item.mime_type == "application/x-dtbncx+xml"]
    for item in ncx:
        if item.path in archive:
            root = parse_document(archive.read(item.path))
            entries = [] if root is None else read_ncx(root, item.path)
            if entries:
                return entries
    warnings.append("the EPUB has no table of contents; its headings give the chapters")
    return []


def _read_documents(
    archive: Archive, spine: Sequence[_Item], entries: Sequence[Entry], warnings: list[str]
) -> list[Document]:
    """Each document is parsed twice: references of one chapter may lead to notes at the end of the book."""
    notes: defaultdict[str, set[str]] = defaultdict(set)
    for item in spine:
        root = parse_document(archive.read(item.path))
        places: list[Place] = [] if root is None else list(find_note_places(root, item.path))
        for path, id_ in places:
            notes[path].add(id_)
    archive.start_again()
    of_path: defaultdict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        of_path[entry.path].append(entry)
    documents: list[Document] = []
    for item in spine:
        root = parse_document(archive.read(item.path))
        if root is None:
            warnings.append(f"{quoted(posixpath.basename(item.path))} cannot be read as a page, so it is left out")
            continue
        wanted = {entry.fragment for entry in of_path[item.path] if entry.fragment}
        prose = read_prose(root, anchors=wanted, is_left_out=NoteFilter(root, notes[item.path]))
        documents.append(Document(prose, tuple(of_path[item.path]), _document_title(root)))
    return documents


def _document_title(root: Element) -> str:
    return next((text_of(title) for title in find_all(root, "title")), "")


def _find_cover(archive: Archive, package: Element, items: dict[str, _Item], warnings: list[str]) -> Cover | None:
    named = {attribute(meta, "content") for meta in find_all(package, "meta") if attribute(meta, "name") == "cover"}
    covers = [item for id_, item in items.items() if "cover-image" in item.properties or id_ in named]
    for item in covers:
        if item.path in archive and item.mime_type in ("image/jpeg", "image/jpg", "image/png"):
            cover = read_cover(archive.read(item.path, MAX_COVER_BYTES))
            if cover is not None:
                return cover
    if covers:
        warnings.append("the cover is left out: it is no JPEG or PNG file")
    return None


def _metadata(package: Element, name: str) -> str:
    for metadata in find_all(package, "metadata"):
        for element in find_all(metadata, name):
            if text := one_line(text_of(element)):
                return text
    return ""


def _authors(package: Element) -> str:
    creators = [text_of(element) for element in find_all(package, "creator")]
    return one_line(", ".join(dict.fromkeys(filter(None, creators))))
