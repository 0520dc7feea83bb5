"""Marks found in a file of anybody: its tags, the XMP packets of WAV, MP3 and MP4, and C2PA content credentials.

The bytes come from strangers, so the server calls this in a child process (app/isolation).
"""

import io
import re
from collections.abc import Iterator
from typing import BinaryIO, Literal

import av
import av.error
import msgspec

from app.audio.found_credentials import (
    HOW_TO_INSTALL,
    Credentials,
    Signature,
    find_credentials,
    plain,
    plain_statement,
)
from app.audio.marks import SOURCE_TYPE, XMP_CHUNK, XMP_IN_ID3
from app.audio.provenance import Provenance
from app.audio.pyav import TAG_OPTIONS
from app.audio.recording import OPEN_OPTIONS
from app.errors import UnreadableAudio
from app.isolation.child import Child, IsolationFailure

READ = "app.audio.found_marks:read_in_child"
MAX_NAME_CHARS = 80
MAX_MARKS = 16
MAX_TAGS = 1000
MAX_CHUNKS = 10_000
MAX_TEXT_CHARS = 65_536
"""Characters of a tag or packet that are searched."""
NO_MARKS = "No marks were found. This does not show that a person spoke: marks are lost when a file is converted."
_SOURCE_TYPE = re.compile(
    r"""digital_?source_?type(?:\s{1,9}rdf:resource)?["']?\s{0,9}[=:>]\s{0,9}["']?([^"'<>\s]{1,300})""", re.IGNORECASE
)


class FoundMark(msgspec.Struct, frozen=True, kw_only=True):
    kind: Literal["metadata", "c2pa"] = "metadata"
    place: str
    """name of the tag; `XMP` of a packet; `C2PA` of content credentials"""
    digital_source_type: str | None
    """as it is written; IPTC's is an address that ends in the term. Null in content credentials without one"""
    statement: Provenance | None = None
    """of Chorus; null in marks of others, and where the place has no room for it"""
    signature: Signature | None = None
    """of content credentials; null in metadata"""


class FileMarks(msgspec.Struct, frozen=True, kw_only=True):
    """Marks of one file. Metadata is no proof: anybody can write and remove it. A signature tells of changes."""

    container: str
    """FFmpeg's name of the format"""
    marks: tuple[FoundMark, ...]
    summary: str
    """one sentence or two for people"""


def read_marks(child: Child, file: BinaryIO, *, name: str) -> FileMarks:
    """Marks of any audio, or video with sound. `name` is for messages only.

    Blocking. Raises UnreadableAudio when it is not audio, or when reading it crashes, takes too long or needs too much
    memory.
    """
    shown = (name or "the file")[-MAX_NAME_CHARS:]
    try:
        marks, _ = child.call(READ, file, FileMarks, max_bytes=0, name=shown)
    except IsolationFailure as failure:
        raise UnreadableAudio(f"{shown} {failure.says}", param="file") from failure
    return marks


def read_in_child(file: BinaryIO, *, name: str) -> tuple[FileMarks, bytes]:
    """`find_marks` as app/isolation calls it. The file is read into memory first, as in app/audio/recording.py."""
    return find_marks(io.BytesIO(file.read()), name=name), b""


def find_marks(file: BinaryIO, *, name: str) -> FileMarks:
    """Marks of `file`, which can be sought in. Blocking. Raises UnreadableAudio."""
    if file.seek(0, io.SEEK_END) == 0:
        raise UnreadableAudio(f"{name} is empty", param="file")
    file.seek(0)
    options = OPEN_OPTIONS | {"export_xmp": "1"}
    try:
        with av.open(file, "r", options=options, **TAG_OPTIONS) as container:
            if not container.streams.audio:
                raise UnreadableAudio(f"{name} has no audio track", param="file")
            tags = [*container.metadata.items()]
            tags += [tag for stream in container.streams.audio for tag in stream.metadata.items()]
            kind = container.format.name
    except MemoryError:
        raise
    except (av.error.FFmpegError, OSError) as error:  # OSError: a damaged head names a place before the file's begin
        raise UnreadableAudio(
            f"{name} is no audio file that can be read ({error.strerror}). Raw samples (pcm, ulaw, alaw) have no room "
            "for marks: look at the header X-Chorus-Provenance of the answer",
            param="file",
        ) from error
    texts = [("XMP" if key in (XMP_IN_ID3, "xmp") else plain(key), value) for key, value in tags[:MAX_TAGS]]
    texts += [("XMP", packet) for packet in _xmp_chunks(file)]
    marks = tuple(mark for place, text in texts if (mark := _mark(place, text[:MAX_TEXT_CHARS])))[:MAX_MARKS]
    credentials = find_credentials(file, kind)
    if credentials is not None:
        marks += (_signed_mark(credentials),)
    return FileMarks(container=kind, marks=marks, summary=_summary(marks))


