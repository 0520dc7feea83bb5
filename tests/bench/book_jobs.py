"""`python -m tests.bench.book_jobs FIGURE SIZE [FOLDER]`: books beside live streams, and in the slots of XTTS.

    live 20          streams: first audio alone and beside a book on the embedded voice, or on the checkpoint in FOLDER;
                     and the book's share of what the engine can make beside them
    whole 4 FOLDER   whole answers of two segments: their time alone and beside a book; without FOLDER as above
    slots 32 FOLDER  segments of 60 codes of a chapter: as a book, beside one segment at a time on the same engine

Says the load of the machine, because times depend on it.
"""

import asyncio
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import httpx

from app.books.choosing import count_chars
from app.books.job import Job
from app.books.levels import VoiceLevels
from app.books.make import BookOptions, speak_book
from app.books.plan import Planned, plan_block, seed_of, split_blocks
from app.books.speaking import Progress
from app.books.studio import Delivery, LocalStudio
from app.engine.base import Engine
from app.engine.embedded import EmbeddedEngine
from app.engine.xtts.engine import XttsEngine
from app.engine.xtts.runaway import Guards
from app.lifecycle import Lifecycle
from app.settings import Settings
from app.speech.service import SpeechService
from app.text.lexicon import no_lexicons
from tests.bench.books import make_text
from tests.support.books import read
from tests.support.server import serve

CODES = 60
"""2.8 s of audio: weights without training never end a segment."""
TEXT = "The river ran past old houses and quiet fields. Children played under tall trees near a small stone bridge."
PAUSE_S = 2.0
"""Between two streams, in which the book goes on."""
BOOK_ALONE_S = 12.0
"""So long the book is made without streams, before them and after them: that is what the engine can make."""
BYTES_PER_S = 48_000
"""Bytes of a second of PCM in an answer."""


def open_engine(folder: str | None) -> Engine:
    if folder is None:
        return EmbeddedEngine(limit_streams=True)
    return XttsEngine(Path(folder), precision="int8", limit_streams=True, guards=Guards(exact_codes=CODES))


class Asked(NamedTuple):
    """seconds   until the first piece that is no header, or of the whole answer
    audio_s   of the answer
    """

    seconds: float
    audio_s: float


def ask_for_stream(client: httpx.Client) -> Asked:
    """Read to its end."""
    began_at_s, first_at_s, num_bytes = time.perf_counter(), 0.0, 0
    with client.stream("POST", "/tts", json={"text": TEXT, "stream": True, "format": "pcm", "seed": 1}) as answer:
        for piece in answer.iter_raw():
            first_at_s = first_at_s or time.perf_counter() - began_at_s
            num_bytes += len(piece)
    return Asked(first_at_s, num_bytes / BYTES_PER_S)


def ask_for_whole(client: httpx.Client) -> Asked:
    began_at_s = time.perf_counter()
    answer = client.post("/tts", json={"text": f"{TEXT} {TEXT}", "stream": False, "format": "pcm", "seed": 1})
    assert answer.status_code == 200, answer.text
    return Asked(time.perf_counter() - began_at_s, len(answer.content) / BYTES_PER_S)


def measure(client: httpx.Client, count: int, ask: Callable[[httpx.Client], Asked]) -> tuple[float, float, float]:
    """Median and longest seconds, and the audio of all."""
    asked: list[Asked] = []
    for _ in range(count):
        asked.append(ask(client))
        time.sleep(PAUSE_S)
    seconds = [each.seconds for each in asked]
    return statistics.median(seconds), max(seconds), sum(each.audio_s for each in asked)


