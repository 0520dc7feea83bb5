"""`chorus book`."""

import asyncio
import shutil
import sys
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import click

from app.books.acx import find_faults
from app.books.assembly import Finished, Mastering, Output, file_name
from app.books.audio_file import BookFormat
from app.books.book import Book
from app.books.job import Job
from app.books.lease import hold
from app.books.make import BookOptions, Numbered, assemble, job_folder, speak_book
from app.books.reading import read_book
from app.books.speaking import Progress
from app.cli.book_progress import BookDisplay, duration
from app.cli.output import open_output
from app.engine.factory import build_engine
from app.errors import InvalidField, UnreadableBook
from app.lifecycle import Lifecycle
from app.observability.log import configure_logging
from app.pools import switch_threads_often
from app.settings import Settings, load_settings
from app.speech.request import MAX_SEED, MAX_SPEED, MIN_SPEED
from app.speech.service import SpeechService

WORDS_PER_MINUTE = 150
PREVIEW_CHARS = 900
"""About a minute, for the percentage."""
PAUSED = 130


@click.command()
@click.argument("source", metavar="FILE")
@click.option("-o", "--output", help="File to write, its ending gives the format; a folder gets a file a chapter.")
@click.option("--format", "format_name", type=click.Choice([each.value for each in BookFormat]),
              help="Where the ending does not say; of a folder mp3 by default.")  # fmt: skip
@click.option("--voice", help="A voice from `chorus voices`; the first one by default.")
@click.option("--language", default="", help="English by default, or the first language of an engine without it.")
@click.option("--chapters", "wanted", help="Numbers from --list, such as 3-7 or 1,4,9-.")
@click.option("--speed", type=click.FloatRange(MIN_SPEED, MAX_SPEED), default=1.0, show_default=True)
@click.option("--seed", type=click.IntRange(0, MAX_SEED), default=0, show_default=True,
              help="Another seed is another reading.")  # fmt: skip
@click.option("--lexicon", type=click.Path(exists=True, dir_okay=False),
              help="TOML file of words and how they are said (CHORUS_LEXICON).")  # fmt: skip
