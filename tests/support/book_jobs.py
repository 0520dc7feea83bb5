"""Jobs of books that have been spoken."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from app.books.job import ChapterHead, ChapterPlan, Job, Manifest
from app.books.plan import Piece
from app.engine.values import Samples
from tests.support.books import RECIPE

RATE_HZ = 24_000


def speech(seconds: float, level: float, *, peak: float = 0.0) -> Samples:
    time_s = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    samples = (level * np.sin(2 * np.pi * 440 * time_s) * (0.6 + 0.4 * np.sin(2 * np.pi * 3 * time_s))).astype(
        np.float32
    )
    if peak:
        samples[RATE_HZ : RATE_HZ + 300] *= peak / level
    return samples


def make_job(folder: Path, chapters: Sequence[Sequence[Samples]]) -> Job:
    job = Job(folder)
    job.open()
    heads = tuple(ChapterHead(number, f"Chapter {number}") for number in range(1, len(chapters) + 1))
    job.write_manifest(Manifest(source="", title="A", author="B", language="en", recipe=RECIPE, chapters=heads))
    for head, segments in zip(heads, chapters, strict=True):
        pieces = [Piece(f"{head.number:02}{index:02}", "Words.", 0.5) for index in range(len(segments))]
        for piece, samples in zip(pieces, segments, strict=True):
            job.write_segment(piece.key, samples, RATE_HZ)
        job.write_chapter(ChapterPlan(head, tuple(pieces)))
    return job
