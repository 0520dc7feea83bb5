"""Marks in files are read back by libsndfile, Python's `wave` and an XML parser; samples are those of a bare file."""

import io
import struct
import wave
import xml.etree.ElementTree as ET
from datetime import UTC, datetime
from typing import Any

import av
import msgspec
import numpy as np
import pytest
import soundfile

from app import __version__
from app.audio.encoders import open_encoder
from app.audio.formats import AudioFormat, OutputFormat
from app.audio.marks import comment, wav_chunks, xmp_packet
from app.audio.output import encode_whole
from app.audio.provenance import MAX_ID_CHARS, TRAINED_ALGORITHMIC_MEDIA, Provenance, new_provenance
from tests.support.samples import riff_chunks, sample_bytes

RATE_HZ = 24_000
TONE: Any = (0.3 * np.sin(2 * np.pi * 440 * np.arange(RATE_HZ) / RATE_HZ)).astype(np.float32)
TODAY = datetime(2026, 5, 4, 23, 59, tzinfo=UTC)
MARK = new_provenance(is_cloned=True, now=TODAY, request_id="0123456789abcdef", server="1777939140-0a1b2c3d")
MARKED = [AudioFormat.WAV, AudioFormat.MP3, AudioFormat.FLAC, AudioFormat.OPUS]
BARE = [each for each in AudioFormat if each not in MARKED]
EXTENSION = "{http://iptc.org/std/Iptc4xmpExt/2008-02-29/}"
DESCRIPTION = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}Description"


def encoded(audio_format: AudioFormat, mark: Provenance | None, *, streaming: bool, num_pieces: int = 7) -> bytes:
    encoder = open_encoder(audio_format, RATE_HZ, streaming=streaming, provenance=mark)
    pieces = np.array_split(TONE, num_pieces)
    return b"".join([encoder.encode(piece) for piece in pieces]) + encoder.close()


@pytest.mark.parametrize("audio_format", list(AudioFormat))
def test_marks_change_no_sample_and_streamed_samples_equal_whole_ones(audio_format: AudioFormat) -> None:
    files = [encoded(audio_format, mark, streaming=streaming) for mark in (None, MARK) for streaming in (False, True)]
    assert len({sample_bytes(file) for file in files}) == 1
    assert (len(set(files)) == 1) == (audio_format in BARE)


@pytest.mark.parametrize("audio_format", [AudioFormat.MP3, AudioFormat.OPUS])
def test_whole_and_streamed_files_with_marks_are_the_same_bytes(audio_format: AudioFormat) -> None:
    assert encoded(audio_format, MARK, streaming=True) == encode_whole(TONE, OutputFormat(audio_format), RATE_HZ, MARK)


