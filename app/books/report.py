"""The report of a book: what became of each segment."""

from collections.abc import Iterator

import msgspec
import numpy as np

from app.books.acx import ChapterLevels, find_faults
from app.books.assembly import Finished, Mastering
from app.books.job import ChapterPlan, Job, Manifest
from app.books.notes import NO_NOTES, SegmentCheck

MAX_DIFFERENCE_LU = 6.0
"""A segment is doubtful where its loudness differs by more from the median of the book."""


class SegmentReport(msgspec.Struct, frozen=True, kw_only=True):
    """Times in seconds from the start of the chapter. Loudness after the gain of the book, in LUFS."""

    key: str
    """name of its file"""
    text: str
    start_s: float
    end_s: float
    lufs: float | None
    """None for silence, and below 0.4 s"""
    check: SegmentCheck | None
    doubts: tuple[str, ...]


class ReportedLevels(msgspec.Struct, frozen=True, kw_only=True):
    """app.books.acx.ChapterLevels; None for silence."""

    title: str
    seconds: float
    rms_dbfs: float | None
    peak_dbfs: float | None
    noise_dbfs: float | None


class ChapterReport(msgspec.Struct, frozen=True, kw_only=True):
    number: int
    title: str
    start_s: float
    """in a file of the whole book"""
    levels: ReportedLevels
    acx_faults: tuple[str, ...]
    words_per_minute: float
    num_doubtful: int
    segments: tuple[SegmentReport, ...]


class BookReport(msgspec.Struct, frozen=True, kw_only=True):
    manifest: Manifest
    gain_db: float
    integrated_lufs: float | None
    """None for silence, as the peak"""
    true_peak_dbtp: float | None
    num_segments: int
    num_checked: int
    num_unchecked: int
    """segments that were to be compared, and for which the recogniser was busy or failed"""
    num_retried: int
    """segments of which more than one reading was made"""
    num_doubtful: int
    warnings: tuple[str, ...]
    chapters: tuple[ChapterReport, ...]


def make_report(job: Job, mastering: Mastering, finished: Finished, warnings: tuple[str, ...]) -> BookReport:
    """Blocking: reads the notes of each segment."""
    manifest = job.read_manifest()
    assert manifest is not None
    plans = list(job.chapters())
    heard = [timing.lufs for plan in plans for timing in mastering.timings(plan) if np.isfinite(timing.lufs)]
    median_lufs = float(np.median(heard)) if heard else 0.0
    chapters = [
        _chapter(job, mastering, plan, levels, median_lufs)
        for plan, levels in zip(plans, finished.chapters, strict=True)
    ]
    segments = [segment for chapter in chapters for segment in chapter.segments]
    checks = [segment.check for segment in segments if segment.check is not None]
    return BookReport(
        manifest=manifest,
        gain_db=round(finished.gain_db, 2),
        integrated_lufs=_finite(round(finished.loudness.integrated_lufs, 2)),
        true_peak_dbtp=_finite(round(finished.loudness.true_peak_dbtp, 2)),
        num_segments=len(segments),
        num_checked=sum(check.was_compared for check in checks),
        num_unchecked=sum(not check.was_compared for check in checks),
        num_retried=sum(check.num_retries > 0 for check in checks),
        num_doubtful=sum(chapter.num_doubtful for chapter in chapters),
        warnings=warnings,
        chapters=tuple(chapters),
    )


def _chapter(
    job: Job, mastering: Mastering, plan: ChapterPlan, levels: ChapterLevels, median_lufs: float
) -> ChapterReport:
    segments = tuple(_segments(job, mastering, plan, median_lufs))
    num_words = sum(len(piece.text.split()) for piece in plan.pieces)
    return ChapterReport(
        number=plan.head.number,
        title=plan.head.title,
        start_s=round(mastering.mark(plan).start / mastering.sample_rate_hz, 3),
        levels=ReportedLevels(
            title=levels.title,
            seconds=levels.seconds,
            rms_dbfs=_finite(levels.rms_dbfs),
            peak_dbfs=_finite(levels.peak_dbfs),
            noise_dbfs=_finite(levels.noise_dbfs),
        ),
        acx_faults=tuple(find_faults(levels)),
        words_per_minute=round(60 * num_words / levels.seconds, 1),
        num_doubtful=sum(bool(segment.doubts) for segment in segments),
        segments=segments,
    )


def _segments(job: Job, mastering: Mastering, plan: ChapterPlan, median_lufs: float) -> Iterator[SegmentReport]:
    rate_hz = mastering.sample_rate_hz
    for piece, timing in zip(plan.pieces, mastering.timings(plan), strict=True):
        notes = job.find_notes(piece.key) or NO_NOTES
        doubts = notes.doubts
        difference = timing.lufs - median_lufs
        if np.isfinite(difference) and abs(difference) > MAX_DIFFERENCE_LU:
            doubts.append(f"{abs(difference):.0f} LU {'louder' if difference > 0 else 'quieter'} than the book")
        yield SegmentReport(
            key=piece.key,
            text=piece.text,
            start_s=round(timing.start / rate_hz, 3),
            end_s=round(timing.end / rate_hz, 3),
            lufs=round(timing.lufs + mastering.gain_db, 2) if np.isfinite(timing.lufs) else None,
            check=notes.check,
            doubts=tuple(doubts),
        )


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None
