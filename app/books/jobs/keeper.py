"""The jobs of callers: created, shown, paused, deleted. Any of the servers that share a data folder may be asked."""

import asyncio
import contextlib
import logging
import re
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import msgspec

from app.asr.base import Recognizer
from app.books.book import Book
from app.books.job import ChapterHead
from app.books.jobs.folder import JobFolder, JobFolders
from app.books.jobs.record import AT_REST, ID_PATTERN, Contents, Intent, JobRequest, JobState, JobStatus, Wish
from app.books.jobs.worker import JobWorker
from app.errors import StorageFailure, TooManyJobs, UnknownJob, quoted
from app.pools import BOOK_FILES
from app.settings import Settings
from app.speech.service import SpeechService

logger = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")
MIN_SHOW_S, SHOW_S = 0.25, 1.0
"""Between two looks at a job that a caller watches: another server may make it."""
BYTES_PER_CHAR = 5_500
"""Disk room of a job: segments, copies and the finished file, at 16 characters and 88,000 bytes a second."""
MIN_FREE_BYTES = 256 * 1024 * 1024
"""Room that a new job leaves on the disk."""
MAX_END_S = 10.0
"""For the end of a failed run, before it may be resumed."""


class JobView(msgspec.Struct, frozen=True):
    request: JobRequest
    state: JobState


