"""Members of the ZIP file of an EPUB or Word document, read into memory within limits; the disk gets nothing."""

import posixpath
import zipfile
import zlib
from typing import BinaryIO
from urllib.parse import unquote, urlsplit

from app.errors import UnreadableBook, quoted

MAX_MEMBERS = 50_000
MAX_MEMBER_BYTES = 32 * 1024 * 1024
MAX_TOTAL_BYTES = 256 * 1024 * 1024
"""Everything that is read of one book. Pictures other than the cover are not read."""

_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


class Archive:
    """Raises UnreadableBook for a damaged file, for one that is encrypted, and for one that is too large.

    kind   of the file, for messages
    """

    def __init__(self, file: BinaryIO, kind: str = "EPUB") -> None:
        self._kind = kind
        try:
            self._zip = zipfile.ZipFile(file)
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
            raise UnreadableBook(f"the {kind} is damaged: its ZIP directory cannot be read ({error})") from error
        if len(self._zip.filelist) > MAX_MEMBERS:
            raise UnreadableBook(f"the {kind} has more than {MAX_MEMBERS} files")
        self._left = MAX_TOTAL_BYTES

    def __contains__(self, path: str) -> bool:
        return path in self._zip.NameToInfo

    def start_again(self) -> None:
        """Count the bytes from zero: all that has been read so far is read once more."""
        self._left = MAX_TOTAL_BYTES

    def read(self, path: str, max_bytes: int = MAX_MEMBER_BYTES) -> bytes:
        """A member's bytes. Raises KeyError for a path that is not in the archive.

        The bytes are counted while they are unpacked, because the sizes in the directory may be false.
        """
        info = self._zip.NameToInfo[path]
        if info.flag_bits & 1:
            raise UnreadableBook(f"the {self._kind} is encrypted: {quoted(path)} needs a password")
        if info.compress_type not in _METHODS:
            raise UnreadableBook(f"the {self._kind} is damaged: {quoted(path)} is packed in a way that is not allowed")
        limit = min(max_bytes, self._left)
        try:
            with self._zip.open(info) as member:
                data = member.read(limit + 1)
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, NotImplementedError) as error:
            raise UnreadableBook(f"the {self._kind} is damaged: {quoted(path)} cannot be unpacked ({error})") from error
        if len(data) > limit:
            raise UnreadableBook(f"the {self._kind} is too large: unpacked, {quoted(path)} has more than {limit} bytes")
        self._left -= len(data)
        return data


def resolve(base: str, href: str) -> tuple[str, str] | None:
    """(path in the archive, fragment) of a link in the file `base`; None where it leads out of the archive."""
    try:
        parts = urlsplit(href.strip())
    except ValueError:
        return None
    if parts.scheme or parts.netloc:
        return None
    path = unquote(parts.path)
    target = posixpath.normpath(posixpath.join(posixpath.dirname(base), path)) if path else base
    if target.startswith(("/", "../")) or target == ".." or "\\" in target:
        return None
    return target, unquote(parts.fragment)