@click.option("--preview", is_flag=True, help="Only the first minute of each chapter; the whole book reuses it.")
@click.option("--list", "is_listing", is_flag=True, help="List the chapters and stop.")
@click.option("--acx", is_flag=True, help="Check the levels that audiobook shops ask for; exit status 1 if one fails.")
def book(
    source: str,
    output: str | None,
    format_name: str | None,
    voice: str | None,
    language: str,
    wanted: str | None,
    speed: float,
    seed: int,
    lexicon: str | None,
    preview: bool,
    is_listing: bool,
    acx: bool,
) -> None:
    """Make an audiobook of FILE: .epub, .txt, .md or .html, or standard input (`-`).

    Ctrl-C pauses, and the same command goes on. After a change of the text only the changed sentences are spoken again.
    """
    if output is None and not is_listing:
        raise click.UsageError("give --output, or --list to see the chapters")
    configure_logging("error", "text")
    switch_threads_often()
    settings = load_settings(max_text_chars=sys.maxsize, lexicon=lexicon)
    found = asyncio.run(_read(source))
    for warning in found.warnings:
        click.echo(f"warning: {warning}", err=True)
    chapters = choose_chapters(found, wanted)
    if output is None or is_listing:
        _list(found, chapters)
        return
    target = Target(output, format_name)
    options = BookOptions(source=source, voice=voice, language=language, speed=speed, seed=seed, is_preview=preview)
    progress = Progress(num_chars=_count_chars(chapters, preview=preview))
    try:
        finished = asyncio.run(_make(settings, found, chapters, options, target, progress))
    except KeyboardInterrupt:
        share = min(99, 100 * progress.done_chars // progress.num_chars)
        click.echo(f"paused at {share} %: the same command goes on", err=True)
        sys.exit(PAUSED)
    for warning in progress.warnings:
        click.echo(f"warning: {warning}", err=True)
    _report(target, finished, job_folder(settings.data, target.path))
    if acx and not _passes_acx(finished):
        sys.exit(1)


class Target:
    """The file to which a book is written. Raises InvalidField for a name without a format."""

    def __init__(self, output: str, format_name: str | None) -> None:
        self.path = Path(output)
        self.is_folder = self.path.is_dir() or output.endswith("/")
        self.book_format = _choose_format(self.path, format_name, is_folder=self.is_folder)


def _choose_format(path: Path, format_name: str | None, *, is_folder: bool) -> BookFormat:
    if format_name is not None:
        return BookFormat(format_name)
    if is_folder:
        return BookFormat.MP3
    try:
        return BookFormat(path.suffix.lower().removeprefix("."))
    except ValueError:
        known = ", ".join(each.suffix for each in BookFormat)
        raise InvalidField(f"{path} has no ending that gives a format; known are {known}, or add --format") from None


async def _read(source: str) -> Book:
    if source == "-":
        with tempfile.TemporaryFile() as file:
            shutil.copyfileobj(sys.stdin.buffer, file)
            return await read_book(file, "-")
    try:
        with Path(source).open("rb") as file:
            return await read_book(file, Path(source).name)
    except OSError as error:
        raise UnreadableBook(f"{source} cannot be read: {error.strerror}") from error


def choose_chapters(book: Book, wanted: str | None) -> list[Numbered]:
    """The chapters that `wanted` names, such as "3-7,9-"; all for None. Raises InvalidField."""
    numbered = list(enumerate(book.chapters, 1))
    if wanted is None:
        return numbered
    chosen: set[int] = set()
    for part in wanted.split(","):
        first, dash, last = part.strip().partition("-")
        if not (first.isdecimal() and (not last or (dash and last.isdecimal()))):
            raise InvalidField(f"--chapters {wanted} cannot be read: write numbers such as 3-7 or 1,4,9-")
        end = int(last) if last else len(numbered) if dash else int(first)
        if not 1 <= int(first) <= end or int(first) > len(numbered):
            raise InvalidField(f"--chapters {part.strip()}: the book has chapters 1 to {len(numbered)}")
        chosen.update(range(int(first), min(end, len(numbered)) + 1))
    return [(number, chapter) for number, chapter in numbered if number in chosen]


def _list(book: Book, chapters: Sequence[Numbered]) -> None:
    click.echo(f"{book.title}{f', {book.author}' if book.author else ''}")
    for number, chapter in chapters:
        words = chapter.num_words
        click.echo(f"{number:>5}  {duration(60 * words / WORDS_PER_MINUTE):>10}  {words:>7} words  {chapter.title}")
    total = sum(chapter.num_words for _, chapter in chapters)
    click.echo(f"{'':>5}  {duration(60 * total / WORDS_PER_MINUTE):>10}  {total:>7} words  in all")


def _count_chars(chapters: Sequence[Numbered], *, preview: bool) -> int:
    return sum(min(len(chapter.text), PREVIEW_CHARS if preview else sys.maxsize) for _, chapter in chapters)


async def _make(
    settings: Settings,
    book: Book,
    chapters: Sequence[Numbered],
    options: BookOptions,
    target: Target,
    progress: Progress,
) -> Finished:
    job = Job(job_folder(settings.data, target.path))
    results: list[Finished] = []

    async def work() -> None:
        lifecycle = Lifecycle()
        lifecycle.is_ready()
        service = SpeechService(await asyncio.to_thread(build_engine, settings), settings, lifecycle)
        try:
            rate_hz = service.engine.info.sample_rate_hz
            with BookDisplay(progress) as display:
                await speak_book(
                    service, settings, book, chapters, options, job, progress,
                    on_progress=display.update, say=display.say,
                )  # fmt: skip
                display.say("writing the file")
                output = Output(book_format=target.book_format, title=book.title, author=book.author, cover=book.cover)
                results.append(await assemble(job, output, rate_hz, partial(_write, job, target, len(book.chapters))))
        finally:
            await service.aclose()

    job.open()
    await hold(job.folder, work)
    return results[0]


def _write(job: Job, target: Target, num_chapters: int, mastering: Mastering) -> None:
    if not target.is_folder:
        with open_output(str(target.path)) as file:
            mastering.write_book(file)
        return
    target.path.mkdir(parents=True, exist_ok=True)
    for plan in job.chapters():
        name = file_name(plan.head, num_chapters, target.book_format.suffix)
        with open_output(str(target.path / name)) as file:
            mastering.write_chapter(plan, file)


def _report(target: Target, finished: Finished, folder: Path) -> None:
    loudness = finished.loudness
    seconds = sum(chapter.seconds for chapter in finished.chapters)
    click.echo(
        f"{target.path}: {duration(seconds)} in {len(finished.chapters)} chapters, "
        f"{loudness.integrated_lufs:.1f} LUFS, true peak {loudness.true_peak_dbtp:.1f} dBTP "
        f"(gain {finished.gain_db:+.1f} dB)",
        err=True,
    )
    click.echo(f"the segments stay in {folder}, for changes: remove the folder when you need none", err=True)


def _passes_acx(finished: Finished) -> bool:
    passes = True
    for chapter in finished.chapters:
        faults = find_faults(chapter)
        passes = passes and not faults
        levels = f"RMS {chapter.rms_dbfs:.1f} dB, peak {chapter.peak_dbfs:.1f} dB, noise {chapter.noise_dbfs:.1f} dB"
        click.echo(f"{'FAILS' if faults else 'passes'}  {chapter.title}: {'; '.join(faults) or levels}")
    click.echo("ACX also asks for MP3 files at 44.1 kHz and 192 kbit/s, one a chapter: convert these before you upload")
    return passes
