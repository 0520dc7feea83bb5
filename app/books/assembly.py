"""Segments of a job to the finished files. Several chapters are worked on at a time, one segment of each in memory.

A book is read twice: for its loudness, then to write it with one gain. A limiter turns
down the few peaks that the gain would raise above what shops accept.
"""

import os
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import BinaryIO

import msgspec
import numpy as np

from app.audio.ebur128 import Loudness, LoudnessMeter, LoudnessTally
from app.audio.limiter import Limiter
from app.audio.loudness import MAX_GAIN_DB
from app.audio.pcm import dbfs_to_amplitude
from app.audio.provenance import Provenance
from app.books.aac import AacChapter, Packets
from app.books.acx import ChapterLevels, LevelMeter
from app.books.audio_file import BookFile, BookFormat, Mark, Tags
from app.books.book import Cover
from app.books.job import ChapterHead, ChapterPlan, Job
from app.books.lanes import in_order
from app.books.timing import Timing
from app.engine.values import Samples

HEAD_S = 0.75
"""Silence before the first word of a chapter, and after its last one; shops ask for 0.5 to 1 s, and 1 to 5 s."""
TAIL_S = 1.75
TARGET_LUFS = -19.0
"""Loudness of a mono file: as loud as -16 LUFS in stereo."""
CEILING_DBFS = -3.5
"""Half a decibel below what shops accept: a lossy codec moves peaks."""

MEASURING_SHARE = 0.2
"""of the time that a book takes to be measured and encoded"""

MAX_THREADS = 8
MAX_WAITING_BYTES = 12_000_000
"""of a chapter that wait until the ones before it are in the file: a quarter of an hour as packets, two minutes as
samples"""
PACKET_BYTES = 170
"""of a packet in memory beside its data"""

OnShare = Callable[[float], object]
"""Called before each segment, by one thread at a time, with the share of the work that is done, 0 to 1. Raises to
stop."""


def max_threads(share: float) -> int:
    """Threads of a Mastering for a share of the cores, at least one."""
    num_cores = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    return max(1, min(MAX_THREADS, int(share * num_cores)))


def _size(part: Packets | Samples) -> int:
    """Bytes in memory."""
    return part.nbytes if isinstance(part, np.ndarray) else sum(len(packet.data) + PACKET_BYTES for packet in part)


class Output(msgspec.Struct, frozen=True, kw_only=True):
    book_format: BookFormat
    title: str
    author: str
    cover: Cover | None
    provenance: Provenance | None = None


class Finished(msgspec.Struct, frozen=True, kw_only=True):
    """Figures of the files as they were written, before their codec."""

    gain_db: float
    loudness: Loudness
    chapters: tuple[ChapterLevels, ...]


class _Measured(msgspec.Struct, frozen=True):
    """A chapter as it was spoken. `timings`: of its pieces, from its own start."""

    timings: tuple[Timing, ...]
    num_samples: int
    tally: LoudnessTally


