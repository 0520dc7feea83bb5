"""Faults of speech found by alignment: python -m tests.bench.checking [--first 0] [--count 200] [--chapter] [--names]

The embedded voice speaks sentences as they are and damaged in thirteen ways. Prints how many of each kind are found,
false alarms, errors of word starts and the cost. `--chapter` speaks a whole chapter undamaged instead, `--names` 40
sentences with rare names, numbers and abbreviations. `--first` and `--count` split the run, and `--add FILE` adds
up the parts.
"""

import argparse
import asyncio
import json
import os
import re
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

import msgspec
import numpy as np

from app.asr.alignment import Alignment
from app.asr.base import Recognizer
from app.asr.known_words import known_words
from app.asr.samples import SAMPLE_RATE_HZ
from app.engine.embedded import MAX_SEGMENT_CHARS, prepare_segment
from app.speech.checking.listening import Heard, KnownSegment, SegmentListener
from app.text.reading import read
from app.text.segments import split_segments
from tests.bench.asr import GAP_S, WORDS
from tests.bench.measuring import ROOT
from tests.support.damage import FAULTS, SENTENCES, TAILS, Audio, Injector, without_silence
from tests.support.embedded_asr import open_embedded
from tests.support.timed_voice import TimedWord, timed_voice

NAMES = Path(__file__).parents[1].joinpath("support", "names.txt")
CHAPTER = ROOT.parent / "shared" / "data" / "alice_chapter1.txt"
CLEAN, CHAPTER_SEGMENT, RARE_NAMES = "clean", "chapter", "names"
UNDAMAGED = (CLEAN, CHAPTER_SEGMENT, RARE_NAMES)
TOGETHER = 4
MAX_WAIT_S = 600.0


class Tally:
    """Figures that add up over several runs.

    kept   takes a line of JSON for each speech: its kind, text and alignment, to try other thresholds on
    """

    def __init__(self, kept: TextIO | None = None) -> None:
        self._kept = kept
        self.outcomes: dict[str, dict[str, int]] = {}
        self.start_errors_s: list[float] = []
        self.known_gap_errors_s: list[float] = []
        self.compute_s = 0.0
        self.audio_s = 0.0
        self.false_alarms: list[str] = []
        self.missed: list[str] = []

    def count(self, kind: str, outcome: str) -> None:
        counts = self.outcomes.setdefault(kind, {})
        counts[outcome] = counts.get(outcome, 0) + 1

    def keep(self, kind: str, text: str, heard: Heard) -> None:
        if self._kept is not None:
            self._kept.write(msgspec.json.encode([kind, text, heard.alignment]).decode() + "\n")

    @property
    def figures(self) -> dict[str, object]:
        return {name: value for name, value in vars(self).items() if not name.startswith("_")}

    def share(self, kinds: Sequence[str], outcome: str = "failed") -> float:
        """In percent."""
        counts = [self.outcomes.get(kind, {}) for kind in kinds]
        total = sum(sum(each.values()) for each in counts)
        return 100 * sum(each.get(outcome, 0) for each in counts) / total if total else float("nan")

    def add(self, other: dict[str, object]) -> None:
        for kind, counts in dict(other["outcomes"]).items():
            for outcome, number in counts.items():
                mine = self.outcomes.setdefault(kind, {})
                mine[outcome] = mine.get(outcome, 0) + number
        for name in ("start_errors_s", "known_gap_errors_s", "false_alarms", "missed"):
            getattr(self, name).extend(other[name])
        self.compute_s += float(other["compute_s"])
        self.audio_s += float(other["audio_s"])


def known(written: str) -> KnownSegment:
    return KnownSegment(written, read(written, "en").text, "en")


def start_errors_s(text: str, alignment: Alignment, truth: Sequence[TimedWord]) -> list[float]:
    """Times of each word; none where the voice has not as many words as the text."""
    sizes = [
        sum(len(re.split("-", said)) for said in word.spoken) for word in known_words(text, read(text, "en").text, "en")
    ]
    if sum(sizes) != len(truth):
        return []
    firsts = np.cumsum([0, *sizes[:-1]])
    return [abs(word.start_s - truth[first].start_s) for word, first in zip(alignment.words, firsts, strict=True)]


async def hear(
    recognizer: Recognizer, kind: str, spoken: Sequence[tuple[str, Audio]], tally: Tally, *, timed: bool
) -> list[Heard]:
    """Compare each text with its samples, as a server does; `timed` counts the cost."""
    began_s = time.process_time()
    listeners = [
        SegmentListener(recognizer, [known(text)], SAMPLE_RATE_HZ, checks=True, max_wait_s=MAX_WAIT_S)
        for text, _ in spoken
    ]
    heard = await asyncio.gather(
        *(listener.hear(0, samples) for listener, (_, samples) in zip(listeners, spoken, strict=True))
    )
    if timed:
        tally.compute_s += time.process_time() - began_s
        tally.audio_s += sum(len(samples) for _, samples in spoken) / SAMPLE_RATE_HZ
    for (text, _), one in zip(spoken, heard, strict=True):
        assert one.verdict is not None
        tally.count(kind, one.verdict.outcome)
        if kind in UNDAMAGED:
            tally.false_alarms += [text] * (one.verdict.outcome == "failed")
        elif one.verdict.outcome != "failed":
            tally.missed.append(f"{kind}: {text}")
        tally.keep(kind, text, one)
    return list(heard)


