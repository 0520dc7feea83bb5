"""`python -m tests.bench.cpu FOLDER`: the figures of XTTS on a CPU, one line of JSON for each.

FOLDER holds a checkpoint as published, such as `python -m tests.support.tiny_xtts FOLDER --full-size` writes. It is
converted once, into FOLDER-converted (2.2 GB). Each figure is measured in a process of its own:

steps          milliseconds of a decode step for each number of sequences, median of 100, and of processor time
load           seconds to load a converted checkpoint and to bring it to its precision, without imports; memory it takes
vocoder        60 s of speech in the chunks of a stream, beside one whole pass: processor seconds and seconds
stream         one stream of 60 s: compute time over audio, prefill included, and the sum of its pauses
first_audio    seconds until the first audio of a sentence of 100 characters

The comparison with the TTS package is a command of its own, which prints one line too:

    export CHORUS_ENGINE=xtts CHORUS_MODEL=FOLDER
    chorus bench --compare-reference --streams 1,16,32 --texts 2 --codes 60 --json
"""

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import aclosing
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch

from app.engine.scheduler import Request
from app.engine.values import SamplingParams
from app.engine.xtts.checkpoint.convert import convert_checkpoint
from app.engine.xtts.checkpoint.files import is_converted
from app.engine.xtts.checkpoint.load import load_checkpoint
from app.engine.xtts.checkpoint.precision import Precision, bring_to_precision
from app.engine.xtts.engine import XttsEngine
from app.engine.xtts.runaway import Guards
from app.engine.xtts.vocoder.chunks import Chunk, plan_chunk
from app.engine.xtts.vocoder.pieces import State
from app.engine.xtts.vocoder.upsampling import LatentUpsampler
from app.engine.xtts.vocoder.vocoder import Vocoder, VocoderJob
from app.text.segments import Boundary, Segment
from tests.bench.decode import step_times
from tests.bench.measuring import memory_mb

CPU = torch.device("cpu")
ROWS, POSITIONS = (1, 4, 16, 32), 150
SPEECH_S = 60
NUM_SEGMENTS = 3
"""of a stream of 60 s; the released model ends a segment after 28 s at the latest"""
SENTENCE = "The morning was bright and clear, and the river ran slowly past the old stone mill near the harbour."
assert len(SENTENCE) == 100
Figures = dict[str, Any]


def steps(folder: Path, precision: Precision, runs: int) -> Figures:
    checkpoint = load_checkpoint(folder)
    bring_to_precision(checkpoint, precision, CPU)
    times = {
        rows: step_times(checkpoint, CPU, rows, POSITIONS, clocks=(time.perf_counter, time.process_time), runs=runs)
        for rows in ROWS
    }
    return {
        "positions": POSITIONS,
        "step_ms": {rows: round(wall_s * 1e3, 1) for rows, (wall_s, _) in times.items()},
        "processor_ms": {rows: round(processor_s * 1e3, 1) for rows, (_, processor_s) in times.items()},
    }


def load(folder: Path, precision: Precision, runs: int) -> Figures:
    before_mb = memory_mb()
    began_at_s = time.perf_counter()
    checkpoint = load_checkpoint(folder)
    loaded_at_s = time.perf_counter()
    bring_to_precision(checkpoint, precision, CPU)
    ended_at_s = time.perf_counter()
    return {
        "seconds": round(ended_at_s - began_at_s, 2),
        "of_which_precision_s": round(ended_at_s - loaded_at_s, 2),
        "resident_mb": round(memory_mb() - before_mb),
    }


def vocoder(folder: Path, precision: Precision, runs: int) -> Figures:
    checkpoint = load_checkpoint(folder)
    bring_to_precision(checkpoint, precision, CPU)
    args = checkpoint.config.model_args
    network, upsampler = Vocoder(checkpoint.networks.generator), LatentUpsampler(args)
    embedding = next(iter(checkpoint.speakers.values())).speaker_embedding
    latents = torch.randn(round(SPEECH_S / args.code_s), args.gpt_n_model_channels)
    num_frames = upsampler.num_frames(len(latents))

    def run(chunk: Chunk, state: State | None) -> State:
        job = VocoderJob(
            latents=latents, speaker_embedding=embedding, upsampler=upsampler, chunk=chunk, is_final=True, state=state
        )
        (made,) = network.run([job])
        return made.state

    def in_chunks() -> None:
        index = start = 0
        state: State | None = None
        while chunk := plan_chunk(index, start, num_ready=num_frames, context=network.context, is_final=True):
            index, start, state = index + 1, chunk.stop, run(chunk, state)

    def whole() -> None:
        run(Chunk(0, num_frames, num_frames, is_last=True), None)

    times: dict[str, list[tuple[float, float]]] = {"chunks": [], "whole": []}
    for _ in range(runs):  # in turn, so that a slow moment meets both
        times["chunks"].append(_timed(in_chunks))
        times["whole"].append(_timed(whole))
    (chunks_s, chunks_cpu_s), (whole_s, whole_cpu_s) = (_medians(times[name]) for name in ("chunks", "whole"))
    return {
        "speech_s": SPEECH_S,
        "chunks_s": round(chunks_s, 2),
        "whole_s": round(whole_s, 2),
        "ratio": round(chunks_s / whole_s, 3),
        "processor_ratio": round(chunks_cpu_s / whole_cpu_s, 3),
    }


