"""Segments of a job to the finished files. One segment is in memory at a time.

A book is read twice: for its loudness, then to write it with one gain. A limiter turns
down the few peaks that the gain would raise above what shops accept.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import BinaryIO

import msgspec
import numpy as np

from app.audio.ebur128 import Loudness, LoudnessMeter
from app.audio.limiter import Limiter
from app.audio.loudness import MAX_GAIN_DB
from app.audio.pcm import dbfs_to_amplitude
from app.audio.provenance import Provenance
from app.books.acx import ChapterLevels, LevelMeter
from app.books.audio_file import BookFile, BookFormat, Mark, Tags
from app.books.book import Cover
from app.books.job import ChapterHead, ChapterPlan, Job
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

OnShare = Callable[[float], object]
"""Called before each segment with the share of the work that is done, 0 to 1. Raises to stop."""


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


class Mastering:
    """Measures the book at once: blocking, as all of it. Raises what `on_share` raises, StorageFailure for a damaged
    segment, OSError where the disk fails.

    only   number of the one chapter that the book is taken to have; None: all
    """

    def __init__(
        self, job: Job, output: Output, sample_rate_hz: int, on_share: OnShare, *, only: int | None = None
    ) -> None:
        self._job = job
        self._only = only
        self._output = output
        self.sample_rate_hz = self._rate_hz = sample_rate_hz
        self._on_share = on_share
        self._num_pieces = sum(len(plan.pieces) for plan in self._plans())
        self._num_measured = self._num_written = 0
        self._num_before: dict[int, int] = {}
        """pieces before each chapter, by its number"""
        self._meter = LoudnessMeter(sample_rate_hz)
        self._levels: dict[int, LevelMeter] = {}
        self._num_metered = 0
        """samples of the book, from its first one, that the meters have seen: a file may be written twice"""
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
        try:
            for plan in self._plans():
                self._write(plan, book_file)
            book_file.finish()
        finally:
            book_file.close()

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
        try:
            self._write(plan, book_file)
            book_file.finish()
        finally:
            book_file.close()

    def result(self) -> Finished:
        """Loudness of the audio that has been written."""
        levels = tuple(meter.result() for meter in self._levels.values())
        return Finished(gain_db=self.gain_db, loudness=self._meter.result(), chapters=levels)

    def _measure(self) -> tuple[dict[int, Mark], float]:
        """Times of the chapters by their numbers, and the one gain of the book in dB."""
        meter = LoudnessMeter(self._rate_hz, has_peak=False)
        marks: dict[int, Mark] = {}
        num_samples = 0
        for plan in self._plans():
            start = num_samples
            self._num_before[plan.head.number] = self._num_measured
            timings: list[Timing] = []
            for samples, is_speech in self._samples(plan):
                self._num_measured += is_speech
                meter.push(samples)
                if is_speech:
                    at = num_samples - start
                    timings.append(Timing(at, at + len(samples), self._lufs(samples)))
                num_samples += len(samples)
            marks[plan.head.number] = Mark(plan.head.title, start, num_samples)
            self._timings[plan.head.number] = tuple(timings)
        lufs = meter.result().integrated_lufs
        gain_db = min(max(TARGET_LUFS - lufs, -MAX_GAIN_DB), MAX_GAIN_DB) if np.isfinite(lufs) else 0.0
        return marks, gain_db

    @property
    def _share(self) -> float:
        measured, written = (count / self._num_pieces for count in (self._num_measured, self._num_written))
        return MEASURING_SHARE * measured + (1 - MEASURING_SHARE) * written

    def _plans(self) -> Iterator[ChapterPlan]:
        return self._job.chapters() if self._only is None else iter([self._job.read_chapter(self._only)])

    def _write(self, plan: ChapterPlan, book_file: BookFile) -> None:
        gain = np.float32(dbfs_to_amplitude(self.gain_db))
        limiter = Limiter(self._rate_hz, CEILING_DBFS)
        levels = self._levels.setdefault(plan.head.number, LevelMeter(plan.head.title, self._rate_hz))
        num_before = self.mark(plan).start
        self._num_written = self._num_before[plan.head.number]  # a file may be written twice

        def write(samples: Samples) -> None:
            nonlocal num_before
            unmetered = samples[max(0, self._num_metered - num_before) :]
            self._meter.push(unmetered)
            levels.push(unmetered)
            num_before += len(samples)
            self._num_metered = max(self._num_metered, num_before)
            book_file.write(samples)

        for samples, is_speech in self._samples(plan):
            self._num_written += is_speech
            write(limiter.push(samples * gain))
        write(limiter.close())

    def _samples(self, plan: ChapterPlan) -> Iterator[tuple[Samples, bool]]:
        """Samples and whether they are those of a piece."""
        yield self._silence(HEAD_S), False
        for index, piece in enumerate(plan.pieces):
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
