"""EPUB files of a test's making."""

import io
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from app.books.book import Book
from app.books.plan import Recipe
from app.books.reading import read_book
from app.books.reading.child import read_in_child

RECIPE = Recipe(
    engine="fake", model="fake 1", precision=None, sample_rate_hz=24_000, voice="heart", gain=1.0, speed=1.0, seed=0
)
CONTAINER = (
    '<?xml version="1.0"?><container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
    '<rootfile full-path="OPS/book.opf" media-type="application/oebps-package+xml"/></rootfiles></container>'
)
XHTML = (
    '<?xml version="1.0" encoding="utf-8"?>\n<html xmlns="http://www.w3.org/1999/xhtml" '
    'xmlns:epub="http://www.idpf.org/2007/ops"><head><title>{title}</title></head><body>{body}</body></html>'
)


def page(body: str, title: str = "") -> str:
    return XHTML.format(title=title, body=body)


def nav(*entries: tuple[str, str]) -> str:
    items = "".join(f'<li><a href="{href}">{title}</a></li>' for title, href in entries)
    return page(f'<nav epub:type="toc"><ol>{items}</ol></nav>')


def ncx(*entries: tuple[str, str]) -> str:
    points = "".join(
        f'<navPoint><navLabel><text>{title}</text></navLabel><content src="{href}"/></navPoint>'
        for title, href in entries
    )
    return f'<ncx xmlns="http://www.daisy.org/z3986/2005/ncx/"><navMap>{points}</navMap></ncx>'


def make_epub(
    pages: Mapping[str, str],
    *,
    contents: str = "",
    is_epub2: bool = False,
    spine: Sequence[str] | None = None,
    cover: bytes | None = None,
    files: Mapping[str, bytes | str] | None = None,
    title: str = "The Novel",
) -> bytes:
    """The bytes of an EPUB. `pages`: name -> XHTML, in the order of the spine unless `spine` says otherwise."""
    items = "".join(
        f'<item id="{name}" href="{name}" media-type="application/xhtml+xml"/>' for name in dict.fromkeys(pages)
    )
    if contents and is_epub2:
        items += '<item id="toc" href="toc.ncx" media-type="application/x-dtbncx+xml"/>'
    elif contents:
        items += '<item id="toc" href="nav.xhtml" properties="nav" media-type="application/xhtml+xml"/>'
    if cover is not None:
        mime_type = "image/png" if cover.startswith(b"\x89") else "image/jpeg"
        items += f'<item id="art" href="art" media-type="{mime_type}" properties="cover-image"/>'
    references = "".join(f'<itemref idref="{name}"/>' for name in (spine or pages))
    package = (
        '<package xmlns="http://www.idpf.org/2007/opf" xmlns:dc="http://purl.org/dc/elements/1.1/"><metadata>'
        f"<dc:title>{title}</dc:title><dc:creator>Ann Author</dc:creator><dc:creator>Bob Writer</dc:creator>"
        f'<dc:language>en</dc:language></metadata><manifest>{items}</manifest><spine toc="toc">{references}</spine>'
        "</package>"
    )
    members: dict[str, bytes | str] = {"mimetype": "application/epub+zip", "META-INF/container.xml": CONTAINER}
    members["OPS/book.opf"] = package
    members |= {f"OPS/{name}": body for name, body in pages.items()}
    if contents:
        members["OPS/toc.ncx" if is_epub2 else "OPS/nav.xhtml"] = contents
    if cover is not None:
        members["OPS/art"] = cover
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in (members | dict(files or {})).items():
            archive.writestr(name, data)
    return file.getvalue()


def read(data: bytes | str, name: str = "novel.epub") -> Book:
    """Read in this process what a child would read."""
    path = Path(name)
    file = io.BytesIO(data.encode() if isinstance(data, str) else data)
    _, encoded = read_in_child(file, suffix=path.suffix, name=path.stem)
    return msgspec.msgpack.decode(encoded, type=Book)


def make_png(width: int = 4, height: int = 6) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = (b"\0" + b"\x40\x80\xc0" * width) * height
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


async def read_file(data: bytes, name: str) -> Book:
    """Read in a child process."""
    with tempfile.TemporaryFile() as file:
        file.write(data)
        return await read_book(file, name)
