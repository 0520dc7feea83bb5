"""A watermark of speech in figures: python -m tests.bench.watermark --scores FILE [--clips 100] [--unmarked 1000]

Perth marks speech of the embedded voice, and recordings of people where a folder of them is given. Prints how often its
detector finds the mark after each way that telephones, streams and editors change speech, how often it finds one where
there is none, and what the mark costs. DNSMOS, a network's estimate of quality from 1 to 5, is measured where
`speechmos` is installed.

Scores of each clip are appended to FILE, and a clip that is there is not measured again: with --limit-s a run ends in
time, and the next one goes on.

Needs resemble-perth and torch; both it and speechmos bring their weights. They are no dependency of Chorus:
pip install --no-deps --target FOLDER resemble-perth speechmos, then PYTHONPATH=FOLDER. Recordings of people with a free
licence are in Debian's packages asterisk-core-sounds-{en,es,fr,it,ru}-g722.
"""

import argparse
import contextlib
import os
import random
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from statistics import mean, median
from typing import Any

import av
import msgspec
import numpy as np
import soxr
from hibari import Hibari

from app.audio.formats import AudioFormat, OutputFormat
from app.audio.output import encode_whole
from tests.support.damage import SENTENCES
from tests.support.samples import decoded

RATE_HZ = Hibari.sample_rate
CHUNK_S, CONTEXT_S = 0.5, 0.25
CROP_S = 3.0
MIN_RECORDING_S, MAX_RECORDING_S = 2.0, 6.0
SILENCE = 0.01
NOISE_SNR_DB = 20
BORDER_S = 0.005
DNSMOS_RATE_HZ = 16_000
FOUND = 0.5
"""The detector's own bound; it answers from 0 to 1."""
CODEC_RATES_HZ = {AudioFormat.OPUS: 48_000, AudioFormat.ULAW: 8_000}
IN_CHUNKS = f"marked by chunks of {CHUNK_S:g} s"
WITH_CONTEXT = f"{IN_CHUNKS}, with {CONTEXT_S:g} s on both sides"

Audio = Any  # an array of float32
Run = Callable[[int, str, Audio], "Measured"]
Clip = tuple[str, Callable[[], Audio]]
"""Its name, and what makes it. Names begin with the kind: `embedded voice` or `recording`."""


class Measured(msgspec.Struct, kw_only=True):
    """One line of the file of scores."""

    clip: str
    audio_s: float
    is_marked: bool
    scores: dict[str, float]
    """by the change; of an unmarked clip by an empty name"""
    seams_db: dict[str, float] = {}
    """by the way of marking: high frequencies at the borders of chunks, beside other places"""
    marking_s: float = 0.0
    finding_s: float = 0.0
    """processor time"""
    dnsmos: float | None = None
    """of the clip before it is marked"""
    dnsmos_change: float | None = None

    @property
    def kind(self) -> str:
        return self.clip.partition("/")[0]


def through(audio: Audio, audio_format: AudioFormat, bit_rate: int | None = None) -> Audio:
    """`audio` encoded and decoded."""
    samples = decoded(encode_whole(audio, OutputFormat(audio_format, bit_rate=bit_rate), RATE_HZ), audio_format)
    peak = 32_768 if np.issubdtype(samples.dtype, np.integer) else 1
    return soxr.resample((samples / peak).astype(np.float32), CODEC_RATES_HZ.get(audio_format, RATE_HZ), RATE_HZ)


