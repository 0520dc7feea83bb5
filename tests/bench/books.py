"""`python -m tests.bench.books [WORDS] [KILLS]`: the figures of docs/books.md on this machine, embedded voice.

Throughput of `chorus book` beside the engine called directly with the same segments and slots, memory beside the loaded
engine, and a book that is killed at random moments. Says the load of the machine, because both depend on it.
"""

import asyncio
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

from app.books.plan import Planned, Recipe, plan_block, seed_of, split_blocks
from app.engine.base import Engine
from app.engine.embedded import EmbeddedEngine
from app.engine.scheduler import Request
from app.engine.values import SamplingParams
from app.text.lexicon import no_lexicons

TEXT = (
    "the river ran past old houses and quiet fields while children played under tall trees near a small stone bridge "
    "every evening until lamps were lit and someone called them home across the meadow in a clear and patient voice"
)
WORDS = TEXT.split()
PARAGRAPH_SENTENCES = 6
CHAPTER_WORDS = 2_500


def make_text(num_words: int) -> str:
    rng = random.Random(1)
    paragraphs: list[str] = []
    made, chapter = 0, 0
    while made < num_words:
        if made >= chapter * CHAPTER_WORDS:
            chapter += 1
            paragraphs.append(f"Chapter {chapter}")
        sentences = [
            " ".join(rng.choices(WORDS, k=rng.randint(6, 20))).capitalize() + "." for _ in range(PARAGRAPH_SENTENCES)
        ]
        paragraphs.append(" ".join(sentences))
        made += len(paragraphs[-1].split())
    return "\n\n".join(paragraphs)


async def speak_directly(engine: Engine, text: str) -> tuple[float, float]:
    """(seconds, seconds of audio) of all segments, with each slot busy and nothing stored."""
    recipe = Recipe(engine="", model="", precision=None, sample_rate_hz=24_000, voice="", gain=1.0, speed=1.0, seed=0)
    planned = [
        segment
        for block in split_blocks(text)
        for segment in plan_block(engine, block, "en", no_lexicons, recipe).segments
    ]
    voice = engine.voice(engine.speakers()[0].id)
    places = asyncio.Semaphore(2 * engine.info.max_slots)
    num_samples = 0

    async def speak(segment: Planned) -> None:
        nonlocal num_samples
        async with places:
            sampling = SamplingParams(seed=seed_of(segment.piece.key))
            stream = engine.submit(
                Request(sequences=(segment.sequence,), voice=voice, sampling=sampling, streaming=False)
            )
            num_samples += sum([len(chunk.samples) async for chunk in stream])

    began_at_s = time.perf_counter()
    await asyncio.gather(*map(speak, planned))
    return time.perf_counter() - began_at_s, num_samples / engine.info.sample_rate_hz


def book(source: Path, output: Path, data: Path) -> subprocess.Popen[str]:
    variables = {"CHORUS_DATA": str(data), "CHORUS_ENGINE": "embedded"}
    command = [sys.executable, "-m", "app", "book", str(source), "-o", str(output)]
    return subprocess.Popen(command, env=os.environ | variables, stderr=subprocess.PIPE, text=True)


def watch(process: subprocess.Popen[str], data: Path) -> tuple[float, float, float, float]:
    """(seconds of speaking, seconds of writing, MB when the first segment is there, most MB) of a run to its end."""
    first_at_s = last_at_s = first_mb = most_mb = 0.0
    count = 0
    probe = psutil.Process(process.pid)
    while process.poll() is None:
        try:
            memory_mb = probe.memory_info().rss / 1e6
        except psutil.Error:
            break
        most_mb = max(most_mb, memory_mb)
        now = sum(1 for _ in data.rglob("[!.]*.flac"))
        if now > count:
            last_at_s = time.perf_counter()
            if not count:
                first_at_s, first_mb = last_at_s, memory_mb
            count = now
        time.sleep(0.2)
    process.communicate()
    return last_at_s - first_at_s, time.perf_counter() - last_at_s, first_mb, most_mb


def kill_often(source: Path, whole: Path, folder: Path, num_kills: int) -> None:
    rng = random.Random(2)
    output, data = folder / "killed.m4b", folder / "killed"
    began_at_s = time.perf_counter()
    for _ in range(num_kills):
        process = book(source, output, data)
        time.sleep(rng.uniform(1.0, 6.0))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert not output.exists() or output.read_bytes() == whole.read_bytes(), "a half-written file was shown"
    process = book(source, output, data)
    _, said = process.communicate()
    assert process.returncode == 0, said
    is_equal = output.read_bytes() == whole.read_bytes()
    total_s = time.perf_counter() - began_at_s
    print(f"{num_kills} kills: {'bit-equal' if is_equal else 'DIFFERENT'}, {total_s:.0f} s in all")


def main() -> None:
    num_words, num_kills = (
        int(sys.argv[at]) if len(sys.argv) > at else default for at, default in ((1, 3_000), (2, 10))
    )
    print(f"load {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores, {num_words} words")
    text = make_text(num_words)

    async def direct() -> tuple[float, float]:
        engine = EmbeddedEngine(max_queue=1000)
        try:
            return await speak_directly(engine, text)
        finally:
            await engine.aclose()

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source, whole = folder / "novel.txt", folder / "whole.m4b"
        source.write_text(text)
        seconds, audio_s = asyncio.run(direct())
        print(f"engine directly: {audio_s:.0f} s of audio in {seconds:.1f} s, {audio_s / seconds:.1f} x real time")
        began_at_s = time.perf_counter()
        speaking_s, writing_s, first_mb, most_mb = watch(book(source, whole, folder / "whole"), folder / "whole")
        total_s = time.perf_counter() - began_at_s
        print(f"chorus book: spoken in {speaking_s:.1f} s ({seconds / speaking_s:.2f} of the engine), "
              f"written in {writing_s:.1f} s, {total_s:.1f} s in all")  # fmt: skip
        print(f"memory: {first_mb:.0f} MB at the first segment, {most_mb:.0f} MB at most")
        if num_kills:
            kill_often(source, whole, folder, num_kills)


if __name__ == "__main__":
    main()