async def measure_sentences(
    recognizer: Recognizer, numbers: range, tally: Tally, kinds: Sequence[str], *, with_clean: bool
) -> None:
    for start in range(numbers.start, numbers.stop, TOGETHER):
        texts = {number: SENTENCES[number] for number in range(start, min(start + TOGETHER, numbers.stop))}
        injectors = {
            number: Injector(timed_voice(), read(text, "en").text, seed=number) for number, text in texts.items()
        }
        clean = [(text, injectors[number].clean.samples) for number, text in texts.items()]
        if with_clean:
            for number, heard in zip(texts, await hear(recognizer, CLEAN, clean, tally, timed=True), strict=True):
                assert heard.alignment is not None
                tally.start_errors_s += start_errors_s(texts[number], heard.alignment, injectors[number].clean.words)
        for kind in kinds:
            damaged = [
                (texts[number], found.samples)
                for number, injector in injectors.items()
                if (found := injector.damage(kind)) is not None
            ]
            await hear(recognizer, kind, damaged, tally, timed=False)


async def measure_chapter(recognizer: Recognizer, tally: Tally, numbers: range) -> None:
    segments = split_segments(CHAPTER.read_text(), language="en", max_chars=MAX_SEGMENT_CHARS)
    for segment in segments[numbers.start : numbers.stop]:
        samples = timed_voice()(prepare_segment(segment).spoken_text, seed=segment.index).samples
        await hear(recognizer, CHAPTER_SEGMENT, [(segment.text, samples)], tally, timed=True)


async def measure_names(recognizer: Recognizer, tally: Tally, numbers: range) -> None:
    for text in NAMES.read_text().splitlines()[numbers.start : numbers.stop]:
        samples = timed_voice()(read(text, "en").text).samples
        await hear(recognizer, RARE_NAMES, [(text, samples)], tally, timed=False)


async def measure_known_gaps(recognizer: Recognizer, tally: Tally) -> None:
    """Words that are spoken singly."""
    gap = np.zeros(round(GAP_S * SAMPLE_RATE_HZ), np.float32)
    parts, truth, at = [gap], [], len(gap)
    for word in WORDS:
        samples = without_silence(timed_voice()(f"{word}.").samples)
        truth.append(at / SAMPLE_RATE_HZ)
        parts += [samples, gap]
        at += len(samples) + len(gap)
    listener = SegmentListener(recognizer, [known(", ".join(WORDS))], SAMPLE_RATE_HZ, checks=False)
    heard = await listener.hear(0, np.concatenate(parts))
    assert heard.alignment is not None
    tally.known_gap_errors_s += [
        abs(word.start_s - start_s) for word, start_s in zip(heard.alignment.words, truth, strict=True)
    ]


def show(tally: Tally) -> None:
    print(f"{'':26}{'failed':>8}{'passed':>8}{'inconcl.':>9}")
    for kind, counts in tally.outcomes.items():
        numbers = [counts.get(outcome, 0) for outcome in ("failed", "passed", "inconclusive")]
        print(f"{kind:26}{numbers[0]:8}{numbers[1]:8}{numbers[2]:9}")
    faults = [kind for kind in tally.outcomes if kind in FAULTS]
    print(f"found                {tally.share(faults):6.1f} % of all faults")
    print(f"  negations, tails   {tally.share(['dropped negation']):6.1f} %, {tally.share(sorted(TAILS)):.1f} %")
    print(f"false alarms         {tally.share(UNDAMAGED):6.2f} % of clean segments")
    for name, errors in (("voice's frames", tally.start_errors_s), ("known gaps", tally.known_gap_errors_s)):
        if errors:
            median, high = np.percentile(errors, [50, 95]) * 1000
            shown = f"median {median:.0f} ms, 95th percentile {high:.0f} ms"
            print(f"word starts          {shown} ({name}, {len(errors)} words)")
    if tally.audio_s:
        print(f"cost                 {tally.compute_s / tally.audio_s:.3f} s of compute for a second of speech")
    print(f"load                 {os.getloadavg()[0]:.1f}")
    for name in ("false_alarms", "missed"):
        for text in getattr(tally, name):
            print(f"{name}: {text}")


async def measure(options: argparse.Namespace) -> Tally:
    tally = Tally(options.keep)
    recognizer = await asyncio.to_thread(open_embedded)
    numbers = range(options.first, options.first + options.count)
    try:
        if options.chapter:
            await measure_chapter(recognizer, tally, numbers)
        elif options.names:
            await measure_names(recognizer, tally, numbers)
        else:
            if options.first == 0 and not options.no_clean:
                await measure_known_gaps(recognizer, tally)
            kinds = [] if options.clean else [kind for kind in FAULTS if options.kinds in kind]
            numbers = range(numbers.start, min(numbers.stop, len(SENTENCES)))
            await measure_sentences(recognizer, numbers, tally, kinds, with_clean=not options.no_clean)
    finally:
        await recognizer.aclose()
    return tally


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--clean", action="store_true", help="no damaged speech")
    parser.add_argument("--kinds", default="", help="only kinds of damage with this in their name")
    parser.add_argument("--no-clean", action="store_true", help="no undamaged speech")
    parser.add_argument("--chapter", action="store_true")
    parser.add_argument("--names", action="store_true", help="only sentences with rare names and abbreviations")
    parser.add_argument("--add", type=Path, help="add this run to those of a file, and print all of them")
    parser.add_argument("--keep", type=argparse.FileType("a"), help="add the alignments to a file, one in a line")
    options = parser.parse_args()
    tally = asyncio.run(measure(options))
    if options.add is not None:
        if options.add.exists():
            tally.add(json.loads(options.add.read_text()))
        options.add.write_text(json.dumps(tally.figures))
    show(tally)


if __name__ == "__main__":
    main()