def cropped(audio: Audio) -> Audio:
    """The middle of `audio`."""
    size = round(CROP_S * RATE_HZ)
    start = max(0, (len(audio) - size) // 2)
    return audio[start : start + size]


def noisy(audio: Audio) -> Audio:
    level = float(np.sqrt(np.mean(np.square(audio)))) * 10 ** (-NOISE_SNR_DB / 20)
    return audio + np.random.default_rng(1).normal(0, level, len(audio)).astype(np.float32)


CHANGES: dict[str, Callable[[Audio], Audio]] = {
    "none": lambda audio: audio,
    "MP3, 64 kbit/s": lambda audio: through(audio, AudioFormat.MP3, 64_000),
    "Opus, 24 kbit/s": lambda audio: through(audio, AudioFormat.OPUS, 24_000),
    "µ-law, 8 kHz": lambda audio: through(audio, AudioFormat.ULAW),
    f"cropped to {CROP_S:g} s": cropped,
    f"noise at {NOISE_SNR_DB} dB": noisy,
}


class Watermark:
    def __init__(self) -> None:
        import perth

        with contextlib.redirect_stdout(sys.stderr):
            self._perth: Any = perth.PerthImplicitWatermarker()

    def mark(self, audio: Audio) -> Audio:
        """Perth leaves out up to 10 ms at the end, which stay unmarked."""
        marked = np.asarray(self._perth.apply_watermark(audio, sample_rate=RATE_HZ), np.float32)[: len(audio)]
        return np.concatenate([marked, audio[len(marked) :]])

    def mark_by_chunks(self, audio: Audio, context_s: float) -> Audio:
        """Each chunk for itself, as a stream would have to, with `context_s` of the speech on both sides of it."""
        size, context = round(CHUNK_S * RATE_HZ), round(context_s * RATE_HZ)
        pieces: list[Audio] = []
        for at in range(0, len(audio), size):
            begin = max(0, at - context)
            piece = audio[begin : at + size + context]
            # Its Fourier transform needs 2048 samples at 32 kHz.
            marked = self.mark(piece) if len(piece) > RATE_HZ // 10 else piece
            pieces.append(marked[at - begin :][:size])
        return np.concatenate(pieces)

    def score(self, audio: Audio) -> float:
        return float(self._perth.get_watermark(np.asarray(audio, np.float32), sample_rate=RATE_HZ, round=False).mean())


def embedded_clips(count: int) -> Iterator[Clip]:
    """Each sentence once, then all of them in another seed."""
    voice = Hibari()
    for number in range(count):
        text, seed = SENTENCES[number % len(SENTENCES)], number // len(SENTENCES)
        yield f"embedded voice/{number}", lambda text=text, seed=seed: voice(text, seed=seed)


def recorded_clips(folder: Path, count: int) -> Iterator[Clip]:
    """Recordings of a folder, in the same random order in each run. Short and silent ones are left out."""
    paths = sorted(path for path in folder.rglob("*") if path.suffix in (".g722", ".wav", ".flac", ".ogg"))
    random.Random(1).shuffle(paths)
    found = 0
    for path in paths:
        if found == count:
            return
        audio = read(path)[: round(MAX_RECORDING_S * RATE_HZ)]
        if len(audio) >= MIN_RECORDING_S * RATE_HZ and np.abs(audio).max() > SILENCE:
            found += 1
            yield f"recording/{path.relative_to(folder)}", lambda audio=audio: audio


def read(path: Path) -> Audio:
    """The recording in mono at RATE_HZ."""
    with av.open(str(path), format="g722" if path.suffix == ".g722" else None) as container:
        resampler = av.AudioResampler("fltp", "mono", RATE_HZ)
        frames = [*container.decode(audio=0), None]
        pieces = [piece.to_ndarray()[0] for frame in frames for piece in resampler.resample(frame)]
    return np.concatenate([np.zeros(0, np.float32), *pieces])


def seam_db(original: Audio, marked: Audio) -> float:
    """High frequencies of what the mark added around the borders of chunks, beside those elsewhere.

    The mark itself lies below 2 kHz; a step at a border has all frequencies.
    """
    added = np.diff(marked[: len(original)] - original[: len(marked)], n=2)
    is_border = np.zeros(len(added), bool)
    half = round(BORDER_S * RATE_HZ)
    for border in range(round(CHUNK_S * RATE_HZ), len(added), round(CHUNK_S * RATE_HZ)):
        is_border[border - half : border + half] = True
    powers = [float(np.mean(np.square(added[where]))) for where in (is_border, ~is_border)]
    return 10 * float(np.log10(powers[0] / powers[1]))


def dnsmos(audio: Audio) -> float | None:
    try:
        from speechmos import dnsmos as scorer
    except ImportError:
        return None
    at_its_rate = soxr.resample(np.asarray(audio, np.float32), RATE_HZ, DNSMOS_RATE_HZ).clip(-1, 1)
    return float(scorer.run(at_its_rate, DNSMOS_RATE_HZ)["ovrl_mos"])


def measure_marked(watermark: Watermark, name: str, audio: Audio, *, is_scored: bool) -> Measured:
    """`is_scored`: by DNSMOS, which takes longer than the rest."""
    scores: dict[str, float] = {}
    began_at_s = time.process_time()
    marked = watermark.mark(audio)
    marking_s, finding_s = time.process_time() - began_at_s, 0.0
    for change_name, change in CHANGES.items():
        changed = change(marked)
        began_at_s = time.process_time()
        scores[change_name] = watermark.score(changed)
        if changed is marked:
            finding_s = time.process_time() - began_at_s
    seams = {"marked whole, at the same places": seam_db(audio, marked)}
    for way, context_s in ((IN_CHUNKS, 0.0), (WITH_CONTEXT, CONTEXT_S)):
        by_chunks = watermark.mark_by_chunks(audio, context_s)
        scores[way] = watermark.score(by_chunks)
        seams[way] = seam_db(audio, by_chunks)
    before, after = (dnsmos(audio), dnsmos(marked)) if is_scored else (None, None)
    return Measured(
        clip=name,
        audio_s=len(audio) / RATE_HZ,
        is_marked=True,
        scores=scores,
        seams_db=seams,
        marking_s=marking_s,
        finding_s=finding_s,
        dnsmos=before,
        dnsmos_change=None if before is None or after is None else after - before,
    )


def measure_unmarked(watermark: Watermark, name: str, audio: Audio) -> Measured:
    return Measured(clip=name, audio_s=len(audio) / RATE_HZ, is_marked=False, scores={"": watermark.score(audio)})


def measure(clips: Iterable[Clip], known: set[str], until_s: float, run: Run, file: Any) -> bool:
    """Append the scores of the clips that are not `known`. False where the time was over before all were there."""
    for number, (name, make) in enumerate(clips):
        if name in known:
            continue
        if time.monotonic() > until_s:
            return False
        file.write(msgspec.json.encode(run(number, name, make())) + b"\n")
        file.flush()
    return True


def show(measured: list[Measured]) -> None:
    for kind in sorted({each.kind for each in measured}):
        marked = [each for each in measured if each.kind == kind and each.is_marked]
        unmarked = [each.scores[""] for each in measured if each.kind == kind and not each.is_marked]
        if marked:
            show_marked(kind, marked)
        if unmarked:
            alarms = sum(score >= FOUND for score in unmarked)
            print(f"{kind}: false alarms {alarms} of {len(unmarked)}; highest score {max(unmarked):.3f}")


def show_marked(kind: str, marked: list[Measured]) -> None:
    audio_s = sum(each.audio_s for each in marked)
    print(f"{kind}: {len(marked)} marked clips, {audio_s:.0f} s")
    for name in marked[0].scores:
        values = [each.scores[name] for each in marked]
        found = sum(value >= FOUND for value in values)
        print(f"| {name} | {100 * found / len(values):.1f} % | {median(values):.3f} | {min(values):.3f} |")
    for way in marked[0].seams_db:
        values = [each.seams_db[way] for each in marked]
        print(f"steps at borders, {way}: median {median(values):+.1f} dB, highest {max(values):+.1f} dB")
    marking_s, finding_s = (
        sum(getattr(each, name) for each in marked) / audio_s for name in ("marking_s", "finding_s")
    )
    print(f"processor time for a second of audio: {marking_s:.3f} s to mark, {finding_s:.3f} s to find")
    before = [each.dnsmos for each in marked if each.dnsmos is not None]
    changes = [each.dnsmos_change for each in marked if each.dnsmos_change is not None]
    if changes:
        told = f"mean change {mean(changes):+.3f}, worst {min(changes):+.3f}"
        print(f"DNSMOS of {len(changes)}: {mean(before):.2f} before, {told}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scores", type=Path, required=True, help="file to which the scores of each clip are added")
    parser.add_argument("--clips", type=int, default=100, help="clips of each kind that are marked")
    parser.add_argument("--unmarked", type=int, default=1000, help="clips of each kind without a mark")
    parser.add_argument("--dnsmos", type=int, default=30, help="marked clips of each kind with DNSMOS")
    parser.add_argument("--recordings", type=Path, help="folder with recordings of people")
    parser.add_argument("--limit-s", type=float, default=float("inf"), help="seconds after which no clip is begun")
    options = parser.parse_args()
    try:
        watermark = Watermark()
    except ImportError as error:
        print(f"skipped: {error.name} is not installed; the module's text says how", file=sys.stderr)
        return
    until_s = time.monotonic() + options.limit_s
    watermark.score(watermark.mark(np.zeros(RATE_HZ, np.float32)))  # the first call compiles
    print(f"load before: {os.getloadavg()[0]:.1f}")

    def run_marked(number: int, name: str, audio: Audio) -> Measured:
        return measure_marked(watermark, name, audio, is_scored=number < options.dnsmos)

    def run_unmarked(_: int, name: str, audio: Audio) -> Measured:
        return measure_unmarked(watermark, name, audio)

    options.scores.touch()
    for is_marked, count, run in ((True, options.clips, run_marked), (False, options.unmarked, run_unmarked)):
        known = {each.clip for each in read_scores(options.scores) if each.is_marked == is_marked}
        kinds = [embedded_clips(count)]
        if options.recordings is not None:
            kinds.append(recorded_clips(options.recordings, count))
        with options.scores.open("ab") as file:
            for clips in kinds:
                if not measure(clips, known, until_s, run, file):
                    print("not complete: the next run goes on")
    show(read_scores(options.scores))


def read_scores(path: Path) -> list[Measured]:
    return [msgspec.json.decode(line, type=Measured) for line in path.read_bytes().splitlines()]


if __name__ == "__main__":
    main()
