"""`python -m tests.bench.book_jobs FIGURE SIZE [FOLDER]`: books beside live streams, and in the slots of XTTS.

    live 20          streams: first audio alone and beside a book, on the embedded voice; with FOLDER on that checkpoint
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


def open_engine(folder: str | None) -> Engine:
    if folder is None:
        return EmbeddedEngine(limit_streams=True)
    return XttsEngine(Path(folder), precision="int8", limit_streams=True, guards=Guards(exact_codes=CODES))


def first_audio_s(client: httpx.Client) -> float:
    """Seconds until the first piece that is no header; the stream is read to its end."""
    began_at_s, first_at_s = time.perf_counter(), 0.0
    with client.stream("POST", "/tts", json={"text": TEXT, "stream": True, "format": "pcm", "seed": 1}) as answer:
        for _ in answer.iter_raw():
            first_at_s = first_at_s or time.perf_counter() - began_at_s
    return first_at_s


def whole_answer_s(client: httpx.Client) -> float:
    began_at_s = time.perf_counter()
    answer = client.post("/tts", json={"text": f"{TEXT} {TEXT}", "stream": False, "format": "pcm", "seed": 1})
    assert answer.status_code == 200, answer.text
    return time.perf_counter() - began_at_s


def measure(client: httpx.Client, count: int, time_of: Callable[[httpx.Client], float]) -> list[float]:
    times: list[float] = []
    for _ in range(count):
        times.append(time_of(client))
        time.sleep(PAUSE_S)
    return times


def measure_beside(figure: str, count: int, folder: str | None) -> None:
    time_of = {"live": first_audio_s, "whole": whole_answer_s}[figure]
    with (
        tempfile.TemporaryDirectory() as data,
        serve(Settings(data=Path(data), asr_model="off"), lambda: open_engine(folder)) as server,
        server.client(timeout=300) as client,
    ):
        time_of(client)
        alone = measure(client, count, time_of)
        files = {"file": ("book.txt", make_text(60_000).encode())}
        job = client.post("/jobs", files=files).json()
        wait_until(lambda: client.get(f"/jobs/{job['id']}").json()["progress"]["made_s"] > 0)
        before = client.get(f"/jobs/{job['id']}").json()["progress"]
        began_at_s = time.perf_counter()
        beside = measure(client, count, time_of)
        elapsed_s = time.perf_counter() - began_at_s
        made_s = client.get(f"/jobs/{job['id']}").json()["progress"]["made_s"] - before["made_s"]
        client.post(f"/jobs/{job['id']}/pause")
    print(f"{figure} alone: median {1000 * statistics.median(alone):.0f} ms, most {1000 * max(alone):.0f} ms")
    print(f"beside a book: median {1000 * statistics.median(beside):.0f} ms, most {1000 * max(beside):.0f} ms, "
          f"{statistics.median(beside) / statistics.median(alone):.2f} of alone")  # fmt: skip
    print(f"the book: {made_s:.0f} s of audio in {elapsed_s:.0f} s beside {count} of them")


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