@pytest.mark.parametrize("streaming", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("audio_format", [AudioFormat.WAV, AudioFormat.FLAC, AudioFormat.OPUS])
def test_libsndfile_reads_the_tags(audio_format: AudioFormat, streaming: bool) -> None:
    with soundfile.SoundFile(io.BytesIO(encoded(audio_format, MARK, streaming=streaming))) as file:
        tags = file.copy_metadata()
    assert tags["date"] == "2026-05-04"
    if audio_format is AudioFormat.WAV:  # of Vorbis comments it reads COMMENT, which the specification does not have
        assert tags["comment"] == comment(MARK)
        assert tags["software"] == f"Chorus {__version__}"


@pytest.mark.parametrize("streaming", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("audio_format", MARKED)
def test_each_container_has_the_statement_in_its_comment(audio_format: AudioFormat, streaming: bool) -> None:
    with av.open(io.BytesIO(encoded(audio_format, MARK, streaming=streaming))) as file:
        tags = file.metadata | file.streams.audio[0].metadata
    sentence, _, statement = tags["comment"].partition(" {")
    assert sentence == "Speech made by a machine, in a cloned voice."
    assert msgspec.json.decode("{" + statement) == {
        "digitalSourceType": TRAINED_ALGORITHMIC_MEDIA,
        "generator": f"Chorus {__version__}",
        "voice": "cloned",
        "date": "2026-05-04",
        "request": "0123456789abcdef",
        "server": "1777939140-0a1b2c3d",
    }
    assert tags["date"] == "2026-05-04"
    if audio_format is not AudioFormat.WAV:
        assert tags["DIGITALSOURCETYPE"] == TRAINED_ALGORITHMIC_MEDIA


def test_xmp_names_the_digital_source_type_in_wav_and_mp3() -> None:
    with av.open(io.BytesIO(encoded(AudioFormat.MP3, MARK, streaming=True))) as file:
        in_mp3 = file.metadata["id3v2_priv.XMP"]
    in_wav = riff_chunks(encoded(AudioFormat.WAV, MARK, streaming=True))[b"_PMX"].decode()
    assert in_mp3 == in_wav.rstrip(" ") == xmp_packet(MARK)
    root = ET.fromstring(in_wav)  # noqa: S314 - it was made above
    description = root.find(f".//{DESCRIPTION}")
    assert description is not None
    assert description.get(f"{EXTENSION}DigitalSourceType") == TRAINED_ALGORITHMIC_MEDIA


@pytest.mark.parametrize("streaming", [False, True], ids=["whole", "streamed"])
def test_the_chunks_of_a_wav_come_before_its_samples_and_its_sizes_are_right(streaming: bool) -> None:
    data = encoded(AudioFormat.WAV, MARK, streaming=streaming)
    chunks = riff_chunks(data)
    assert list(chunks) == [b"fmt ", b"LIST", b"_PMX", b"data"]
    start = data.index(b"data" + data[-len(TONE) * 2 - 4 : -len(TONE) * 2])
    sizes = struct.unpack("<I", data[4:8])[0], struct.unpack("<I", data[start + 4 : start + 8])[0]
    assert sizes == ((0xFFFF_FFFF,) * 2 if streaming else (len(data) - 8, len(TONE) * 2))
    assert start % 2 == 0
    with wave.open(io.BytesIO(encoded(AudioFormat.WAV, MARK, streaming=False))) as file:
        assert (file.getframerate(), file.getnframes()) == (RATE_HZ, len(TONE))


@pytest.mark.parametrize("length", range(1, 9))
def test_every_chunk_of_a_wav_has_an_even_size(length: int) -> None:
    """Readers that forget the byte behind an odd one, such as node-wav 0.0.2 and wav 1.0.2 of npm, find no samples."""
    mark = new_provenance(is_cloned=length % 2 == 0, now=TODAY, request_id="a" * length)
    chunks, at, sizes = wav_chunks(mark), 0, []
    while at < len(chunks):
        sizes.append(struct.unpack_from("<I", chunks, at + 4)[0])
        at += 8 + sizes[-1]
    assert len(sizes) == 2
    assert all(size % 2 == 0 for size in sizes)


@pytest.mark.parametrize("audio_format", MARKED)
def test_a_header_with_marks_is_small_and_the_first_audio_leaves_as_early(audio_format: AudioFormat) -> None:
    sizes: list[list[int]] = []
    for mark in (None, MARK):
        encoder = open_encoder(audio_format, RATE_HZ, streaming=True, provenance=mark)
        sizes.append([len(encoder.encode(piece)) for piece in np.split(TONE, 100)])
        encoder.close()
    bare, marked = sizes
    assert 0 < sum(marked) - sum(bare) < 1200
    assert all(marked[index] for index, size in enumerate(bare) if size)


@pytest.mark.parametrize("year", [1970, 2000, 2024])
def test_a_clock_that_was_never_set_gives_no_date(year: int) -> None:
    mark = new_provenance(is_cloned=False, now=datetime(year, 1, 1, tzinfo=UTC), request_id="a")
    assert mark.date is None
    assert '"date"' not in mark.json
    assert b"ICRD" not in wav_chunks(mark)
    assert "CreateDate" not in xmp_packet(mark)


@pytest.mark.parametrize(
    "id", ["a\nb", "a\0b", "\x1b[31m", "-", "", "ü", "a b", "a" * (MAX_ID_CHARS + 1), '"/><x>', "{"]
)
def test_an_id_with_other_characters_or_too_long_is_left_out(id: str) -> None:
    mark = new_provenance(is_cloned=False, now=TODAY, request_id=id, server=id)
    assert (mark.request, mark.server) == (None, None)
    assert mark.of_file(id).request is None


def test_the_statement_is_short_printable_ascii_whatever_its_ids_are() -> None:
    longest = new_provenance(is_cloned=True, now=TODAY, request_id="a" * MAX_ID_CHARS, server="b" * MAX_ID_CHARS)
    assert longest.json.isascii()
    assert longest.json.isprintable()
    assert len(longest.json) < 500
    assert len(wav_chunks(longest)) < 1500
