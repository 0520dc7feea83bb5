"""The audio of a job: a chapter, the chapters that are ready, or the finished book."""

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

from app.books.audio_file import BookFormat
from app.books.jobs.folder import JobFolder
from app.books.jobs.keeper import JobView
from app.books.jobs.record import ChapterCopy, JobStatus
from app.errors import AudioNotReady, RequestError, UnknownChapter, UnknownJob
from app.http.responses.stored_file import FilePart, StoredFile

MAX_NAMED = 10
_ID3_HEADER_BYTES = 10


def find_audio(view: JobView, folder: JobFolder, chapter: int | None) -> StoredFile:
    """Blocking.

    chapter   its number; None: the finished book, or its first chapters as far as they are ready

    Raises AudioNotReady, InvalidField for a chapter that is not made, UnknownJob where the job was deleted meanwhile.
    """
    request, state = view.request, view.state
    copies = {copy.number: copy for copy in state.copies}
    try:
        if chapter is not None:
            if chapter not in copies:
                raise _not_ready(request.chapters, copies, chapter)
            return _stored(
                [folder.audio / copies[chapter].file], BookFormat.MP3.mime_type, f"{request.title} {chapter}.mp3"
            )
        if state.status is JobStatus.FINISHED:
            suffix = request.book_format.suffix
            return _stored([folder.audio / state.file], request.book_format.mime_type, f"{request.title}{suffix}")
        ready: list[Path] = []
        for number in request.chapters:
            if number not in copies:
                break
            ready.append(folder.audio / copies[number].file)
        if not ready:
            raise _not_ready(request.chapters, copies, request.chapters[0])
        return _stored(ready, BookFormat.MP3.mime_type, f"{request.title}.mp3")
    except FileNotFoundError as error:
        raise UnknownJob("the audio was deleted or is made anew", param="job_id") from error


def _not_ready(chapters: Sequence[int], copies: dict[int, ChapterCopy], chapter: int) -> RequestError:
    if chapter not in chapters:
        return UnknownChapter(f"chapter {chapter} is not one of those that the job makes", param="chapter")
    there = ", ".join(str(number) for number in sorted(copies)[:MAX_NAMED]) or "none"
    return AudioNotReady(f"chapter {chapter} is not ready; ready are: {there}", param="chapter")


def _stored(paths: Sequence[Path], media_type: str, name: str) -> StoredFile:
    """Files of MP3 behind one another: tags of the first one only."""
    parts: list[FilePart] = []
    identity = hashlib.sha256()
    for path in paths:
        found = path.stat()
        start = _num_tag_bytes(path) if parts else 0
        parts.append(FilePart(path, start, found.st_size - start))
        identity.update(f"{path.name} {found.st_size} {found.st_mtime_ns}\n".encode())
    return StoredFile(tuple(parts), media_type, f'"{identity.hexdigest()[:32]}"', _disposition(name))


def _num_tag_bytes(path: Path) -> int:
    """Length of the ID3v2 tag at the start of a file: 28 bits in four bytes."""
    with path.open("rb") as file:
        header = file.read(_ID3_HEADER_BYTES)
    if header[:3] != b"ID3":
        return 0
    return _ID3_HEADER_BYTES + sum(byte << 7 * place for place, byte in enumerate(reversed(header[6:10])))


def _disposition(name: str) -> str:
    """`Content-Disposition` after RFC 6266, with the name in ASCII and in UTF-8."""
    name = re.sub(r'[\x00-\x1f\x7f/\\:*?"<>|]', "_", name)
    plain = re.sub(r"[^A-Za-z0-9 ._()-]", "_", name)
    return f"inline; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
