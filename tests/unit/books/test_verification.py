"""Finished files are read back before they are shown."""

from pathlib import Path

import numpy as np
import pytest

from app.books.audio_file import BookFile, BookFormat, Mark, Tags
from app.books.verification import verify_file
from app.errors import StorageFailure

RATE_HZ = 24_000
MARKS = (Mark("One é: 1", 0, 3 * RATE_HZ), Mark("Two", 3 * RATE_HZ, 7 * RATE_HZ))


def write(path: Path, book_format: BookFormat) -> Path:
    rng = np.random.default_rng(1)
    with path.open("wb") as file:
        book = BookFile(file, book_format, RATE_HZ, tags=Tags(title="A", album="A", author="B"), marks=MARKS)
        for _ in range(7):
            book.write((0.1 * rng.standard_normal(RATE_HZ)).astype(np.float32))
        book.finish()
        book.close()
    return path


@pytest.mark.parametrize("book_format", BookFormat)
def test_a_whole_file_passes_and_one_that_was_cut_does_not(tmp_path: Path, book_format: BookFormat) -> None:
    path = write(tmp_path / f"a{book_format.suffix}", book_format)
    verify_file(path, book_format, MARKS, RATE_HZ)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 2 // 3])
    with pytest.raises(StorageFailure, match="the same command writes it again"):
        verify_file(path, book_format, MARKS, RATE_HZ)


@pytest.mark.parametrize("book_format", [BookFormat.M4B, BookFormat.MP3, BookFormat.OPUS])
def test_a_file_with_other_chapters_is_refused(tmp_path: Path, book_format: BookFormat) -> None:
    path = write(tmp_path / f"a{book_format.suffix}", book_format)
    with pytest.raises(StorageFailure, match="other chapters"):
        verify_file(path, book_format, (MARKS[0], Mark("Three", 3 * RATE_HZ, 7 * RATE_HZ)), RATE_HZ)
