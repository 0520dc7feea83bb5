"""Faults of speech found by alignment: python -m tests.bench.checking [--first 0] [--count 200] [--chapter]

The embedded voice speaks sentences as they are and damaged in ten ways. Prints how many of each kind are found, false
alarms, errors of word starts and the cost. `--chapter` speaks a whole chapter undamaged instead. 200 sentences take ten
minutes on two idle cores; `--first` and `--count` split the run, and `--add FILE` adds up the parts.
"""

import argparse
import asyncio
import json
import os
import re
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from app.asr.alignment import Alignment, KnownSpeech
from app.asr.base import Recognizer
from app.asr.known_words import known_words
from app.asr.samples import SAMPLE_RATE_HZ
from app.asr.verdict import judge
from app.engine.embedded import MAX_SEGMENT_CHARS
from app.text.reading import read
from app.text.segments import split_segments
from tests.bench.asr import GAP_S, WORDS
from tests.bench.measuring import ROOT
from tests.support.damage import FAULTS, SENTENCES, TAILS, Injector, without_silence
from tests.support.embedded_asr import open_embedded
from tests.support.timed_voice import TimedWord, timed_voice

CHAPTER = ROOT.parent / "shared" / "data" / "alice_chapter1.txt"
CLEAN = "clean"
TOGETHER = 4


class Tally:
    """Figures that add up over several runs."""

    def __init__(self) -> None:
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


def known(written: str, samples: NDArray[np.float32]) -> KnownSpeech:
    return KnownSpeech(samples=samples, written=written, spoken=read(written, "en").text, language="en")


def start_errors_s(speech: KnownSpeech, alignment: Alignment, truth: Sequence[TimedWord]) -> list[float]:
    """Times of each word; none where the voice has not as many words as the text."""
    sizes = [
        sum(len(re.split("-", said)) for said in word.spoken)
        for word in known_words(speech.written, speech.spoken, speech.language)
    ]
    if sum(sizes) != len(truth):
        return []
    firsts = np.cumsum([0, *sizes[:-1]])
    return [abs(word.start_s - truth[first].start_s) for word, first in zip(alignment.words, firsts, strict=True)]


async def aligned(recognizer: Recognizer, speech: Sequence[KnownSpeech], tally: Tally | None) -> list[Alignment | None]:
    began_s = time.process_time()
    results = await asyncio.gather(*(recognizer.align([each]) for each in speech))
    if tally is not None:
        tally.compute_s += time.process_time() - began_s
        tally.audio_s += sum(each.duration_s for each in speech)
    return [result[0] for result in results]


async def measure_sentences(recognizer: Recognizer, numbers: range, tally: Tally, kinds: Sequence[str]) -> None:
    for start in range(numbers.start, numbers.stop, TOGETHER):
        group = range(start, min(start + TOGETHER, numbers.stop))
        injectors = [Injector(timed_voice(), read(SENTENCES[number], "en").text, seed=number) for number in group]
        clean = [known(SENTENCES[number], each.clean.samples) for number, each in zip(group, injectors, strict=True)]
        for number, speech, injector, alignment in zip(
            group, clean, injectors, await aligned(recognizer, clean, tally), strict=True
        ):
            assert alignment is not None
            outcome = judge(alignment).outcome
            tally.count(CLEAN, outcome)
            if outcome == "failed":
                tally.false_alarms.append(SENTENCES[number])
            tally.start_errors_s += start_errors_s(speech, alignment, injector.clean.words)
        for kind in kinds:
            damaged = [
                (number, known(SENTENCES[number], found.samples))
                for number, injector in zip(group, injectors, strict=True)
                if (found := injector.damage(kind)) is not None
            ]
            results = await aligned(recognizer, [speech for _, speech in damaged], None)
            for (number, _), alignment in zip(damaged, results, strict=True):
                outcome = judge(alignment).outcome
                tally.count(kind, outcome)
                if outcome != "failed":
                    tally.missed.append(f"{kind}: {SENTENCES[number]}")


async def measure_chapter(recognizer: Recognizer, tally: Tally, numbers: range) -> None:
    segments = split_segments(CHAPTER.read_text(), language="en", max_chars=MAX_SEGMENT_CHARS)
    for segment in segments[numbers.start : numbers.stop]:
        speech = known(segment.text, timed_voice()(read(segment.text, "en").text, seed=segment.index).samples)
        [alignment] = await aligned(recognizer, [speech], tally)
        outcome = judge(alignment).outcome
        tally.count("chapter", outcome)
        if outcome == "failed":
            tally.false_alarms.append(segment.text)


async def measure_known_gaps(recognizer: Recognizer, tally: Tally) -> None:
    """Words that are spoken singly."""
    gap = np.zeros(round(GAP_S * SAMPLE_RATE_HZ), np.float32)
    parts, truth, at = [gap], [], len(gap)
    for word in WORDS:
        samples = without_silence(timed_voice()(f"{word}.").samples)
        truth.append(at / SAMPLE_RATE_HZ)
        parts += [samples, gap]
        at += len(samples) + len(gap)
    [alignment] = await aligned(recognizer, [known(", ".join(WORDS), np.concatenate(parts))], None)
    assert alignment is not None
    tally.known_gap_errors_s += [
        abs(word.start_s - start_s) for word, start_s in zip(alignment.words, truth, strict=True)
    ]


def show(tally: Tally) -> None:
    print(f"{'':26}{'failed':>8}{'passed':>8}{'inconcl.':>9}")
    for kind, counts in tally.outcomes.items():
        numbers = [counts.get(outcome, 0) for outcome in ("failed", "passed", "inconclusive")]
        print(f"{kind:26}{numbers[0]:8}{numbers[1]:8}{numbers[2]:9}")
    faults = [kind for kind in tally.outcomes if kind in FAULTS]
    print(f"found                {tally.share(faults):6.1f} % of all faults")
    print(f"  negations, tails   {tally.share(['dropped negation']):6.1f} %, {tally.share(sorted(TAILS)):.1f} %")
    print(f"false alarms         {tally.share([CLEAN, 'chapter']):6.2f} % of clean segments")
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
    tally = Tally()
    recognizer = await asyncio.to_thread(open_embedded)
    numbers = range(options.first, options.first + options.count)
    try:
        if options.chapter:
            await measure_chapter(recognizer, tally, numbers)
        else:
            if options.first == 0:
                await measure_known_gaps(recognizer, tally)
            kinds = [] if options.clean else list(FAULTS)
            await measure_sentences(recognizer, range(numbers.start, min(numbers.stop, len(SENTENCES))), tally, kinds)
    finally:
        await recognizer.aclose()
    return tally


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--clean", action="store_true", help="no damaged speech")
    parser.add_argument("--chapter", action="store_true")
    parser.add_argument("--add", type=Path, help="add this run to those of a file, and print all of them")
    options = parser.parse_args()
    tally = asyncio.run(measure(options))
    if options.add is not None:
        if options.add.exists():
            tally.add(json.loads(options.add.read_text()))
        options.add.write_text(json.dumps(vars(tally)))
    show(tally)


if __name__ == "__main__":
    main()