def _mark(place: str, text: str) -> FoundMark | None:
    if place.upper().replace("_", "") == SOURCE_TYPE:
        return FoundMark(place=place, digital_source_type=plain(text))
    found = _SOURCE_TYPE.search(text)
    if found is None:
        return None
    return FoundMark(place=place, digital_source_type=plain(found[1]), statement=_statement(text))


def _signed_mark(found: Credentials) -> FoundMark:
    return FoundMark(
        kind="c2pa",
        place="C2PA",
        digital_source_type=found.digital_source_type,
        statement=found.statement,
        signature=found.signature,
    )


def _statement(text: str) -> Provenance | None:
    try:
        read = msgspec.json.decode(text[text.index("{") : text.rindex("}") + 1], type=Provenance)
    except (ValueError, msgspec.MsgspecError, RecursionError):
        return None
    return plain_statement(read)


def _xmp_chunks(file: BinaryIO) -> Iterator[str]:
    """Packets of a WAV file, which FFmpeg does not read."""
    file.seek(0)
    head = file.read(12)
    if head[:4] not in (b"RIFF", b"RF64") or head[8:] != b"WAVE":
        return
    for _ in range(MAX_CHUNKS):
        name, size = file.read(4), int.from_bytes(file.read(4), "little")
        if len(name) < 4:
            return
        if name == XMP_CHUNK:
            data = file.read(min(size, MAX_TEXT_CHARS))
            yield data.decode(errors="replace")
            size -= len(data)
        file.seek(size + size % 2, io.SEEK_CUR)


def _summary(marks: tuple[FoundMark, ...]) -> str:
    if not marks:
        return NO_MARKS
    said = [_origin(marks), *(_told(mark.signature) for mark in marks if mark.signature is not None)]
    return " ".join(filter(None, said))


def _origin(marks: tuple[FoundMark, ...]) -> str:
    mark = next((mark for mark in marks if mark.statement is not None), None)
    if mark is None or mark.statement is None:
        source_type = next((each.digital_source_type for each in marks if each.digital_source_type), None)
        if source_type is None:
            return ""
        term = source_type.rpartition("/")[2]
        where = "The metadata names" if marks[0].kind == "metadata" else "The content credentials name"
        return f"{where} the digital source type {term!r}. It does not come from Chorus."
    statement = mark.statement
    voice = "in a cloned voice" if statement.voice == "cloned" else "in a built-in voice"
    named = (("on", statement.date), ("for request", statement.request), ("at server", statement.server))
    details = ", ".join(f"{word} {value}" for word, value in named if value is not None)
    where = "the metadata says" if mark.kind == "metadata" else "the content credentials say"
    return f"Made by {statement.generator} {voice}{', ' if details else ''}{details}, as {where}."


def _told(signature: Signature) -> str:
    signer = f"{signature.signer!r}" if signature.signer else "a signer without a name"
    match signature.status:
        case "intact":
            return f"The file has not changed since {signer} signed it; nobody was asked whether the signer is genuine."
        case "broken":
            faults = ", ".join(signature.faults)
            return f"Its content credentials do not fit: it was changed, or they are damaged ({faults})."
        case "unread":
            return f"It has content credentials too, but {HOW_TO_INSTALL}."
