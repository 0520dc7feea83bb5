"""`python -m tests.bench.book_writing FOLDER`: seconds to measure and write the m4b file of a job that has been spoken.

FOLDER is the job's, as `chorus book` names it at its end. One thread and all cores by turns, three times each.
"""

import io
import os
import statistics
import sys
import time
from pathlib import Path

from app.books.assembly import Mastering, Output, max_threads
from app.books.audio_file import BookFormat
from app.books.job import Job


def write(job: Job, num_threads: int) -> tuple[float, bytes, float]:
    """(seconds, the file, seconds of its audio)."""
    manifest = job.read_manifest()
    assert manifest is not None
    rate_hz = manifest.recipe.sample_rate_hz
    output = Output(book_format=BookFormat.M4B, title=manifest.title, author=manifest.author, cover=None)
    began_at_s = time.perf_counter()
    mastering = Mastering(job, output, rate_hz, lambda share: None, num_threads=num_threads)
    file = io.BytesIO()
    mastering.write_book(file)
    return time.perf_counter() - began_at_s, file.getvalue(), mastering.marks[-1].end / rate_hz


def main() -> None:
    job, numbers = Job(Path(sys.argv[1])), (1, max_threads(1.0))
    print(f"load {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores")
    took_s: dict[int, list[float]] = {number: [] for number in numbers}
    files: set[bytes] = set()
    audio_s = 0.0
    for _ in range(3):
        for number in numbers:
            seconds, file, audio_s = write(job, number)
            took_s[number].append(seconds)
            files.add(file)
    assert len(files) == 1, "the bytes depend on the number of threads"
    one_s, all_s = (statistics.median(took_s[number]) for number in numbers)
    print(f"{audio_s / 60:.0f} minutes of audio: 1 thread {one_s:.1f} s, {numbers[1]} threads {all_s:.1f} s, "
          f"{one_s / all_s:.2f} times as fast, {audio_s / all_s:.0f} x real time")  # fmt: skip


if __name__ == "__main__":
    main()
