"""Chorus beside faster-whisper on the same Whisper base: python -m tests.bench.asr [--runs 3] [--json]

Word error rate of a chapter and of damaged recordings, text of noise, the time of one caller and of eight, word starts.
The audio is the embedded voice's. One line a figure, or one JSON object.
"""

import argparse
import asyncio
import json
import os
import statistics
import time

import jiwer
import numpy as np
from faster_whisper import WhisperModel
from hibari import Hibari
from numpy.typing import NDArray

from app.asr.base import SAMPLE_RATE_HZ, RecognizedSegment, Recognizer, TranscriptionRequest
from app.asr.whisper.embedded import read_files
from tests.support.embedded_asr import at_model_rate, open_embedded, text_of
from tests.support.recogniser import plain

CHAPTER = """The old harbour was quiet when the first boats came home that morning.
A thin mist lay over the water, and the gulls walked along the wall as if they owned it.
Nobody spoke much, because the night had been long and the catch was small.
My grandfather used to say that the sea gives what it likes and keeps the rest.
He had a small house on the hill, with a green door and a garden full of beans.
In the evening he sat on the bench and told us stories about the storms of his youth.
We never knew which of them were true, and he never told us.
Once he spoke about a ship that had lost its way in the fog and found it again by the sound of a bell.
The bell still hangs in the church, and every child in the village has rung it.
When the summer ended, the visitors left and the streets belonged to us again.
We collected wood on the beach, built fires and cooked potatoes in the ashes.
The teacher complained that we smelled of smoke, but she smiled when she said it.
In winter the road was often closed, and then the letters came by boat.
My mother read them to us in the kitchen while the soup was boiling.
There was always a letter from my uncle, who had gone to the city to build bridges.
He wrote about trains, about crowds, and about a river so wide that you could not see the other side.
I decided that I would go there one day, and I kept a bag under my bed.
Years later I stood on one of his bridges and looked down at the brown water.
It was not as wide as I had thought, but the lights were beautiful.
An old man beside me was feeding bread to the birds and humming a tune that I knew.
I asked him where he had learned it, and he laughed and pointed to the north.
He had been a sailor, he said, and had once heard a bell in the fog.
We talked until the shops closed and the rain began to fall.
Then he gave me the rest of his bread and walked away without another word.""".splitlines()
WORDS = [
    "water",
    "garden",
    "bridge",
    "letter",
    "winter",
    "teacher",
    "kitchen",
    "river",
    "sailor",
    "village",
    "morning",
    "potato",
]
GAP_S = 1.0
READINGS = (1, 2, 3)
"""of damaged speech: one word is 0.26 % of the chapter, and differs from reading to reading"""

Audio = NDArray[np.float32]
_voice = Hibari()


def speak(text: str, reading: int = READINGS[0]) -> Audio:
    """The same samples in each run: the voice's noise is that of the reading."""
    return at_model_rate(np.concatenate(list(_voice.stream(text, seed=reading))), 24_000)


def without_edges(samples: Audio) -> Audio:
    loud = np.flatnonzero(np.abs(samples) > 0.02)
    return samples[loud[0] : loud[-1]]


