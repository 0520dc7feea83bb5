"""A watermark of speech in figures: python -m tests.bench.watermark [--clips 100] [--unmarked 1000]

Perth marks speech of the embedded voice. Prints how often its detector finds the mark after each way that telephones,
streams and editors change speech, how often it finds one where there is none, and what the mark costs. DNSMOS, a
network's estimate of quality from 1 to 5, is printed where `speechmos` is installed.

Needs resemble-perth and torch; both it and speechmos bring their weights. They are no dependency of Chorus:
pip install --no-deps --target FOLDER resemble-perth speechmos, then PYTHONPATH=FOLDER.
"""

import argparse
import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterator
from statistics import median
from typing import Any

import numpy as np
import soxr
from hibari import Hibari

from app.audio.formats import AudioFormat, OutputFormat
from app.audio.output import encode_whole
from tests.support.damage import SENTENCES
from tests.support.samples import decoded

RATE_HZ = Hibari.sample_rate
CHUNK_S = 0.5
CROP_S = 3.0
NOISE_SNR_DB = 20
BORDER_S = 0.005
DNSMOS_RATE_HZ = 16_000
FOUND = 0.5
"""The detector's own bound; it answers from 0 to 1."""
CODEC_RATES_HZ = {AudioFormat.OPUS: 48_000, AudioFormat.ULAW: 8_000}

Audio = Any  # an array of float32


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
    "as it was marked": lambda audio: audio,
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
        return np.asarray(self._perth.apply_watermark(audio, sample_rate=RATE_HZ), np.float32)[: len(audio)]

    def mark_by_chunks(self, audio: Audio) -> Audio:
        """Each chunk for itself, as a stream would have to."""
        size = round(CHUNK_S * RATE_HZ)
        pieces = [audio[at : at + size] for at in range(0, len(audio), size)]
        # Its Fourier transform needs 2048 samples at 32 kHz.
        return np.concatenate([self.mark(piece) if len(piece) > RATE_HZ // 10 else piece for piece in pieces])

    def score(self, audio: Audio) -> float:
        return float(self._perth.get_watermark(np.asarray(audio, np.float32), sample_rate=RATE_HZ, round=False).mean())


def clips(count: int, first: int = 0) -> Iterator[Audio]:
    voice = Hibari()
    for number in range(first, first + count):
        yield voice(SENTENCES[number % len(SENTENCES)], seed=number // len(SENTENCES))


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


def measure_marked(watermark: Watermark, count: int) -> None:
    scores: dict[str, list[float]] = {name: [] for name in [*CHANGES, f"marked by chunks of {CHUNK_S:g} s"]}
    seams: list[float] = []
    whole_seams: list[float] = []
    changes: list[float] = []
    marking_s, finding_s, audio_s = 0.0, 0.0, 0.0
    for audio in clips(count):
        began_at_s = time.perf_counter()
        marked = watermark.mark(audio)
        marking_s += time.perf_counter() - began_at_s
        audio_s += len(audio) / RATE_HZ
        for name, change in CHANGES.items():
            changed = change(marked)
            began_at_s = time.perf_counter()
            scores[name].append(watermark.score(changed))
            finding_s += (time.perf_counter() - began_at_s) / len(CHANGES)
        by_chunks = watermark.mark_by_chunks(audio)
        scores[f"marked by chunks of {CHUNK_S:g} s"].append(watermark.score(by_chunks))
        seams.append(seam_db(audio, by_chunks))
        whole_seams.append(seam_db(audio, marked))
        before, after = dnsmos(audio), dnsmos(marked)
        if before is not None and after is not None:
            changes.append(after - before)
    for name, values in scores.items():
        found = sum(value >= FOUND for value in values)
        print(f"| {name} | {100 * found / len(values):.1f} % of {len(values)} | median score {median(values):.3f} |")
    print(
        f"cost of marking: {marking_s / audio_s:.3f} s for a second of audio; of finding: {finding_s / audio_s:.3f} s"
    )
    print(
        f"steps at borders of chunks, beside elsewhere: median {median(seams):+.1f} dB, highest {max(seams):+.1f} dB; "
        f"at the same places of clips marked whole: {median(whole_seams):+.1f} dB"
    )
    if changes:
        print(f"DNSMOS: mean change {np.mean(changes):+.3f}, worst {min(changes):+.3f}")


def measure_unmarked(watermark: Watermark, count: int, first: int) -> None:
    scores = [watermark.score(audio) for audio in clips(count, first)]
    alarms = sum(score >= FOUND for score in scores)
    print(f"false alarms: {alarms} of {len(scores)}; highest score {max(scores, default=0):.3f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=int, default=100, help="sentences that are marked")
    parser.add_argument("--unmarked", type=int, default=1000, help="sentences without a mark; each 200 in another seed")
    parser.add_argument("--first", type=int, default=0, help="number of the first of them, to split a run")
    options = parser.parse_args()
    try:
        watermark = Watermark()
    except ImportError as error:
        print(f"skipped: {error.name} is not installed; the module's text says how", file=sys.stderr)
        return
    watermark.score(watermark.mark(np.zeros(RATE_HZ, np.float32)))  # the first call compiles
    print(f"load before: {os.getloadavg()[0]:.1f}")
    if options.clips:
        measure_marked(watermark, options.clips)
    if options.unmarked:
        measure_unmarked(watermark, options.unmarked, options.first)


if __name__ == "__main__":
    main()
