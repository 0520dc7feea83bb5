"""Marks of Chorus and of others in files of every container, and files that have none or are made to confuse."""

import contextlib
import io
import struct
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import av
import numpy as np
import pytest

from app.audio.encoders import wav_header
from app.audio.formats import AudioFormat, OutputFormat
from app.audio.found_credentials import MAX_VALUE_CHARS
from app.audio.found_marks import MAX_CHUNKS, MAX_MARKS, NO_MARKS, FileMarks, find_marks
from app.audio.marks import comment, wav_chunks
from app.audio.output import encode_whole
from app.audio.provenance import TRAINED_ALGORITHMIC_MEDIA, new_provenance
from app.books.audio_file import BookFile, BookFormat, Tags
from app.errors import UnreadableAudio

RATE_HZ = 24_000
SILENCE: Any = np.zeros(RATE_HZ // 2, np.float32)
MARK = new_provenance(
    is_cloned=True, now=datetime(2026, 5, 4, tzinfo=UTC), request_id="0123456789abcdef", server="1777939140-0a1b2c3d"
)
SOURCE = "http://cv.iptc.org/newscodes/digitalsourcetype/"


def found(file: bytes) -> FileMarks:
    return find_marks(io.BytesIO(file), name="speech")


def spoken(audio_format: str) -> bytes:
    return encode_whole(SILENCE, OutputFormat(AudioFormat(audio_format)), RATE_HZ, MARK)


def book(book_format: BookFormat) -> bytes:
    file = io.BytesIO()
    tags = Tags(title="A title", album="A title", author="An author", provenance=MARK)
    book_file = BookFile(file, book_format, RATE_HZ, tags=tags)
    book_file.write(SILENCE)
    book_file.finish()
    book_file.close()
    return file.getvalue()


def tagged(**tags: str) -> bytes:
    """A FLAC file of another program."""
    file = io.BytesIO()
    with av.open(file, "w", format="flac") as container:
        stream = container.add_stream("flac", rate=RATE_HZ, layout="mono")
        container.metadata.update(tags)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 2400), np.int16), format="s16", layout="mono")
        frame.sample_rate = RATE_HZ
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return file.getvalue()


def wav_with(chunks: bytes) -> bytes:
    return wav_header(1000, RATE_HZ, chunks) + bytes(2000)


def chunk(name: bytes, data: bytes) -> bytes:
    return name + struct.pack("<I", len(data)) + data + bytes(len(data) % 2)


MADE: dict[str, Callable[[], bytes]] = {
    **{name: lambda name=name: spoken(name) for name in ("wav", "mp3", "flac", "opus")},
    **{f"book in {each}": lambda each=each: book(each) for each in BookFormat},
}


@pytest.mark.parametrize("name", MADE)
def test_the_statement_is_found_in_every_container(name: str) -> None:
    marks = found(MADE[name]())
    assert [mark.statement for mark in marks.marks if mark.statement] == [MARK]
    assert {mark.digital_source_type for mark in marks.marks} == {TRAINED_ALGORITHMIC_MEDIA}
    places = [mark.place for mark in marks.marks]
    assert places[0] == "comment"
    assert ("XMP" in places) == (name in ("wav", "mp3", "book in mp3"))
    assert "in a cloned voice, on 2026-05-04, for request 0123456789abcdef" in marks.summary


@pytest.mark.parametrize("audio_format", ["wav", "mp3", "flac", "opus", "aac"])
def test_a_file_without_marks_is_no_error_and_is_not_called_human(audio_format: str) -> None:
    marks = found(encode_whole(SILENCE, OutputFormat(AudioFormat(audio_format)), RATE_HZ))
    assert (marks.marks, marks.summary) == ((), NO_MARKS)


