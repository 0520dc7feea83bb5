"""`python -m tests.bench.books FIGURE SIZE`: the figures of docs/books.md on this machine.

    pace 3000     words: `chorus book` on the embedded voice, beside its engine called directly with the same slots
    kills 30 1    SIGKILL at random moments of books on the embedded voice; another seed gives other moments
    memory 60000  words: peak memory beside that of a tenth of them, on an engine that only makes noise
    novels FILE   data/Rdata.rdb of Debian's r-cran-janeaustenr to six text files in this folder
    epub FILE     a text file to an EPUB in this folder, with its chapters as pages

Says the load of the machine, because times depend on it.
"""

import asyncio
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
import zlib
from html import escape
from pathlib import Path

import psutil

from app.books.assembly import Mastering, Output
from app.books.audio_file import BookFormat
from app.books.job import Job
from app.books.make import BookOptions, Wait, assemble, speak_book
from app.books.plan import Planned, Recipe, plan_block, seed_of, split_blocks
from app.books.speaking import Progress
from app.books.studio import LocalStudio
from app.engine.base import Engine
from app.engine.embedded import EmbeddedEngine
from app.engine.scheduler import Request
from app.engine.values import SamplingParams
from app.lifecycle import Lifecycle
from app.settings import Settings
from app.speech.service import SpeechService
from app.text.lexicon import no_lexicons
from tests.support.books import make_epub, nav, page, read
from tests.support.fake_engine import FakeEngine

TEXT = (
    "the river ran past old houses and quiet fields while children played under tall trees near a small stone bridge "
    "every evening until lamps were lit and someone called them home across the meadow in a clear and patient voice"
)
WORDS = TEXT.split()
PARAGRAPH_SENTENCES = 6
CHAPTER_WORDS = 2_500
SEGMENT_FILES = "segments/*/[!.]*.wav"
MAX_KILLS_OF_A_BOOK = 5
"""Then a run is left alone: all that is left for another one is to write the file."""


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
            made = sum([len(chunk.samples) async for chunk in stream])
            num_samples += made

    began_at_s = time.perf_counter()
    await asyncio.gather(*map(speak, planned))
    return time.perf_counter() - began_at_s, num_samples / engine.info.sample_rate_hz


def book(source: Path, output: Path, data: Path) -> subprocess.Popen[str]:
    variables = {"CHORUS_DATA": str(data), "CHORUS_ENGINE": "embedded", "CHORUS_MARKS": "metadata"}
    command = [sys.executable, "-m", "app", "book", str(source), "-o", str(output)]
    return subprocess.Popen(command, env=os.environ | variables, stderr=subprocess.PIPE, text=True)


def watch(process: subprocess.Popen[str], data: Path) -> tuple[float, float, float, float]:
    """(seconds of speaking, seconds of writing, MB when the first segment is there, most MB) of a run to its end.

    Times are those of the segments' files, because looks at a long book's folder take time from the book. Speaking
    counts from the start of the first segment, which is taken to be as long as an average one.
    """
    first_mb = most_mb = 0.0
    probe = psutil.Process(process.pid)
    while process.poll() is None:
        try:
            memory_mb = probe.memory_info().rss / 1e6
        except psutil.Error:
            break
        most_mb = max(most_mb, memory_mb)
        if not first_mb and any(data.rglob(SEGMENT_FILES)):
            first_mb = memory_mb
        time.sleep(0.2)
    subprocess_ends_well(process)
    ended_at_s = time.time()
    made_at_s = [path.stat().st_mtime for path in data.rglob(SEGMENT_FILES)]
    assert made_at_s, "no segment was made"
    between_s = max(made_at_s) - min(made_at_s)
    return between_s * len(made_at_s) / max(1, len(made_at_s) - 1), ended_at_s - max(made_at_s), first_mb, most_mb


def kill_often(num_kills: int, seed: int) -> None:
    """Kills over a run and its next ones, up to MAX_KILLS_OF_A_BOOK; then the next book begins anew."""
    rng = random.Random(seed)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source, whole, output = folder / "novel.txt", folder / "whole.m4b", folder / "killed.m4b"
        source.write_text(make_text(400))
        began_at_s = time.perf_counter()
        subprocess_ends_well(book(source, whole, folder / "whole"))
        whole_s = time.perf_counter() - began_at_s
        killed = {"starting": 0, "speaking": 0, "writing": 0}
        num_books, num_killed, data = 0, 0, folder / "data-0"
        while sum(killed.values()) < num_kills:
            process = book(source, output, data)
            try:
                process.wait(rng.uniform(0.2, 1.1) * whole_s if num_killed < MAX_KILLS_OF_A_BOOK else None)
            except subprocess.TimeoutExpired:
                killed[phase(folder, data)] += 1
                num_killed += 1
                process.send_signal(signal.SIGKILL)
                process.communicate()
                shown = output.read_bytes() if output.exists() else whole.read_bytes()
                assert shown == whole.read_bytes(), "a file was shown that is not complete"
                continue
            subprocess_ends_well(process)
            assert output.read_bytes() == whole.read_bytes(), "another file than the undisturbed one"
            num_books += 1
            num_killed = 0
            output.unlink()
            data = folder / f"data-{num_books}"
        subprocess_ends_well(book(source, output, data))
        assert output.read_bytes() == whole.read_bytes(), "another file than the undisturbed one"
        moments = ", ".join(f"{count} while {moment}" for moment, count in killed.items())
        print(f"{num_kills} kills ({moments}): {num_books + 1} books, each bit-equal to the undisturbed one of "
              f"{whole_s:.1f} s")  # fmt: skip