class Mastering:
    """Measures the book at once: blocking, as all of it. Raises what `on_share` raises, StorageFailure for a damaged
    segment, OSError where the disk fails.

    only          number of the one chapter that the book is taken to have; None: all
    num_threads   chapters that are worked on at a time; the files are the same with any number
    """

    def __init__(
        self,
        job: Job,
        output: Output,
        sample_rate_hz: int,
        on_share: OnShare,
        *,
        only: int | None = None,
        num_threads: int = 1,
    ) -> None:
        self._job = job
        self._only = only
        self._num_threads = num_threads
        self._output = output
        self.sample_rate_hz = self._rate_hz = sample_rate_hz
        self._on_share = on_share
        self._num_pieces = sum(len(plan.pieces) for plan in self._plans())
        self._num_measured = self._num_written = 0
        self._num_before: dict[int, int] = {}
        """pieces before each chapter, by its number"""
        self._lock = threading.Lock()
        """for the numbers above, the tally, the levels and `on_share`"""
        self._tally = LoudnessTally()
        self._levels: dict[int, ChapterLevels] = {}
        """of each chapter that has been written, by its number: a file may be written twice"""
        self._timings: dict[int, tuple[Timing, ...]] = {}
        self._marks, self.gain_db = self._measure()

    @property
    def marks(self) -> tuple[Mark, ...]:
        """The chapters, timed from the start of the book."""
        return tuple(self._marks.values())

    def mark(self, plan: ChapterPlan) -> Mark:
        return self._marks[plan.head.number]

    def timings(self, plan: ChapterPlan) -> Sequence[Timing]:
        """One for each of its pieces."""
        return self._timings[plan.head.number]

    def write_book(self, file: BinaryIO) -> None:
        """One file with all chapters."""
        output = self._output
        tags = Tags(title=output.title, album=output.title, author=output.author, provenance=output.provenance)
        book_file = BookFile(file, output.book_format, self._rate_hz, tags=tags, marks=self.marks, cover=output.cover)
        self._num_written = 0  # a file may be written twice
        self._write(self._plans(), book_file, last=self.marks[-1].end)

    def write_chapter(self, plan: ChapterPlan, file: BinaryIO, *, is_joinable: bool = False) -> None:
        """A file of one chapter. `is_joinable`: see BookFile."""
        output = self._output
        track = str(plan.head.number)
        tags = Tags(
            title=plan.head.title,
            album=output.title,
            author=output.author,
            track=track,
            provenance=output.provenance,
        )
        book_file = BookFile(
            file, output.book_format, self._rate_hz, tags=tags, cover=output.cover, is_joinable=is_joinable
        )
        mark = self.mark(plan)
        self._num_written = self._num_before[plan.head.number]
        self._write([plan], book_file, start=mark.start, last=mark.end)

    def result(self) -> Finished:
        """Loudness of the audio that has been written."""
        levels = tuple(self._levels[number] for number in sorted(self._levels))
        return Finished(gain_db=self.gain_db, loudness=self._tally.result(), chapters=levels)

    def _measure(self) -> tuple[dict[int, Mark], float]:
        """Times of the chapters by their numbers, and the one gain of the book in dB."""
        tally = LoudnessTally()
        marks: dict[int, Mark] = {}
        start = num_pieces = 0
        with in_order(self._measure_chapter, self._plans(), num_threads=self._num_threads, max_size=1) as chapters:
            for plan, lane in chapters:
                (measured,) = lane
                head = plan.head
                self._num_before[head.number] = num_pieces
                num_pieces += len(plan.pieces)
                marks[head.number] = Mark(head.title, start, start + measured.num_samples)
                start += measured.num_samples
                self._timings[head.number] = measured.timings
                tally.add(measured.tally)
        lufs = tally.result().integrated_lufs
        gain_db = min(max(TARGET_LUFS - lufs, -MAX_GAIN_DB), MAX_GAIN_DB) if np.isfinite(lufs) else 0.0
        return marks, gain_db

    def _measure_chapter(self, plan: ChapterPlan, put: Callable[[_Measured], None]) -> None:
        meter = LoudnessMeter(self._rate_hz, has_peak=False)
        timings: list[Timing] = []
        num_samples = 0
        for samples, is_speech in self._samples(plan):
            meter.push(samples)
            if is_speech:
                with self._lock:
                    self._num_measured += 1
                timings.append(Timing(num_samples, num_samples + len(samples), self._lufs(samples)))
            num_samples += len(samples)
        put(_Measured(tuple(timings), num_samples, meter.tally))

    @property
    def _share(self) -> float:
        measured, written = (count / self._num_pieces for count in (self._num_measured, self._num_written))
        return MEASURING_SHARE * measured + (1 - MEASURING_SHARE) * written

    def _plans(self) -> Iterator[ChapterPlan]:
        return self._job.chapters() if self._only is None else iter([self._job.read_chapter(self._only)])

    def _write(self, plans: Iterable[ChapterPlan], book_file: BookFile, *, last: int, start: int = 0) -> None:
        """Fill the file with these chapters, and close it.

        start, last   places in the book of the file's first sample, and behind its last one
        """

        def make(plan: ChapterPlan, put: Callable[[Packets | Samples], None]) -> None:
            mark = self.mark(plan)
            end = None if mark.end == last else mark.end - start
            self._write_chapter(plan, book_file.open_chapter(mark.start - start, end), put)

        try:
            with in_order(
                make, plans, num_threads=self._num_threads, max_size=MAX_WAITING_BYTES, size_of=_size
            ) as chapters:
                for _, lane in chapters:
                    for part in lane:
                        book_file.write(part) if isinstance(part, np.ndarray) else book_file.write_packets(part)
            book_file.finish()
        finally:
            book_file.close()

    def _write_chapter(
        self, plan: ChapterPlan, encoder: AacChapter | None, put: Callable[[Packets | Samples], None]
    ) -> None:
        """Without an encoder its samples are put."""
        head = plan.head
        gain = np.float32(dbfs_to_amplitude(self.gain_db))
        limiter = Limiter(self._rate_hz, CEILING_DBFS)
        meter, levels = LoudnessMeter(self._rate_hz), LevelMeter(head.title, self._rate_hz)
        is_metered = head.number in self._levels

        def write(samples: Samples) -> None:
            if not is_metered:
                meter.push(samples)
                levels.push(samples)
            put(samples if encoder is None else encoder.encode(samples))

        for samples, is_speech in self._samples(plan):
            if is_speech:
                with self._lock:
                    self._num_written += 1
            write(limiter.push(samples * gain))
        write(limiter.close())
        if encoder is not None:
            put(encoder.finish())
        with self._lock:
            if not is_metered:
                self._tally.add(meter.tally)
                self._levels[head.number] = levels.result()

    def _samples(self, plan: ChapterPlan) -> Iterator[tuple[Samples, bool]]:
        """Samples and whether they are those of a piece."""
        yield self._silence(HEAD_S), False
        for index, piece in enumerate(plan.pieces):
            with self._lock:
                self._on_share(self._share)
            yield self._job.read_segment(piece.key), True
            if index + 1 < len(plan.pieces):
                yield self._silence(piece.pause_s), False
        yield self._silence(TAIL_S), False

    def _lufs(self, samples: Samples) -> float:
        meter = LoudnessMeter(self._rate_hz, has_peak=False)
        meter.push(samples)
        return meter.result().integrated_lufs

    def _silence(self, seconds: float) -> Samples:
        return np.zeros(round(seconds * self._rate_hz), np.float32)


def file_name(head: ChapterHead, num_chapters: int, suffix: str) -> str:
    """Name of the file of a chapter: its number and its title, without characters that file systems refuse."""
    width = max(2, len(str(num_chapters)))
    return f"{head.number:0{width}} {_file_name(head.title)}".strip() + suffix


def _file_name(title: str) -> str:
    kept = "".join(" " if char in '/\\:*?"<>|' or not char.isprintable() else char for char in title)
    name = " ".join(kept.split())
    while len(name.encode()) > 120:
        name = name[:-1]
    return name.strip(" .")
