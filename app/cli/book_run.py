"""One run of `chorus book`: the source read, the engine and the recogniser opened, the book spoken and written."""

import asyncio
import shutil
import sys
import tempfile
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import click
import httpx
import msgspec

from app.books.assembly import Finished, Output, max_threads
from app.books.book import Book
from app.books.cast import Cast
from app.books.checking import Checker
from app.books.choosing import Numbered
from app.books.job import Job
from app.books.lease import Lease, hold
from app.books.make import BookOptions, assemble, job_folder, provenance_of_book, speak_book
from app.books.reading import read_book, read_book_folder
from app.books.remote import RemoteStudio
from app.books.room import Room
from app.books.speaking import Progress
from app.books.studio import LocalStudio, Studio
from app.books.timing import CaptionFormat
from app.cli.book_files import BookFiles, Target, check_place
from app.cli.book_progress import WRITING, BookDisplay
from app.cli.say import open_recognizer
from app.engine.factory import build_engine
from app.errors import UnreadableBook
from app.lifecycle import Lifecycle
from app.settings import Settings
from app.speech.service import SpeechService
from app.speech.signing.opening import open_signer
from app.voices.built_in import utc_now

MAX_RETRIES = 2
SERVER_TIMEOUT_S = 600.0


class Wishes(msgspec.Struct, frozen=True, kw_only=True):
    """The files that are wanted."""

    target: Target
    captions: CaptionFormat | None = None
    report: Path | None = None
    max_retries: int | None = None
    """of a segment that does not say its text; None: not compared"""
    keeps: bool = True
    """the segments"""
    server: str | None = None
    """address of the server that speaks; None: an engine of this process"""

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
    job.folder.mkdir(parents=True, exist_ok=True)
    signer = await asyncio.to_thread(open_signer, settings) if target.is_replaceable else None
    results: list[Finished] = []

    async def work(lease: Lease) -> None:
        await asyncio.to_thread(job.open)
        with BookDisplay(progress) as display:
            async with (
                _open_checker(settings, wishes.max_retries) as checker,
                _open_studio(settings, wishes.server, display.say) as studio,
            ):
                await speak_book(
                    studio, book, chapters, options, job, progress,
                    on_progress=display.update, room=Room(job.folder, partial(_say_full, display.say, job)),
                    checker=checker, cast=cast,
                )  # fmt: skip
                rate_hz = studio.engine.info.sample_rate_hz
                provenance = await provenance_of_book(studio, job, utc_now()) if settings.marks.in_force else None
            display.say(WRITING)
            output = Output(
                book_format=target.book_format, title=book.title, author=book.author, cover=book.cover,
                provenance=provenance,
            )  # fmt: skip
            sign = None
            if signer is not None and provenance is not None:
                sign = partial(signer.sign_file, media_type=target.book_format.mime_type, provenance=provenance)
            files = BookFiles(
                target, len(book.chapters), display.say, captions=wishes.captions, report=wishes.report, sign=sign,
                writer=lease,
            )  # fmt: skip
            write = partial(files.write, warnings=progress.warnings)
            results.append(
                await assemble(
                    job, output, rate_hz, write, num_threads=max_threads(1.0), on_share=display.update_writing
                )
            )
        if not wishes.keeps:
            await asyncio.to_thread(job.remove_segments)

    await hold(job.folder, work)
    return results[0]


def _say_full(say: Callable[[str], None], job: Job, is_full: bool) -> None:
    if is_full:
        say(f"paused: the disk of {job.folder} is full; it goes on when there is room")
    else:
        say("there is room again: going on")


@asynccontextmanager
async def _open_checker(settings: Settings, max_retries: int | None) -> AsyncGenerator[Checker | None]:
    if max_retries is None:
        yield None
        return
    recognizer = await asyncio.to_thread(open_recognizer, settings)
    try:
        yield Checker(recognizer, max_retries=max_retries)
    finally:
        await recognizer.aclose()


@asynccontextmanager
async def _open_studio(settings: Settings, server: str | None, say: Callable[[str], None]) -> AsyncGenerator[Studio]:
    if server is not None:
        headers = {"Authorization": f"Bearer {settings.api_keys.values[0]}"} if settings.api_keys else {}
        client = httpx.AsyncClient(base_url=server, headers=headers, timeout=SERVER_TIMEOUT_S, limits=httpx.Limits())
        studio = RemoteStudio(client, say)
        try:
            await studio.connect()
            yield studio
        finally:
            await studio.aclose()
        return
    lifecycle = Lifecycle()
    lifecycle.is_ready()
    service = SpeechService(await asyncio.to_thread(build_engine, settings), settings, lifecycle)
    try:
        yield LocalStudio(service, settings)
    finally:
        await service.aclose()
