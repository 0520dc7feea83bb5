"""One run of `chorus book`: the source read, the engine and the recogniser opened, the book spoken and written."""

import asyncio
import shutil
import sys
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import click
import msgspec

from app.asr.base import Recognizer
from app.books.assembly import Finished, Output
from app.books.book import Book
from app.books.cast import Cast
from app.books.checking import Checker
from app.books.job import Job
from app.books.lease import hold
from app.books.make import BookOptions, Numbered, assemble, job_folder, speak_book
from app.books.reading import read_book, read_book_folder
from app.books.speaking import Progress
from app.books.timing import CaptionFormat
from app.cli.book_files import BookFiles, Target, check_place
from app.cli.book_progress import BookDisplay
from app.cli.say import open_recognizer
from app.engine.factory import build_engine
from app.errors import UnreadableBook
from app.lifecycle import Lifecycle
from app.settings import Settings
from app.speech.service import SpeechService

MAX_RETRIES = 2


class Wishes(msgspec.Struct, frozen=True, kw_only=True):
    """The files that are wanted."""

    target: Target
    captions: CaptionFormat | None = None
    report: Path | None = None
    max_retries: int | None = None
    """of a segment that does not say its text; None: not compared"""
    keeps: bool = True
    """the segments"""

    def check(self) -> None:
        """Try the places of the files before hours are spent. Raises click.ClickException."""
        self.target.check()
        if self.captions is not None and not self.target.is_replaceable:
            raise click.UsageError("--captions needs an --output that is a file or a folder")
        if self.report is not None:
            check_place(self.report)


async def read_source(source: str) -> Book:
    """`source`: a file, a folder, or `-` for standard input. Raises UnreadableBook."""
    if source == "-":
        with tempfile.TemporaryFile() as file:
            shutil.copyfileobj(sys.stdin.buffer, file)
            return await read_book(file, "-")
    if Path(source).is_dir():
        return await read_book_folder(Path(source))
    try:
        with Path(source).open("rb") as file:
            return await read_book(file, Path(source).name)
    except OSError as error:
        raise UnreadableBook(f"{source} cannot be read: {error.strerror}") from error


async def make_book(
    settings: Settings,
    book: Book,
    chapters: Sequence[Numbered],
    options: BookOptions,
    cast: Cast,
    wishes: Wishes,
    progress: Progress,
) -> Finished:
    """Speak what is missing, and write the files. Cancelling pauses. Raises ChorusError and click.ClickException."""
    target = wishes.target
    job = Job(job_folder(settings.data, target.path))
    results: list[Finished] = []

    async def work() -> None:
        lifecycle = Lifecycle()
        lifecycle.is_ready()
        recognizer: Recognizer | None = None
        if wishes.max_retries is not None:
            recognizer = await asyncio.to_thread(open_recognizer, settings)
        service = SpeechService(await asyncio.to_thread(build_engine, settings), settings, lifecycle)
        try:
            checker = None
            if recognizer is not None and wishes.max_retries is not None:
                checker = Checker(recognizer, max_retries=wishes.max_retries)
            with BookDisplay(progress) as display:
                await speak_book(
                    service, settings, book, chapters, options, job, progress,
                    on_progress=display.update, say=display.say, checker=checker, cast=cast,
                )  # fmt: skip
                display.say("writing the file")
                output = Output(book_format=target.book_format, title=book.title, author=book.author, cover=book.cover)
                files = BookFiles(
                    target, len(book.chapters), display.say, captions=wishes.captions, report=wishes.report
                )
                write = partial(files.write, warnings=progress.warnings)
                results.append(await assemble(job, output, service.engine.info.sample_rate_hz, write))
            if not wishes.keeps:
                await asyncio.to_thread(job.remove_segments)
        finally:
            await service.aclose()
            if recognizer is not None:
                await recognizer.aclose()

    job.open()
    await hold(job.folder, work)
    return results[0]
