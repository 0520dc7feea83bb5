"""Copies of finished chapters, which callers hear while the rest of the book is made."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from pathlib import Path

import msgspec

from app.books.job import ChapterHead, ChapterPlan, Job
from app.books.jobs.record import ChapterCopy
from app.pools import BOOK_FILES


class ChapterCopies:
    """The MP3 files of chapters in `folder`. Lives on the event loop.

    A file's name has a digest of the chapter's plan and of the readings that its segments have: a segment may be
    replaced by a better reading in a later run.

    known      copies that an earlier run has written
    write      writes a copy to a path, and returns its length in seconds
    on_change  awaited when there is a new copy, before the one that it replaces is removed: callers of another server
               read from the job's state which file to send. Returns True when the state is on the disk; files are
               only removed then
    check      raises JobInUse when another server makes the job now; called before each removal. Blocking
    """

    def __init__(
        self,
        job: Job,
        folder: Path,
        known: Iterable[ChapterCopy],
        write: Callable[[ChapterPlan, Path], Awaitable[float]],
        on_change: Callable[[], Awaitable[bool]],
        check: Callable[[], None],
    ) -> None:
        self._job = job
        self._folder = folder
        self._write = write
        self._on_change = on_change
        self._check = check
        self._known = {copy.number: copy for copy in known}

    def of(self, chapters: Iterable[int]) -> tuple[ChapterCopy, ...]:
        return tuple(self._known[number] for number in chapters if number in self._known)

    async def write_spoken(self, spoken: "asyncio.Queue[ChapterHead | None]") -> None:
        """Copy each chapter of the queue, up to its None. Then remove copies that no state names any more.

        Raises JobInUse when another server makes the job now. Cancelling waits for the end of a removal.
        """
        while (head := await spoken.get()) is not None:
            await self._copy(head.number)
        if await self._on_change():  # an earlier state may not be on the disk yet
            await self._remove(partial(self._find_others, {copy.file for copy in self._known.values()}))

    async def _copy(self, number: int) -> None:
        plan, digest = await BOOK_FILES.run(self._read, number)
        path = self._folder / f"{number:05}-{digest}.mp3"
        known = self._known.get(number)
        is_known = known is not None and known.file == path.name
        if is_known and await BOOK_FILES.run(path.exists):
            return
        self._known[number] = ChapterCopy(number, path.name, await self._write(plan, path))
        is_stored = await self._on_change()
        if is_stored and known is not None and not is_known:
            old = self._folder / known.file
            await self._remove(lambda: [old])

    async def _remove(self, find: Callable[[], Iterable[Path]]) -> None:
        """Remove the files that `find` returns, which is called on the thread that removes them."""

        def remove() -> None:
            for path in find():
                self._check()
                path.unlink(missing_ok=True)

        await BOOK_FILES.run_interruptible(remove, lambda: None)  # the lease is held until the thread ends

    def _find_others(self, known: set[str]) -> list[Path]:
        return [path for path in self._folder.glob("[0-9]*.mp3") if path.name not in known]

    def _read(self, number: int) -> tuple[ChapterPlan, str]:
        """The plan of a chapter, and the digest of all that decides its samples. Blocking."""
        plan = self._job.read_chapter(number)
        digest = hashlib.sha256(msgspec.json.encode(plan))
        for piece in plan.pieces:
            digest.update(self._job.read_fingerprint(piece.key))
        return plan, digest.hexdigest()[:16]
