"""Reads a finished file back: all of its packets, its length and its chapters."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import av.error

from app.books.audio_file import BookFormat, Mark, chapter_title
from app.errors import StorageFailure

MAX_DIFFERENCE_S = 0.5
"""A lossy codec adds silence at both ends."""


def verify_file(path: Path, book_format: BookFormat, marks: Sequence[Mark], sample_rate_hz: int) -> None:
    """Blocking: reads the whole file without decoding it. Raises StorageFailure.

    marks   of all that the file holds; a file of one mark has no list of chapters
    """
    wanted_s = (marks[-1].end - marks[0].start) / sample_rate_hz
    try:
        with av.open(str(path), "r") as container:
            stream = container.streams.audio[0]
            time_base = stream.time_base or Fraction(1, sample_rate_hz)
            found_s = float(sum((packet.duration or 0) for packet in container.demux(stream)) * time_base)
            opened: Any = container  # Any: PyAV's types have no chapters
            titles = [chapter["metadata"].get("title", "") for chapter in opened.chapters()]
    except (av.error.FFmpegError, IndexError) as error:
        raise StorageFailure(f"{path} cannot be read back ({error}): the same command writes it again") from error
    if abs(found_s - wanted_s) > MAX_DIFFERENCE_S:
        raise StorageFailure(
            f"{path} has {found_s:.1f} s of audio in place of {wanted_s:.1f} s: the same command writes it again"
        )
    has_chapters = len(marks) > 1 and book_format is not BookFormat.FLAC  # FLAC has them as comments only
    if has_chapters and titles != [chapter_title(mark.title, book_format) for mark in marks]:
        raise StorageFailure(f"{path} has other chapters than the book: the same command writes it again")