@pytest.mark.parametrize(
    "packet",
    [
        f'<rdf:Description Iptc4xmpExt:DigitalSourceType="{SOURCE}compositeSynthetic"/>',
        f"<rdf:Description Iptc4xmpExt:DigitalSourceType='{SOURCE}compositeSynthetic'/>",
        f"<Iptc4xmpExt:DigitalSourceType>{SOURCE}compositeSynthetic</Iptc4xmpExt:DigitalSourceType>",
        f'<Iptc4xmpExt:DigitalSourceType rdf:resource="{SOURCE}compositeSynthetic"/>',
    ],
)
def test_the_property_of_another_generator_is_found_in_each_form_of_xmp(packet: str) -> None:
    (mark,) = (marks := found(wav_with(chunk(b"_PMX", packet.encode())))).marks
    assert (mark.place, mark.digital_source_type, mark.statement) == ("XMP", f"{SOURCE}compositeSynthetic", None)
    assert "'compositeSynthetic'" in marks.summary


def test_a_tag_of_another_generator_is_found() -> None:
    (mark,) = found(tagged(DIGITALSOURCETYPE=f"{SOURCE}digitalCapture", comment="Recorded at home")).marks
    assert (mark.place, mark.digital_source_type) == ("DIGITALSOURCETYPE", f"{SOURCE}digitalCapture")


def test_long_values_are_cut_and_nothing_that_a_terminal_obeys_is_kept() -> None:
    (mark,) = found(tagged(DIGITALSOURCETYPE="\x1b[2J\x07" + "a" * 10_000)).marks
    assert mark.digital_source_type.isprintable()
    assert len(mark.digital_source_type) <= MAX_VALUE_CHARS
    forged = comment(MARK).replace("0123456789abcdef", "a\\u001b[31m" + "b" * 10_000)
    (mark,) = found(tagged(comment=forged)).marks
    assert mark.statement is not None
    assert mark.statement.request is not None
    assert mark.statement.request.isprintable()
    assert len(mark.statement.request) <= MAX_VALUE_CHARS


def test_many_marks_and_huge_tags_are_bounded() -> None:
    many = {f"a{number}": f'digitalSourceType="x{number}"' for number in range(100)}
    assert len(found(tagged(**many)).marks) == MAX_MARKS
    assert found(tagged(comment="{" * 5_000_000)).marks == ()
    assert found(tagged(comment="digitalsourcetype" + " " * 5_000_000)).marks == ()


@pytest.mark.parametrize(
    "statement", ["{}", "[]", "{", "}", '{"digitalSourceType": 1}', '{"digitalSourceType": "x", "voice": "y"}', "{" * 9]
)
def test_a_statement_that_is_not_ours_is_none(statement: str) -> None:
    assert [mark.statement for mark in found(tagged(comment=statement)).marks] in ([], [None])


def test_chunks_of_false_sizes_end_the_search_and_others_are_passed_over() -> None:
    packet = wav_chunks(MARK)[wav_chunks(MARK).index(b"_PMX") :]
    assert "XMP" in [mark.place for mark in found(wav_with(chunk(b"junk", bytes(77)) + packet)).marks]
    for file in (
        wav_with(chunk(b"junk", b"") * (MAX_CHUNKS + 1) + packet),
        wav_with(b"junk\xff\xff\xff\xff" + packet),
        wav_with(b"_PMX\xff\xff\xff\xff"),
    ):
        with contextlib.suppress(UnreadableAudio):
            assert all(mark.place != "XMP" for mark in found(file).marks)


@pytest.mark.parametrize(
    ("file", "says"),
    [
        (b"", "speech is empty"),
        (b"hello " * 100, "no audio file that can be read"),
        (bytes(4000), "no audio file that can be read"),
        (b"#EXTM3U\nfile:///etc/passwd\n", "no audio file that can be read"),
        (b"RIFF\xff\xff\xff\xffWAVE", "no audio file that can be read"),
    ],
)
def test_what_is_no_audio_file_is_refused(file: bytes, says: str) -> None:
    with pytest.raises(UnreadableAudio, match=says):
        found(file)
