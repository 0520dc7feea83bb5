"""One run over a job: what is missing is spoken, finished chapters are copied, and the book is written."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable, Generator
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import BinaryIO

import msgspec

from app.asr.base import Recognizer
from app.books.assembly import Mastering, OnShare, Output, max_threads
from app.books.audio_file import BookFormat
from app.books.book import Book
from app.books.checking import Checker
from app.books.job import ChapterHead, ChapterPlan, Job
from app.books.jobs.copies import ChapterCopies
from app.books.jobs.folder import JobFolder
from app.books.jobs.record import AT_REST, JobError, JobRequest, JobState, JobStatus
from app.books.jobs.studio import ServerStudio
from app.books.lease import Lease
from app.books.make import BookOptions, Wait, assemble, provenance_of_book, speak_book
from app.books.report import make_report
from app.books.room import Room
from app.books.signed import write_signed
from app.books.speaking import Progress
from app.books.together import together
from app.books.verification import verify_file
from app.pools import BOOK_FILES
from app.settings import Settings
from app.speech.service import SpeechService
from app.voices.files import replaced, write_atomically

logger = logging.getLogger(__name__)

FLUSH_S = 2.0
"""Between two writings of the state while a book is spoken."""
Sleep = Callable[[float], Awaitable[None]]


class JobMaker:
    """Lives on the event loop. `state` is how far the job is, on disk up to FLUSH_S later.

    before       how far the job was when its last run ended, with the wish for this one
    recognizer   None: segments are not compared, which is told in a warning where it was asked for
    on_change    called when `state` is another one
    """

    def __init__(
        self,
        folder: JobFolder,
        request: JobRequest,
        service: SpeechService,
        settings: Settings,
        recognizer: Recognizer | None,
        lease: Lease,
        *,
        before: JobState,
        on_change: Callable[[], None],
        sleep: Sleep = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.state = msgspec.structs.replace(
            before, status=JobStatus.QUEUED, error=None, made_s=0.0, written_percent=None
        )
        self._phase = JobStatus.QUEUED
        """status while there is room on the disk"""
        self.request = request
        self._folder = folder
        self._job: Job = folder.job
        self._settings = settings
        self._recognizer = recognizer
        self._lease = lease
        self._studio = ServerStudio(service, settings)
        self._signer = service.signer
        self._on_change = on_change
        self._sleep = sleep
        self._clock = clock
        self._room = Room(folder.path, self._is_full, sleep=sleep)
        self._has_room = True
        self._num_tried_bytes = 0
        """of the last file of audio, whole or not"""
        self._is_flushed = True
        self._writing: asyncio.Future[None] | None = None

    async def make(self) -> None:
        """Raises ChorusError. Cancelling stops it soon; all that was made stays."""
        folder, request = self._folder, self.request
        before = self.state
        book = await BOOK_FILES.run(folder.read_book)
        # The lease is held until the thread ends, also when this run is cancelled: it removes files.
        await self._room.until_written(lambda: BOOK_FILES.run_interruptible(folder.open, lambda: None))
        self._change(status=JobStatus.SPEAKING, warnings=book.warnings, copies=before.copies)
        async with together() as group:
            flushing = group.create_task(self._flush_regularly())
            progress = await self._speak(book)
            await self._write_book(book, progress)
            flushing.cancel()
        wish = await BOOK_FILES.run(folder.read_wish)  # it may have been paused and resumed meanwhile
        file = f"book{request.book_format.suffix}"
        self._change(status=JobStatus.FINISHED, wish=wish.id, pace=None, left_s=None, file=file)

    async def flush(self) -> None:
        """Write the state. Raises OSError, and JobInUse when another server makes the job now.

        A write that was cancelled goes on in its thread: it has ended before the next one begins.
        """
        while self._writing is not None and not self._writing.done():
            await asyncio.wait((self._writing,))
        if not self._is_flushed:
            self._is_flushed = True
            self._writing = asyncio.ensure_future(BOOK_FILES.run(self._write_state, self.state))
            self._writing.add_done_callback(self._has_been_tried)
            await asyncio.shield(self._writing)

    def _has_been_tried(self, write: asyncio.Future[None]) -> None:
        """Note that a write has failed. Its caller may have been cancelled: asyncio would log an error not taken up."""
        if write.cancelled() or write.exception() is not None:
            self._is_flushed = False

    def _write_state(self, state: JobState) -> None:
        self._lease.check()
        self._folder.write_state(state)

    def stop(self, status: JobStatus, error: JobError | None = None) -> None:
        """Change the state after the end of `make`."""
        self._change(status=status, pace=None, left_s=None, error=error)

    async def rest(self) -> None:
        """Write the last state, which ends the wish for this run. Waits for room; raises OSError for other faults."""
        await self._room.until_written(self.flush)

    async def _flush_regularly(self) -> None:
        while True:
            await self._sleep(FLUSH_S)
            with contextlib.suppress(OSError):  # a later state may be written again
                await self.flush()

    async def _speak(self, book: Book) -> Progress:
        request = self.request
        progress = Progress(num_chars=request.num_chars, warnings=[*book.warnings])
        began_at_s = self._clock()
        spoken: asyncio.Queue[ChapterHead | None] = asyncio.Queue()
        checker = None
        if request.max_retries is not None and self._recognizer is not None:
            checker = Checker(self._recognizer, max_retries=request.max_retries)
        elif request.max_retries is not None:
            progress.warnings.append("segments were not compared with their texts: this server has no recogniser now")
        async with together() as group:
            group.create_task(self._copies(book).write_spoken(spoken))
            await speak_book(
                self._studio,
                book,
                [(number, book.chapters[number - 1]) for number in request.chapters],
                BookOptions(
                    source=request.source,
                    voice=request.voice,
                    language=request.language,
                    speed=request.speed,
                    seed=request.seed,
                    is_preview=request.is_preview,
                ),
                self._job,
                progress,
                on_progress=partial(self._has_progressed, began_at_s),
                room=self._room,
                on_chapter=spoken.put_nowait,
                checker=checker,
            )
            spoken.put_nowait(None)
        return progress

    def _copies(self, book: Book) -> ChapterCopies:
        async def have_changed() -> bool:
            self._change(copies=copies.of(self.request.chapters))
            try:
                await self.flush()
            except OSError:  # a later state may be written again
                return False
            return True

        write, known = partial(self._copy_chapter, book), self.state.copies
        copies = ChapterCopies(self._job, self._folder.audio, known, write, have_changed, self._lease.check)
        return copies

    async def _copy_chapter(self, book: Book, plan: ChapterPlan, path: Path) -> float:
        """Returns its length in seconds."""
        number, rate_hz = plan.head.number, self._studio.engine.info.sample_rate_hz

        def write(job: Job, mastering: Mastering, wait: Wait) -> None:
            with self._shown_as(path) as file:
                mastering.write_chapter(plan, file, is_joinable=True)
            seconds.append(mastering.mark(plan).end / rate_hz)

        seconds: list[float] = []
        await self._assemble(await self._output(book, BookFormat.MP3), write, only=number)
        return seconds[-1]

    async def _write_book(self, book: Book, progress: Progress) -> None:
        done_chars = self.request.num_chars
        self._change(status=JobStatus.WRITING, pace=None, left_s=None, done_chars=done_chars, written_percent=0)
        loop = asyncio.get_running_loop()
        book_format, rate_hz = self.request.book_format, self._studio.engine.info.sample_rate_hz
        path = self._folder.audio / f"book{book_format.suffix}"
        output = await self._output(book, book_format)
        sign = None
        if self._signer is not None and output.provenance is not None:
            sign = partial(self._signer.sign_file, media_type=book_format.mime_type, provenance=output.provenance)

        def write(job: Job, mastering: Mastering, wait: Wait) -> None:
            with self._shown_as(path) as file:
                write_signed(file, path.parent, mastering.write_book, sign)
                file.flush()
                verify_file(Path(file.name), book_format, mastering.marks, rate_hz)
            report = make_report(job, mastering, mastering.result(), tuple(progress.warnings))
            self._lease.check()
            write_atomically(self._folder.report, msgspec.json.encode(report))
            seconds.append(mastering.marks[-1].end / rate_hz)

        seconds: list[float] = []
        await self._assemble(output, write, lambda share: loop.call_soon_threadsafe(self._is_written, int(100 * share)))
        self._change(seconds=seconds[-1])

    def _is_written(self, percent: int) -> None:
        if percent != self.state.written_percent:
            self._change(written_percent=percent)

    @contextlib.contextmanager
    def _shown_as(self, path: Path) -> Generator[BinaryIO]:
        """A file that appears as `path` when it is complete."""
        with replaced(path, self._lease) as file:
            try:
                yield file
            finally:
                self._num_tried_bytes = file.tell()

    async def _output(self, book: Book, book_format: BookFormat) -> Output:
        provenance = None
        if self._settings.marks.in_force:
            # The date of the request, so that a book that is made in two days has the same bytes.
            made_at = datetime.fromisoformat(self.request.created_at)
            provenance = await provenance_of_book(self._studio, self._job, made_at)
        request = self.request
        return Output(
            book_format=book_format,
            title=request.title,
            author=request.author,
            cover=book.cover,
            provenance=provenance,
        )

    async def _assemble(
        self,
        output: Output,
        write: Callable[[Job, Mastering, Wait], None],
        on_share: OnShare = lambda share: None,
        *,
        only: int | None = None,
    ) -> None:
        """While the disk is full, wait for room."""
        rate_hz, num_threads = self._studio.engine.info.sample_rate_hz, max_threads(0.5)  # the rest is for callers

        def attempt() -> Awaitable[object]:
            on_share(0.0)
            return assemble(self._job, output, rate_hz, write, only=only, num_threads=num_threads, on_share=on_share)

        await self._room.until_written(attempt, lambda: self._num_tried_bytes)

    def _has_progressed(self, began_at_s: float, progress: Progress) -> None:
        elapsed_s = self._clock() - began_at_s
        new_chars = progress.done_chars - progress.found_chars
        left_s = max(0, progress.num_chars - progress.done_chars) * elapsed_s / new_chars if new_chars else None
        self._change(
            chapter=progress.chapter,
            done_chars=min(progress.done_chars, progress.num_chars),
            made_s=progress.made_s,
            pace=progress.made_s / elapsed_s if elapsed_s > 0 and progress.made_s else None,
            left_s=left_s,
            num_segments=progress.num_segments,
            num_doubtful=progress.num_doubtful,
            warnings=tuple(progress.warnings),
        )

    def _is_full(self, is_full: bool) -> None:
        self._has_room = not is_full
        if is_full:
            logger.warning("job %s waits for room on the disk", self.request.id)
        self._change()

    def _change(self, *, status: JobStatus | None = None, **changes: object) -> None:
        self._phase = status or self._phase
        is_waiting = not self._has_room and self._phase not in AT_REST
        shown = JobStatus.FULL if is_waiting else self._phase
        self.state = msgspec.structs.replace(self.state, status=shown, **changes)
        self._is_flushed = False
        self._on_change()