class BookJobs:
    """Lives on the event loop. Methods raise StorageFailure; those with an id raise UnknownJob, also for the job of
    another caller.
    """

    def __init__(
        self,
        service: SpeechService,
        settings: Settings,
        recognizer: Recognizer | None = None,
        *,
        on_made: Callable[[float], None] = lambda seconds: None,
    ) -> None:
        self._max_jobs = 0 if service.voices.folder.needs_commits else settings.max_jobs
        self._folders = JobFolders(settings.data / "jobs")
        self.worker = JobWorker(self._folders, service, settings, recognizer, on_made=on_made)
        self._creating = asyncio.Lock()

    def start(self) -> None:
        """Work on the jobs, unless this server makes none. `worker.aclose` ends it."""
        if self._max_jobs:
            self.worker.start()

    async def check_place(self, owner: str) -> None:
        """Raises TooManyJobs."""
        self._check_is_made()
        limit = self._max_jobs
        if len(await self._ids_of(owner)) >= limit:
            raise TooManyJobs(f"{limit} jobs are kept, as many as a caller may keep (CHORUS_MAX_JOBS): delete one")

    async def create(self, request: JobRequest, book: Book) -> JobView:
        """Raises TooManyJobs, and StorageFailure for a book that does not fit on the disk."""
        async with self._creating:
            await self.check_place(request.owner)
            await self._check_room(BYTES_PER_CHAR * request.num_chars)
            chosen = [(number, book.chapters[number - 1]) for number in request.chapters]
            contents = Contents(
                tuple(ChapterHead(number, chapter.title) for number, chapter in chosen),
                tuple(len(chapter.text) for _, chapter in chosen),
            )
            await _on_disk(self._folders.folder(request.id).make, request, contents, book)
        self.worker.look_soon()
        logger.info("job %s is kept: %d characters", request.id, request.num_chars)
        return JobView(request, JobState())

    async def jobs_of(self, owner: str) -> list[JobView]:
        """The oldest first."""
        views: list[JobView] = []
        for id in await self._ids_of(owner):
            with contextlib.suppress(UnknownJob):
                views.append(await self.get(owner, id))
        return sorted(views, key=lambda view: (view.request.created_at, view.request.id))

    async def get(self, owner: str, id: str) -> JobView:
        request = await self._request(owner, id)
        folder = self._folders.folder(id)
        try:
            wish = await _on_disk(folder.read_wish)
        except UnknownJob:
            raise _unknown(id) from None
        if wish.intent is Intent.DELETE:
            raise _unknown(id)
        state = self.worker.state(id)
        if state is None:
            state = await self._shown(folder, wish, await _on_disk(folder.read_state))
        elif wish.intent is Intent.PAUSE and state.status not in AT_REST:  # another server has written the wish
            state = _waiting(state, JobStatus.PAUSED)
        return JobView(request, state)

    async def _request(self, owner: str, id: str) -> JobRequest:
        if not re.fullmatch(ID_PATTERN, id):
            raise _unknown(id)
        try:
            request = await _on_disk(self._folders.folder(id).read_request)
        except UnknownJob:
            raise _unknown(id) from None
        if request.owner != owner:
            raise _unknown(id)
        return request

    async def _shown(self, folder: JobFolder, wish: Wish, state: JobState) -> JobState:
        """The state of a job that is not made here."""
        if state.has_ended(wish):
            return state
        if wish.intent is Intent.PAUSE:
            status = JobStatus.PAUSED
        elif state.status not in AT_REST and await BOOK_FILES.run(lambda: folder.is_leased):
            return state
        else:
            status = JobStatus.FULL if self.worker.lacks_room(folder.path.name) else JobStatus.QUEUED
        return _waiting(state, status)

    async def contents(self, view: JobView) -> Contents:
        return await _on_disk(self.folder(view).read_contents)

    async def report(self, view: JobView) -> bytes:
        """JSON of app.books.report.BookReport, of a finished job."""
        return await _on_disk(self.folder(view).report.read_bytes)

    def folder(self, view: JobView) -> JobFolder:
        return self._folders.folder(view.request.id)

    async def pause(self, owner: str, id: str) -> JobView:
        """A finished or failed job stays as it is."""
        view = await self.get(owner, id)
        if view.state.status not in AT_REST:
            await self._want(self.folder(view).pause)
            await self.worker.stop(id)
        return await self.get(owner, id)

    async def resume(self, owner: str, id: str) -> JobView:
        """Go on with a paused or failed job; others stay as they are. Raises TooManyJobs where no books are made,
        StorageFailure where the end of the last run is not on the disk within MAX_END_S.
        """
        self._check_is_made()
        view = await self.get(owner, id)
        if view.state.status is JobStatus.FAILED:
            # The end of a failed run says last that the job rests. On a full disk it waits for room.
            try:
                async with asyncio.timeout(MAX_END_S):
                    await self.worker.until_ended(id)
            except TimeoutError as error:
                raise StorageFailure("the end of the last run cannot be written yet; try again") from error
        if view.state.status in (JobStatus.PAUSED, JobStatus.FAILED):
            await self._want(self.folder(view).resume)
        return await self.get(owner, id)

    async def delete(self, owner: str, id: str) -> None:
        """Unknown at once; its files go when no server works on it. Works on a job whose wish or state is damaged."""
        await self._request(owner, id)
        folder = self._folders.folder(id)
        if await _on_disk(folder.is_deleted):
            raise _unknown(id)
        await self._want(folder.delete)
        await self.worker.stop(id)
        if not self._max_jobs:  # nobody works on the jobs here
            await _on_disk(folder.remove)

    async def change(self) -> None:
        """Wait for the change of any job that is made here, at most SHOW_S. Two calls end MIN_SHOW_S apart at least."""
        await asyncio.sleep(MIN_SHOW_S)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(SHOW_S):
                await self.worker.changed.wait()

    def _check_is_made(self) -> None:
        if not self._max_jobs:
            raise TooManyJobs("this server makes no books: CHORUS_MAX_JOBS is 0, or its data volume needs commits")

    async def _want(self, write: Callable[[], None]) -> None:
        await _on_disk(write)
        self.worker.look_soon()

    async def _ids_of(self, owner: str) -> list[str]:
        try:
            found = await self.worker.find()
        except OSError as error:
            raise StorageFailure(f"the jobs cannot be read: {error.strerror}") from error
        return [id for id, each in found.items() if each.request.owner == owner and each.intent is not Intent.DELETE]

    async def _check_room(self, needed: int) -> None:
        free = await BOOK_FILES.run(self._folders.free_bytes)
        if free < needed + MIN_FREE_BYTES:
            raise StorageFailure(
                f"the book needs about {_megabytes(needed)}, and the server's disk has {_megabytes(free)}: "
                "choose fewer chapters, or delete jobs"
            )


async def _on_disk(call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    try:
        return await BOOK_FILES.run(call, *args, **kwargs)
    except FileNotFoundError as error:
        raise UnknownJob("the job was deleted meanwhile", param="job_id") from error
    except OSError as error:
        raise StorageFailure(f"the server's disk cannot keep the job: {error.strerror}") from error


def _waiting(state: JobState, status: JobStatus) -> JobState:
    """The state without the figures of a run."""
    return msgspec.structs.replace(state, status=status, pace=None, left_s=None, written_percent=None, error=None)


def _unknown(id: str) -> UnknownJob:
    return UnknownJob(f"no job {quoted(id)}; GET /jobs lists yours", param="job_id")


def _megabytes(num_bytes: int) -> str:
    return f"{num_bytes / 1e6:,.0f} MB"
