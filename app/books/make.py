"""From a book to its file: speak what is missing, measure, write. The same calls go on after any end."""

import hashlib
import threading
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

import msgspec

from app.audio.provenance import Provenance, new_provenance
from app.books.assembly import Finished, Mastering, OnShare, Output
from app.books.book import Book
from app.books.cast import Cast, Reader
from app.books.checking import Checker
from app.books.choosing import Numbered
from app.books.job import ChapterHead, Job, Manifest
from app.books.language import choose_language
from app.books.levels import VoiceLevels
from app.books.room import Room
from app.books.segments import SegmentMaker
from app.books.speaking import Progress, Speaker
from app.books.studio import Delivery, Studio
from app.pools import BOOK_FILES, BOOKS, TEXT

Wait = Callable[[float], None]
"""Waits for so many seconds. Raises InterruptedError to stop."""


class BookOptions(msgspec.Struct, frozen=True, kw_only=True):
    """`language` "": the book's own; `voice` None: the engine's first."""

    source: str
    voice: str | None = None
    language: str = ""
    speed: float = 1.0
    seed: int = 0
    is_preview: bool = False


def job_folder(data: Path, output: Path) -> Path:
    """The folder of the job that makes `output`: the same command finds it again, whatever the book has become."""
    path = output.resolve()
    digest = hashlib.sha256(str(path).encode(errors="surrogateescape")).hexdigest()[:12]
    return data / "jobs" / f"{path.stem[:40]}-{digest}"


async def speak_book(
    studio: Studio,
    book: Book,
    chapters: Sequence[Numbered],
    options: BookOptions,
    job: Job,
    progress: Progress,
    *,
    on_progress: Callable[[Progress], None],
    room: Room | None = None,
    on_chapter: Callable[[ChapterHead], None] = lambda head: None,
    checker: Checker | None = None,
    cast: Cast | None = None,
) -> None:
    """Make every segment of `chapters` that `job` does not hold. The caller has the lease.

    room         of the job's disk; None: nobody is told of a full one
    on_chapter   see Speaker

    Raises UnsupportedLanguage, UnknownSpeaker, StorageFailure, and what the engine raises.
    """
    cast = cast or Cast()
    language, warning = choose_language(studio, options.language, book.language)
    if warning:
        progress.warnings.append(warning)
    before = await BOOK_FILES.run(job.read_manifest)
    levels = VoiceLevels(() if before is None else before.levels)
    readers = await _find_readers(studio, cast, chapters, options, levels)
    recipe = readers[""].recipe
    heads = [(ChapterHead(number, chapter.title), chapter) for number, chapter in chapters]
    manifest = Manifest(
        source=options.source,
        title=book.title,
        author=book.author,
        language=language,
        recipe=recipe,
        chapters=tuple(head for head, _ in heads),
        voices={name: reader.recipe.voice for name, reader in readers.items() if name},
        levels=levels.known,
    )
    maker = SegmentMaker(studio, job, checker=checker, room=room)
    await maker.store(job.write_manifest, manifest)
    if checker is not None:
        checker.check_language(language)
    speaker = Speaker(
        studio.engine, maker, cast, readers, job, language, progress, on_progress=on_progress, on_chapter=on_chapter
    )
    await speaker.speak(heads, is_preview=options.is_preview)
    await maker.store(job.write_manifest, msgspec.structs.replace(manifest, is_spoken=True))


async def _find_readers(
    studio: Studio, cast: Cast, chapters: Sequence[Numbered], options: BookOptions, levels: VoiceLevels
) -> dict[str, Reader]:
    """Every reader of these chapters, so that a name without a voice is known before the first word."""
    names = await TEXT.run(names_in, cast, chapters)
    delivery = Delivery(speed=options.speed, seed=options.seed)
    readers = {"": await studio.find_reader(cast.narrator or options.voice, delivery, levels)}
    for name in names:
        readers[name] = await studio.find_reader(cast.voice(name), delivery, levels)
    return readers


def names_in(cast: Cast, chapters: Sequence[Numbered]) -> list[str]:
    """Names of the readers beside the narrator. Blocking."""
    return sorted({run.name for _, chapter in chapters for run in cast.runs(chapter.text) if run.name})


async def assemble(
    job: Job,
    output: Output,
    sample_rate_hz: int,
    write: Callable[[Job, Mastering, Wait], None],
    *,
    only: int | None = None,
    num_threads: int = 1,
    on_share: OnShare = lambda share: None,
) -> Finished:
    """Measure the book, and `write` its files on the same thread. Cancelling stops both soon.

    only, num_threads, on_share   see Mastering

    Raises StorageFailure for a damaged segment, and what `write` raises.
    """
    stopped = threading.Event()

    def wait(seconds: float) -> None:
        if stopped.wait(seconds):
            raise InterruptedError("stopped")

    def step(share: float) -> None:
        wait(0.0)
        on_share(share)

    def run() -> Finished:
        mastering = Mastering(job, output, sample_rate_hz, step, only=only, num_threads=num_threads)
        write(job, mastering, wait)
        return mastering.result()

    return await BOOKS.run_interruptible(run, stopped.set)


async def provenance_of_book(studio: Studio, job: Job, made_at: datetime) -> Provenance:
    """The provenance of a book in the voices of its manifest."""
    manifest = await BOOK_FILES.run(job.read_manifest)
    assert manifest is not None
    ids = {manifest.recipe.voice, *manifest.voices.values()}
    return new_provenance(is_cloned=any(map(studio.is_cloned, ids)), now=made_at)
