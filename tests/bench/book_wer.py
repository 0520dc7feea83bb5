"""`python -m tests.bench.book_wer NOVEL.m4b NOVEL.epub CHAPTER`: word error rate of one chapter of a finished book.

Whisper base transcribes the chapter; the text is that of the file from which the book was made. Words that only differ
in spaces, hyphens or an old way to write them apart (`any one`, `to day`) count as equal.
"""

import difflib
import os
import sys
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from app.asr.base import SAMPLE_RATE_HZ, TranscriptionRequest
from app.text.reading import read as read_aloud
from tests.bench.asr import error_rate
from tests.support.books import read
from tests.support.compounds import as_written
from tests.support.embedded_asr import recognize_all, text_of
from tests.support.recogniser import plain


def read_chapter(file: Path, number: int) -> NDArray[np.float32]:
    """[samples] float32 at the rate of the recogniser."""
    with av.open(file) as container:
        chapter = container.chapters()[min(number, len(container.chapters())) - 1]
        start_s, end_s = (float(chapter[edge] * chapter["time_base"]) for edge in ("start", "end"))
        resampler = av.AudioResampler(format="flt", layout="mono", rate=SAMPLE_RATE_HZ)
        parts = [
            part.to_ndarray()[0]
            for frame in container.decode(audio=0)
            if start_s <= frame.time < end_s
            for part in resampler.resample(frame)
        ]
    return np.concatenate(parts)


def main() -> None:
    file, source, number = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    print(f"load {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores")
    chapter = read(source.read_bytes(), source.name).chapters[number - 1]
    [events] = recognize_all([TranscriptionRequest(samples=read_chapter(file, number), language="en")])
    heard = plain(read_aloud(text_of(events), "en").text)  # numbers as words
    truth = plain(read_aloud(chapter.text, "en").text)
    whole, alike = error_rate([truth], [heard]), error_rate([truth], [as_written(truth, heard)])
    print(f"chapter {number}: {len(truth.split())} words, word error rate {alike:.2f} %, {whole:.2f} % with spaces")
    expected, got = truth.split(), as_written(truth, heard).split()
    for kind, a, b, c, d in difflib.SequenceMatcher(None, expected, got, autojunk=False).get_opcodes():
        if kind != "equal":
            print(f"    {' '.join(expected[a:b])!r} -> {' '.join(got[c:d])!r}")


if __name__ == "__main__":
    main()
