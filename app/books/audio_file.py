"""An audiobook file: one stream of speech, chapters, tags and a cover, written by FFmpeg."""

import base64
import struct
from collections.abc import Sequence
from contextlib import AbstractContextManager
from enum import StrEnum
from fractions import Fraction
from typing import Any, BinaryIO

import av
import av.error
import msgspec
import numpy as np
from av.codec.context import Flags
from av.stream import Disposition
from numpy.typing import NDArray

from app.audio.marks import id3_tags, vorbis_tags
from app.audio.pcm import float_to_int16
from app.audio.provenance import Provenance
from app.audio.watched_file import WatchedFile
from app.books.aac import AacChapter, Packets
from app.books.book import Cover


class BookFormat(StrEnum):
    M4B = "m4b"
    MP3 = "mp3"
    OPUS = "opus"
    FLAC = "flac"

    @property
    def suffix(self) -> str:
        return f".{self.value}"

    @property
    def mime_type(self) -> str:
        return _FORMS[self].mime_type


class Mark(msgspec.Struct, frozen=True):
    """A chapter in a file, in samples from its beginning."""

    title: str
    start: int
    end: int


class Tags(msgspec.Struct, frozen=True, kw_only=True):
    title: str
    album: str
    author: str
    track: str = ""
    """number of a file that is one chapter"""
    provenance: Provenance | None = None


class _Form(msgspec.Struct, frozen=True, kw_only=True):
    mime_type: str
    container: str
    encoder: str
    sample_format: str
    bit_rate: int | None = None
    options: dict[str, str] = {}
    has_cover_stream: bool = True


_FORMS = {
    BookFormat.M4B: _Form(
        mime_type="audio/mp4",
        container="mp4",
        encoder="aac",
        sample_format="fltp",
        bit_rate=64_000,
        options={"brand": "M4B "},
    ),
    BookFormat.MP3: _Form(
        mime_type="audio/mpeg",
        container="mp3",
        encoder="libmp3lame",
        sample_format="fltp",
        bit_rate=96_000,
        options={"id3v2_version": "3"},
    ),
    # Ogg has no pictures; a comment holds the cover.
    BookFormat.OPUS: _Form(
        mime_type="audio/ogg",
        container="ogg",
        encoder="libopus",
        sample_format="flt",
        bit_rate=48_000,
        has_cover_stream=False,
    ),
    BookFormat.FLAC: _Form(mime_type="audio/flac", container="flac", encoder="flac", sample_format="s16"),
}
_PICTURE_CODECS = {"image/jpeg": "mjpeg", "image/png": "png"}
FRONT_COVER = 3
MAX_MP3_TITLE_BYTES = 126
"""UTF-8 bytes of a chapter's title in MP3. Signing rewrites the tag as ID3v2.4, of which FFmpeg reads no chapter if one
title is longer: it takes the sizes in a chapter for those of ID3v2.3."""