def measure_beside(figure: str, count: int, folder: str | None) -> None:
    ask = {"live": ask_for_stream, "whole": ask_for_whole}[figure]
    with (
        tempfile.TemporaryDirectory() as data,
        serve(Settings(data=Path(data), asr_model="off"), lambda: open_engine(folder)) as server,
        server.client(timeout=300) as client,
    ):
        ask(client)
        median_s, longest_s, _ = measure(client, count, ask)
        files = {"file": ("book.txt", make_text(60_000).encode())}
        job = client.post("/jobs", files=files).json()

        def read_job() -> dict[str, Any]:
            return client.get(f"/jobs/{job['id']}").json()

        def made_s() -> float:
            return read_job()["progress"]["made_s"]

        def measure_alone() -> float:
            """Seconds of audio in a second."""
            began_at_s, before_s = time.perf_counter(), made_s()
            time.sleep(BOOK_ALONE_S)
            return (made_s() - before_s) / (time.perf_counter() - began_at_s)

        # From then on a file of a chapter is written all the time, which takes a part of the free time.
        wait_until(lambda: read_job()["num_ready"] > 0)
        possible = measure_alone()
        began_at_s, before_s = time.perf_counter(), made_s()
        beside_s, beside_longest_s, asked_s = measure(client, count, ask)
        elapsed_s, book_s = time.perf_counter() - began_at_s, made_s() - before_s
        possible = (possible + measure_alone()) / 2
        assert read_job()["status"] == "speaking", "the book is too short"
        client.post(f"/jobs/{job['id']}/pause")
    print(f"{figure} alone: median {1000 * median_s:.0f} ms, most {1000 * longest_s:.0f} ms")
    print(f"beside a book: median {1000 * beside_s:.0f} ms, most {1000 * beside_longest_s:.0f} ms, "
          f"{beside_s / median_s:.2f} of alone")  # fmt: skip
    free_s = possible * elapsed_s - asked_s
    print(f"the book: {book_s:.0f} s of audio in {elapsed_s:.0f} s beside {asked_s:.0f} s for them; alone it makes "
          f"{possible:.1f} s a second, so it used {book_s / free_s:.0%} of what was free")  # fmt: skip


def wait_until(condition: Callable[[], bool]) -> None:
    while not condition():
        time.sleep(0.2)


async def measure_slots(num_segments: int, folder: str) -> None:
    text = "\n\n".join(f"{number}. {TEXT.split('.')[0]}." for number in range(num_segments))
    book = read(text, "chapter.txt")
    engine = open_engine(folder)
    lifecycle = Lifecycle()
    lifecycle.is_ready()
    with tempfile.TemporaryDirectory() as data:
        settings = Settings(data=Path(data), asr_model="off")
        studio = LocalStudio(SpeechService(engine, settings, lifecycle), settings)
        reader = await studio.find_reader(None, Delivery(speed=1.0, seed=0), VoiceLevels())
        planned: list[Planned] = [
            segment
            for block in split_blocks(book.chapters[0].text)
            for segment in plan_block(engine, block, "en", no_lexicons, reader.recipe).segments
        ]
        await studio.decode(planned[0], 0)
        began_at_s = time.perf_counter()
        for segment in planned:
            await studio.decode(segment, seed_of(segment.piece.key))
        one_by_one_s = time.perf_counter() - began_at_s
        job = Job(Path(data) / "job")
        job.open()
        chapters = list(enumerate(book.chapters, 1))
        progress = Progress(num_chars=count_chars(chapters, is_preview=False))
        began_at_s = time.perf_counter()
        await speak_book(
            studio, book, chapters, BookOptions(source="chapter.txt"), job, progress,
            on_progress=lambda progress: None,
        )  # fmt: skip
        book_s = time.perf_counter() - began_at_s
        await engine.aclose()
    print(f"{len(planned)} segments, {progress.made_s:.0f} s of audio, {engine.info.max_slots} slots: one by one "
          f"{one_by_one_s:.1f} s, as a book {book_s:.1f} s, {one_by_one_s / book_s:.2f} times as fast")  # fmt: skip


def main() -> None:
    figure, size, *folder = sys.argv[1:]
    print(f"load {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores")
    match figure:
        case "live" | "whole":
            measure_beside(figure, int(size), folder[0] if folder else None)
        case "slots":
            asyncio.run(measure_slots(int(size), folder[0]))
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main()