def telephone(samples: Audio) -> Audio:
    """8 kHz, 8 bits."""
    narrow = samples[: len(samples) // 2 * 2].reshape(-1, 2).mean(axis=1)
    return np.repeat(np.round(narrow * 127) / 127, 2).astype(np.float32)


def with_noise(samples: Audio, seed: int) -> Audio:
    return (samples + np.random.default_rng(seed).normal(0, 0.01, len(samples))).astype(np.float32)


def unspoken() -> dict[str, Audio]:
    generator = np.random.default_rng(1)
    time_s = np.arange(10 * SAMPLE_RATE_HZ) / SAMPLE_RATE_HZ
    beat = 0.5 + 0.5 * np.sign(np.sin(2 * np.pi * 2 * time_s))
    tunes = {
        f"tones {base} Hz": sum(0.1 * np.sin(2 * np.pi * base * k * time_s) for k in (1, 1.25, 1.5)) * beat
        for base in (110, 220, 440, 880)
    }
    noises = {f"noise {level}": generator.normal(0, level, len(time_s)) for level in (0.001, 0.01, 0.1, 0.3)}
    hum = {"hum": 0.1 * np.sin(2 * np.pi * 50 * time_s), "silence": np.zeros(len(time_s))}
    return {name: samples.astype(np.float32) for name, samples in (tunes | noises | hum).items()}


class Direct:
    """faster-whisper as its documentation calls it, with its VAD."""

    def __init__(self) -> None:
        self._model = WhisperModel("embedded", device="cpu", compute_type="int8", files=read_files())

    def __call__(self, samples: Audio) -> str:
        segments, _ = self._model.transcribe(samples, language="en", vad_filter=True)
        return "".join(segment.text for segment in segments).strip()


async def hear(recognizer: Recognizer, recordings: list[Audio]) -> list[str]:
    """The text of each; all at the same time."""

    async def one(samples: Audio) -> str:
        stream = recognizer.submit(TranscriptionRequest(samples=samples, language="en"))
        return text_of([event async for event in stream])

    return list(await asyncio.gather(*map(one, recordings)))


async def word_starts(recognizer: Recognizer) -> list[float]:
    """|start - truth| in ms of single words with known gaps."""
    gap = np.zeros(round(GAP_S * SAMPLE_RATE_HZ), np.float32)
    parts, truth, at = [], [], 0
    for word in WORDS:
        samples = without_edges(speak(f"{word}."))
        parts += [gap, samples]
        truth.append((at + len(gap)) / SAMPLE_RATE_HZ)
        at += len(gap) + len(samples)
    request = TranscriptionRequest(samples=np.concatenate([*parts, gap]), language="en", word_timestamps=True)
    heard = [
        word
        async for event in recognizer.submit(request)
        if isinstance(event, RecognizedSegment)
        for word in event.words
    ]
    return [min(abs(word.start_s - start_s) for word in heard) * 1000 for start_s in truth]


def error_rate(truth: list[str], heard: list[str]) -> float:
    return 100 * jiwer.wer([plain(text) for text in truth], [plain(text) for text in heard])


async def measure(runs: int) -> dict[str, object]:
    direct, recognizer = Direct(), await asyncio.to_thread(open_embedded)
    spoken = [speak(text) for text in CHAPTER]
    chapter = np.concatenate(spoken)
    figures: dict[str, object] = {"load": os.getloadavg()[0], "cores": os.cpu_count()}

    clean = [speak(text, reading) for reading in READINGS for text in CHAPTER]
    damaged = {
        "telephone": [telephone(samples) for samples in clean],
        "-40 dBFS": [(samples * (0.01 / np.sqrt(np.mean(samples**2)))).astype(np.float32) for samples in clean],
        "noisy": [with_noise(samples, seed) for seed, samples in enumerate(clean)],
    }
    [heard] = await hear(recognizer, [chapter])
    figures["chapter_wer"] = [error_rate([" ".join(CHAPTER)], [text]) for text in (heard, direct(chapter))]
    for name, recordings in damaged.items():
        ours = [
            text
            for first in range(0, len(recordings), len(CHAPTER))
            for text in await hear(recognizer, recordings[first : first + len(CHAPTER)])
        ]
        theirs = [direct(samples) for samples in recordings]
        figures[f"{name}_wer"] = [error_rate(CHAPTER * len(READINGS), texts) for texts in (ours, theirs)]

    silent = unspoken()
    ours = await hear(recognizer, list(silent.values()))
    figures["text_of_noise"] = {name: text for name, text in zip(silent, ours, strict=True) if text}

    minute = np.concatenate([*spoken, *spoken])
    recordings = [minute[start : start + 30 * SAMPLE_RATE_HZ] for start in range(0, 8 * 12 * 16_000, 12 * 16_000)]
    one, eight = [], []
    for _ in range(runs):  # alternately, so that both meet the same load
        began_s = time.perf_counter()
        for samples in recordings:
            direct(samples)
        after_s = time.perf_counter()
        await hear(recognizer, recordings)
        eight.append((after_s - began_s) / (time.perf_counter() - after_s))
        began_s = time.perf_counter()
        direct(recordings[0])
        after_s = time.perf_counter()
        await hear(recognizer, recordings[:1])
        one.append((time.perf_counter() - after_s) / (after_s - began_s))
    figures["eight_callers_throughput_ratio"] = statistics.median(eight)
    figures["one_caller_time_ratio"] = statistics.median(one)
    figures["word_start_median_ms"] = statistics.median(await word_starts(recognizer))
    await recognizer.aclose()
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    figures = asyncio.run(measure(options.runs))
    if options.json:
        print(json.dumps(figures))
    else:
        for name, figure in figures.items():
            print(f"{name:32} {figure}")


if __name__ == "__main__":
    main()
