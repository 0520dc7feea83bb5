"""Audiobook files, as other programs read them."""

import errno
import io
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.books.audio_file import BookFile, BookFormat, Mark, Tags
from app.books.book import Cover
from tests.support.books import make_png

RATE_HZ = 24_000
PNG = make_png(8, 6)
COVER = Cover(mime_type="image/png", width=8, height=6, data=PNG)
TAGS = Tags(title="The Növel", album="The Növel", author="Ann Author")
MARKS = (Mark("One", 0, 2 * RATE_HZ), Mark("Zwei – ü", 2 * RATE_HZ, 5 * RATE_HZ))


def write(path: Path, book_format: BookFormat, *, size: int = 5_000, cover: Cover | None = COVER) -> Path:
    samples = (0.2 * np.sin(np.arange(5 * RATE_HZ) / 20)).astype(np.float32)
    with path.open("wb") as opened:
        file = BookFile(opened, book_format, RATE_HZ, tags=TAGS, marks=MARKS, cover=cover)
        try:
            for at in range(0, len(samples), size):
                file.write(samples[at : at + size])
            file.finish()
        finally:
            file.close()
    return path


def probe(path: Path) -> dict[str, Any]:
    if shutil.which("ffprobe") is None:
        pytest.skip("ffprobe is not installed (Debian, Ubuntu: apt-get install ffmpeg)")
    shown = ["-show_chapters", "-show_format", "-show_streams"]
    command = ["ffprobe", "-v", "error", *shown, "-of", "json", str(path)]
    return json.loads(subprocess.run(command, capture_output=True, check=True).stdout)


@pytest.mark.parametrize("book_format", list(BookFormat))
def test_ffprobe_reads_chapters_title_author_and_cover(tmp_path: Path, book_format: BookFormat) -> None:
    found = probe(write(tmp_path / f"a{book_format.suffix}", book_format))
    audio = next(stream for stream in found["streams"] if stream["codec_type"] == "audio")
    tags = {**found["format"].get("tags", {}), **audio.get("tags", {})}
    tags = {name.lower(): value for name, value in tags.items()}
    assert (tags["title"], tags["artist"], tags["genre"]) == ("The Növel", "Ann Author", "Audiobook")
    assert float(found["format"]["duration"]) == pytest.approx(5.0, abs=0.1)
    assert [chapter["tags"]["title"] for chapter in found["chapters"]] == ["One", "Zwei – ü"]
    assert [float(chapter["start_time"]) for chapter in found["chapters"]] == pytest.approx([0.0, 2.0], abs=0.01)
    cover = next(stream for stream in found["streams"] if stream["codec_type"] == "video")
    assert (cover["codec_name"], cover["width"], cover["height"]) == ("png", 8, 6)
    assert cover["disposition"]["attached_pic"] == 1


@pytest.mark.parametrize("book_format", list(BookFormat))
def test_mutagen_reads_the_title_and_the_cover(tmp_path: Path, book_format: BookFormat) -> None:
    mutagen: Any = pytest.importorskip("mutagen", reason="mutagen is not installed (its licence keeps it out of here)")
    path = write(tmp_path / f"a{book_format.suffix}", book_format)
    found = mutagen.File(path)
    assert found.info.length == pytest.approx(5.0, abs=0.1)
    assert "The Növel" in str(found.tags)
    assert b"IHDR" in path.read_bytes() or "METADATA_BLOCK_PICTURE" in str(found.tags)


@pytest.mark.parametrize("book_format", list(BookFormat))
def test_the_same_samples_give_the_same_file_whatever_pieces_they_come_in(
    tmp_path: Path, book_format: BookFormat
) -> None:
    files = [write(tmp_path / str(size), book_format, size=size).read_bytes() for size in (5_000, 1_234)]
    assert files[0] == files[1]


def test_many_chapters_and_a_book_without_a_cover_are_written(tmp_path: Path) -> None:
    path = tmp_path / "a.m4b"
    marks = [Mark(f"Chapter {number}", number * 100, (number + 1) * 100) for number in range(1_000)]
    with path.open("wb") as opened:
        file = BookFile(opened, BookFormat.M4B, RATE_HZ, tags=TAGS, marks=marks)
        file.write(np.zeros(100_000, np.float32))
        file.finish()
        file.close()
    assert len(probe(path)["chapters"]) == 1_000


class FullFile(io.BytesIO):
    """Has no room behind its first `size` bytes."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self._size = size

    def write(self, data: Any) -> int:
        if self.tell() > self._size:
            raise OSError(errno.ENOSPC, "no room")
        return super().write(data)


@pytest.mark.parametrize("size", [-1, 20_000])
@pytest.mark.parametrize("book_format", list(BookFormat))
def test_a_full_disk_raises_the_error_of_the_file(book_format: BookFormat, size: int) -> None:
    with pytest.raises(OSError, match="no room") as caught:
        file = BookFile(FullFile(size), book_format, RATE_HZ, tags=TAGS)
        try:
            file.write(np.random.default_rng(0).uniform(-1, 1, 10 * RATE_HZ).astype(np.float32))
            file.finish()
        finally:
            file.close()
    assert caught.value.errno == errno.ENOSPC