def phase(folder: Path, data: Path) -> str:
    if any(folder.glob(".*.partial")):
        return "writing"
    return "speaking" if any(data.rglob(SEGMENT_FILES)) else "starting"


def subprocess_ends_well(process: subprocess.Popen[str]) -> None:
    _, said = process.communicate()
    assert process.returncode == 0, said


def measure_pace(num_words: int) -> None:
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


def measure_memory(num_words: int) -> None:
    """Each size in a process of its own: peaks of one process stay."""
    for size in (num_words // 10, num_words):
        subprocess.run([sys.executable, "-m", "tests.bench.books", "book-of-noise", str(size)], check=True)


async def make_book_of_noise(num_words: int) -> None:
    book = read(make_text(num_words), "novel.txt")
    process, began_at_s = psutil.Process(), time.perf_counter()
    with tempfile.TemporaryDirectory() as name:
        job = Job(Path(name) / "job")
        job.open()
        lifecycle = Lifecycle()
        lifecycle.is_ready()
        settings = Settings(data=Path(name))
        service = SpeechService(FakeEngine(max_slots=8, max_queue=64), settings, lifecycle)
        before_mb = process.memory_info().rss / 1e6
        most_mb = {"speaking": before_mb, "writing": before_mb}

        async def watch_memory(moment: str) -> None:
            while True:
                most_mb[moment] = max(most_mb[moment], process.memory_info().rss / 1e6)
                await asyncio.sleep(0.05)

        def write(job: Job, mastering: Mastering, wait: Wait) -> None:
            with (Path(name) / "novel.m4b").open("wb") as file:
                mastering.write_book(file)

        progress = Progress(num_chars=sum(len(chapter.text) for chapter in book.chapters))
        for moment in most_mb:
            watching = asyncio.create_task(watch_memory(moment))
            if moment == "speaking":
                studio, chapters = LocalStudio(service, settings), list(enumerate(book.chapters, 1))
                await speak_book(
                    studio, book, chapters, BookOptions(source="novel.txt"), job,
                    progress, on_progress=lambda progress: None,
                )  # fmt: skip
            else:
                output = Output(book_format=BookFormat.M4B, title=book.title, author="", cover=None)
                await assemble(job, output, service.engine.info.sample_rate_hz, write)
            watching.cancel()
        await service.aclose()
    print(f"{num_words} words, {progress.num_segments} segments, {progress.made_s / 3600:.2f} h: {before_mb:.0f} MB "
          f"with the book's text, speaking +{most_mb['speaking'] - before_mb:.0f} MB, writing "
          f"+{most_mb['writing'] - before_mb:.0f} MB, {time.perf_counter() - began_at_s:.0f} s in all")  # fmt: skip


def unpack_novels(database: Path) -> None:
    """The novels in `Rdata.rdb`: compressed vectors of lines."""
    data, at = database.read_bytes(), 0
    while at < len(data):
        unpacker = zlib.decompressobj()
        vector = unpacker.decompress(data[at + 4 :])
        at = len(data) - len(unpacker.unused_data)
        lines = read_lines(vector)
        title = lines[0].title()
        Path(f"{title}.txt").write_text("\n".join(lines))
        print(f"{title}.txt: {sum(len(line.split()) for line in lines)} words")


def read_lines(vector: bytes) -> list[str]:
    """Strings of R's serialization: a header, the kind and length of the vector, then flags, length and bytes each."""
    at = 18 + int.from_bytes(vector[14:18], "big") + 4
    count, at = int.from_bytes(vector[at : at + 4], "big"), at + 4
    lines: list[str] = []
    for _ in range(count):
        size = int.from_bytes(vector[at + 4 : at + 8], "big")
        lines.append(vector[at + 8 : at + 8 + size].decode())
        at += 8 + size
    return lines


def write_epub(source: Path) -> None:
    chapters = list(enumerate(read(source.read_text(), source.name).chapters, 1))
    pages: dict[str, str] = {}
    for number, chapter in chapters:
        paragraphs = "".join(f"<p>{escape(paragraph)}</p>" for paragraph in chapter.text.split("\n\n"))
        pages[f"{number:03}.xhtml"] = page(f"<h1>{escape(chapter.title)}</h1>{paragraphs}")
    contents = nav(*((escape(chapter.title), f"{number:03}.xhtml") for number, chapter in chapters))
    Path(f"{source.stem}.epub").write_bytes(make_epub(pages, contents=contents, title=escape(source.stem)))


def main() -> None:
    figure, size = sys.argv[1], sys.argv[2]
    print(f"load {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores")
    match figure:
        case "pace":
            measure_pace(int(size))
        case "kills":
            kill_often(int(size), int(sys.argv[3]) if len(sys.argv) > 3 else 1)
        case "memory":
            measure_memory(int(size))
        case "book-of-noise":
            asyncio.run(make_book_of_noise(int(size)))
        case "novels":
            unpack_novels(Path(size))
        case "epub":
            write_epub(Path(size))
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main()
