"""Chapters that are encoded apart and put together as one AAC stream."""

import io
from collections.abc import Sequence

import av
import numpy as np
import pytest

from app.books.aac import FRAME_SAMPLES, AacChapter
from app.books.audio_file import BookFile, BookFormat, Tags
from app.engine.values import Samples
from tests.support.book_jobs import RATE_HZ, speech

TAGS = Tags(title="A", album="A", author="B")
BIT_RATE = 64_000
SILENCE = np.zeros(RATE_HZ // 2, np.float32)
CHAPTERS = [
    np.concatenate([SILENCE, speech(2, 0.3), np.zeros(extra, np.float32), SILENCE]) for extra in (0, 1, 500, 1023, 1024)
]


def packets_of(chapters: Sequence[Samples], size: int = 5_000) -> list[tuple[int, bytes]]:
    """Times and bytes of the packets of all chapters, whose samples come in pieces of `size`."""
    start = 0
    packets: list[tuple[int, bytes]] = []
    for number, chapter in enumerate(chapters, 1):
        end = None if number == len(chapters) else start + len(chapter)
        encoder = AacChapter(RATE_HZ, BIT_RATE, start, end)
        pieces = [encoder.encode(chapter[at : at + size]) for at in range(0, len(chapter), size)]
        packets += [(packet.at, packet.data) for piece in (*pieces, encoder.finish()) for packet in piece]
        start += len(chapter)
    return packets


def decode_file(chapters: Sequence[Samples]) -> Samples:
    file = io.BytesIO()
    book_file = BookFile(file, BookFormat.M4B, RATE_HZ, tags=TAGS)
    start = 0
    for number, chapter in enumerate(chapters, 1):
        encoder = book_file.open_chapter(start, None if number == len(chapters) else start + len(chapter))
        assert encoder is not None
        book_file.write_packets(encoder.encode(chapter))
        book_file.write_packets(encoder.finish())
        start += len(chapter)
    book_file.finish()
    book_file.close()
    with av.open(io.BytesIO(file.getvalue()), "r") as container:
        return np.concatenate([frame.to_ndarray()[0] for frame in container.decode(audio=0)])


def test_frames_of_all_chapters_follow_each_other_on_one_grid() -> None:
    times = [time for time, _ in packets_of(CHAPTERS)]
    num_samples = sum(map(len, CHAPTERS))
    assert times == [*range(-FRAME_SAMPLES, num_samples, FRAME_SAMPLES)]


@pytest.mark.parametrize("size", [777, 100_000])
def test_packets_do_not_depend_on_the_pieces_that_samples_come_in(size: int) -> None:
    assert packets_of(CHAPTERS, size) == packets_of(CHAPTERS)


def test_chapters_stand_where_they_are_and_are_silent_between() -> None:
    """The error is that of one encoder for all of it, within a decibel."""
    whole = np.concatenate(CHAPTERS)
    decoded, alone = decode_file(CHAPTERS)[: len(whole)], decode_file([whole])[: len(whole)]
    assert len(decoded) == len(alone) == len(whole)
    end = 0
    for chapter in CHAPTERS[:-1]:
        end += len(chapter)
        assert not decoded[end - 2 * FRAME_SAMPLES : end + 2 * FRAME_SAMPLES].any()

    def error_db(samples: Samples) -> float:
        return float(10 * np.log10(np.square(samples - whole).sum() / np.square(whole).sum()))

    assert error_db(decoded) < error_db(alone) + 1 < -20