class BookFile:
    """Blocking; for one thread. The same samples, marks and tags give the same bytes.

    file          can be sought in, because lengths are written last
    is_joinable   MP3 without a frame that tells its length, so that files behind one another are one file

    Close it, also after an error. Raises what `file` raises, such as OSError for a full disk.
    """

    def __init__(
        self,
        file: BinaryIO,
        book_format: BookFormat,
        sample_rate_hz: int,
        *,
        tags: Tags,
        marks: Sequence[Mark] = (),
        cover: Cover | None = None,
        is_joinable: bool = False,
    ) -> None:
        form = _FORMS[book_format]
        options = {**form.options, "fflags": "+bitexact"} | ({"write_xing": "0"} if is_joinable else {})
        self._form = form
        self._time_base = Fraction(1, sample_rate_hz)
        self._num_samples = 0
        self._file = WatchedFile(file)
        # Any: PyAV's types are partial. bitexact: no random serial numbers, and no versions of FFmpeg in tags.
        self._container: Any = av.open(self._file, "w", format=form.container, options=options)
        self._container.metadata.update(_metadata(tags))
        tags_of = id3_tags if book_format is BookFormat.MP3 else vorbis_tags
        self._container.metadata.update(tags_of(tags.provenance))
        self._stream = self._container.add_stream(
            form.encoder, rate=sample_rate_hz, layout="mono", format=form.sample_format
        )
        if form.bit_rate is not None:
            self._stream.codec_context.bit_rate = form.bit_rate
        self._stream.codec_context.flags |= Flags.bitexact
        if marks and book_format is BookFormat.FLAC:  # FFmpeg writes no chapters into FLAC
            self._container.metadata.update(_chapter_comments(marks, sample_rate_hz))
        elif marks:
            self._container.set_chapters(
                [self._chapter(number, mark, book_format) for number, mark in enumerate(marks)]
            )
        picture = None
        if cover is not None and form.has_cover_stream:
            picture = self._add_picture(cover)
        elif cover is not None:
            self._container.metadata["METADATA_BLOCK_PICTURE"] = _picture_comment(cover)
        with self._raising():
            self._container.start_encoding()
            if picture is not None:
                self._container.mux(picture)

    def write(self, samples: NDArray[np.float32]) -> None:
        """[samples], clipped to [-1, 1]."""
        if not samples.size:
            return
        plane = float_to_int16(samples) if self._form.sample_format == "s16" else samples.clip(-1, 1)
        frame = av.AudioFrame.from_ndarray(plane.reshape(1, -1), format=self._form.sample_format, layout="mono")
        frame.sample_rate = self._time_base.denominator
        frame.time_base = self._time_base
        frame.pts = self._num_samples
        self._num_samples += len(samples)
        with self._raising():
            self._container.mux(self._stream.encode(frame))

    def open_chapter(self, start: int, end: int | None) -> AacChapter | None:
        """An encoder for one chapter, whose packets `write_packets` takes; None where only `write` can encode.

        start, end   as AacChapter has them
        """
        if self._form.encoder != "aac":
            return None
        assert self._form.bit_rate is not None
        return AacChapter(self._time_base.denominator, self._form.bit_rate, start, end)

    def write_packets(self, packets: Packets) -> None:
        """Packets of chapters, in order. A file has these, or samples of `write`."""
        with self._raising():
            for at, duration, data in packets:
                packet: Any = av.Packet(data)
                packet.stream = self._stream
                packet.time_base = self._time_base
                packet.pts = packet.dts = at
                packet.duration = duration
                packet.is_keyframe = True
                self._container.mux(packet)

    def finish(self) -> None:
        """Write what the codec holds. `close` completes the file."""
        with self._raising():
            if self._num_samples:
                self._container.mux(self._stream.encode(None))

    def close(self) -> None:
        with self._raising():
            self._container.close()

    def _raising(self) -> AbstractContextManager[None]:
        return self._file.raising(av.error.FFmpegError)

    def _chapter(self, number: int, mark: Mark, book_format: BookFormat) -> Any:
        return {
            "id": number,
            "start": mark.start,
            "end": mark.end,
            "time_base": self._time_base,
            "metadata": {"title": chapter_title(mark.title, book_format)},
        }

    def _add_picture(self, cover: Cover) -> Any:
        stream = self._container.add_mux_stream(
            _PICTURE_CODECS[cover.mime_type], width=cover.width, height=cover.height
        )
        stream.metadata["comment"] = "Cover (front)"  # FFmpeg's name for the kind of picture
        stream.disposition = Disposition.attached_pic
        packet: Any = av.Packet(cover.data)
        packet.stream = stream
        packet.pts = packet.dts = 0
        packet.is_keyframe = True
        return packet


def chapter_title(title: str, book_format: BookFormat) -> str:
    """`title` as the chapters of a file have it: cut in MP3 at MAX_MP3_TITLE_BYTES."""
    if book_format is not BookFormat.MP3 or len(title.encode()) <= MAX_MP3_TITLE_BYTES:
        return title
    end = "…"
    return title.encode()[: MAX_MP3_TITLE_BYTES - len(end.encode())].decode(errors="ignore").rstrip() + end


def _metadata(tags: Tags) -> dict[str, str]:
    named = {
        "title": tags.title,
        "album": tags.album,
        "artist": tags.author,
        "album_artist": tags.author,
        "genre": "Audiobook",
        "track": tags.track,
    }
    return {name: value for name, value in named.items() if value}


def _chapter_comments(marks: Sequence[Mark], sample_rate_hz: int) -> dict[str, str]:
    """Chapters as Vorbis comments."""
    comments: dict[str, str] = {}
    for number, mark in enumerate(marks):
        milliseconds = round(mark.start * 1000 / sample_rate_hz)
        minutes, milliseconds = divmod(milliseconds, 60_000)
        hours, minutes = divmod(minutes, 60)
        time = f"{hours:02}:{minutes:02}:{milliseconds // 1000:02}.{milliseconds % 1000:03}"
        comments |= {f"CHAPTER{number:03}": time, f"CHAPTER{number:03}NAME": mark.title}
    return comments


def _picture_comment(cover: Cover) -> str:
    """A FLAC picture block in base64, as Ogg's comments hold it."""
    mime_type = cover.mime_type.encode()
    head = struct.pack(">II", FRONT_COVER, len(mime_type)) + mime_type + struct.pack(">I", 0)
    size = struct.pack(">IIIII", cover.width, cover.height, 24, 0, len(cover.data))
    return base64.b64encode(head + size + cover.data).decode()
