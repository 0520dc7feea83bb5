"""Recognises copy protection, so that the message can say it."""

from collections.abc import Sequence
from typing import Protocol

from app.books.reading.archive import Archive, resolve
from app.books.reading.markup import attribute, find_all, parse_xml
from app.errors import UnreadableBook

ENCRYPTION = "META-INF/encryption.xml"
_FONT_METHODS = ("http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC")
"""Fonts may be obfuscated in books without protection."""
_SCHEMES = {
    "META-INF/license.lcpl": "Readium LCP",
    "META-INF/sinf.xml": "Apple FairPlay",
    "META-INF/rights.xml": "Adobe ADEPT",
}


class _HasPath(Protocol):
    @property
    def path(self) -> str: ...


def check_protection(archive: Archive, spine: Sequence[_HasPath]) -> None:
    """Raises UnreadableBook where a document of the reading order is encrypted."""
    if ENCRYPTION not in archive:
        return
    paths = {item.path for item in spine}
    for data in find_all(parse_xml(archive.read(ENCRYPTION), ENCRYPTION), "encrypteddata"):
        methods = [attribute(method, "Algorithm") for method in find_all(data, "encryptionmethod")]
        places = [resolve("", attribute(reference, "URI")) for reference in find_all(data, "cipherreference")]
        is_text = any(place is not None and place[0] in paths for place in places)
        if is_text and not any(method in _FONT_METHODS for method in methods):
            scheme = next((name for path, name in _SCHEMES.items() if path in archive), "an unknown scheme")
            raise UnreadableBook(
                f"the EPUB has copy protection (DRM, {scheme}), so its text cannot be read: use a copy without DRM"
            )