def stream(folder: Path, precision: Precision, runs: int) -> Figures:
    code_s = 1024 / 22050
    num_codes = round(SPEECH_S / NUM_SEGMENTS / code_s)
    heard = _listen(folder, precision, [SENTENCE] * NUM_SEGMENTS, num_codes, runs)
    return {
        "audio_s": round(heard[0][-1][1], 2),
        "rtf": round(statistics.median(arrivals[-1][0] / arrivals[-1][1] for arrivals in heard), 3),
        "pauses_s": round(statistics.median(map(_pauses_s, heard)), 3),
        "first_audio_s": round(statistics.median(arrivals[0][0] for arrivals in heard), 3),
    }


def first_audio(folder: Path, precision: Precision, runs: int) -> Figures:
    heard = _listen(folder, precision, [SENTENCE], 60, runs)
    return {"characters": len(SENTENCE), "seconds": round(statistics.median(each[0][0] for each in heard), 3)}


def _listen(
    folder: Path, precision: Precision, texts: list[str], num_codes: int, runs: int
) -> list[list[tuple[float, float]]]:
    """For each run: (moment, seconds of audio so far) at each arrival. Another run warms up, up to its first audio."""

    async def speak(engine: XttsEngine, texts: list[str], *, only_first: bool = False) -> list[tuple[float, float]]:
        segments = tuple(Segment(index, text, Boundary.PARAGRAPH) for index, text in enumerate(texts))
        began_at_s = time.perf_counter()
        request = Request(
            sequences=engine.prepare(segments, "en"),
            voice=engine.voice(engine.speakers()[0].id),
            sampling=SamplingParams(seed=0),
            streaming=True,
        )
        arrivals: list[tuple[float, float]] = []
        audio_s = 0.0
        async with aclosing(engine.submit(request)) as chunks:
            async for chunk in chunks:
                audio_s += len(chunk.samples) / engine.info.sample_rate_hz
                if len(chunk.samples):
                    arrivals.append((time.perf_counter() - began_at_s, audio_s))
                if only_first and arrivals:
                    break
        return arrivals

    async def run() -> list[list[tuple[float, float]]]:
        engine = XttsEngine(
            folder, precision=precision, guards=Guards(exact_codes=num_codes), limit_streams=True, max_live_wait_s=60.0
        )
        try:
            await speak(engine, texts[:1], only_first=True)
            return [await speak(engine, texts) for _ in range(runs)]
        finally:
            await engine.aclose()

    return asyncio.run(run())


def _pauses_s(arrivals: list[tuple[float, float]]) -> float:
    """Seconds of all pauses together, for a listener who begins with the first audio."""
    first_at_s = arrivals[0][0]
    late_s = [at_s - first_at_s - had_s for (_, had_s), (at_s, _) in pairwise(arrivals)]
    return max(0.0, *late_s)


def _timed(work: Callable[[], None]) -> tuple[float, float]:
    began_at_s, began_cpu_s = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - began_at_s, time.process_time() - began_cpu_s


def _medians(pairs: list[tuple[float, float]]) -> tuple[float, float]:
    first, second = zip(*pairs, strict=True)
    return statistics.median(first), statistics.median(second)


FIGURES = {"steps": steps, "load": load, "vocoder": vocoder, "stream": stream, "first_audio": first_audio}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--precision", choices=("auto", "float32", "int8"), default="int8")
    parser.add_argument("--only", choices=FIGURES, action="append", help="leave out the others; may be repeated")
    parser.add_argument("--runs", type=int, default=3, help="of which the median is printed")
    parser.add_argument("--here", action="store_true", help="in this process")
    arguments = parser.parse_args()
    folder: Path = arguments.folder
    if not is_converted(folder):
        folder = folder.with_name(f"{folder.name}-converted")
    if not is_converted(folder):
        folder.mkdir(exist_ok=True)
        convert_checkpoint(arguments.folder, folder, model=folder.name, revision=None)
    for name in arguments.only or FIGURES:
        if not arguments.here:
            command = [sys.executable, "-m", "tests.bench.cpu", str(folder), "--only", name, "--here"]
            options = ["--precision", arguments.precision, "--runs", str(arguments.runs)]
            subprocess.run([*command, *options], check=True)
            continue
        load_before = os.getloadavg()[0]
        figures = FIGURES[name](folder, arguments.precision, arguments.runs)
        facts = {"figure": name, "precision": arguments.precision, "threads": torch.get_num_threads()}
        print(json.dumps(facts | {"load_before": round(load_before, 2)} | figures), flush=True)


if __name__ == "__main__":
    main()
