"""Marks found in a file of anybody: its tags, and the XMP packets of WAV, MP3 and MP4.

The bytes come from strangers, so the server calls this in a child process (app/isolation).
"""

import io
import re
from collections.abc import Iterator
from typing import BinaryIO, Literal

import av
import av.error
import msgspec

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
MAX_VALUE_CHARS = 300
"""Characters that are kept of a value."""
NO_MARKS = "No marks were found. This does not show that a person spoke: marks are lost when a file is converted."
_SOURCE_TYPE = re.compile(
    r"""digital_?source_?type(?:\s{1,9}rdf:resource)?["']?\s{0,9}[=:>]\s{0,9}["']?([^"'<>\s]{1,300})""", re.IGNORECASE
)


class FoundMark(msgspec.Struct, frozen=True, kw_only=True):
    kind: Literal["metadata"] = "metadata"
    place: str
    """name of the tag; `XMP` of a packet"""
    digital_source_type: str
    """as it is written; IPTC's is an address that ends in the term"""
    statement: Provenance | None = None
    """of Chorus; null in marks of others, and where the place has no room for it"""


class FileMarks(msgspec.Struct, frozen=True, kw_only=True):
    """Marks of one file. Metadata is no proof: anybody can write and remove it."""

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
    texts = [("XMP" if key in (XMP_IN_ID3, "xmp") else _plain(key), value) for key, value in tags[:MAX_TAGS]]
    texts += [("XMP", packet) for packet in _xmp_chunks(file)]
    marks = tuple(mark for place, text in texts if (mark := _mark(place, text[:MAX_TEXT_CHARS])))[:MAX_MARKS]
    return FileMarks(container=kind, marks=marks, summary=_summary(marks))


def _mark(place: str, text: str) -> FoundMark | None:
    if place.upper().replace("_", "") == SOURCE_TYPE:
        return FoundMark(place=place, digital_source_type=_plain(text))
    found = _SOURCE_TYPE.search(text)
    if found is None:
        return None
    return FoundMark(place=place, digital_source_type=_plain(found[1]), statement=_statement(text))


def _statement(text: str) -> Provenance | None:
    try:
        read = msgspec.json.decode(text[text.index("{") : text.rindex("}") + 1], type=Provenance)
    except (ValueError, msgspec.MsgspecError, RecursionError):
        return None
    return msgspec.structs.replace(
        read,
        digital_source_type=_plain(read.digital_source_type),
        generator=_plain(read.generator),
        date=_plain_or_none(read.date),
        request=_plain_or_none(read.request),
        server=_plain_or_none(read.server),
    )


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
    statement = next((mark.statement for mark in marks if mark.statement is not None), None)
    if statement is None:
        term = marks[0].digital_source_type.rpartition("/")[2]
        return f"The metadata names the digital source type {term!r}. It does not come from Chorus."
    voice = "in a cloned voice" if statement.voice == "cloned" else "in a built-in voice"
    named = (("on", statement.date), ("for request", statement.request), ("at server", statement.server))
    details = ", ".join(f"{word} {value}" for word, value in named if value is not None)
    return f"Made by {statement.generator} {voice}{', ' if details else ''}{details}, as the metadata says."


def _plain(text: str) -> str:
    """At most MAX_VALUE_CHARS printable characters: a terminal shows them as they are."""
    return "".join(char for char in text[:MAX_VALUE_CHARS] if char.isprintable())


def _plain_or_none(text: str | None) -> str | None:
    return None if text is None else _plain(text)
