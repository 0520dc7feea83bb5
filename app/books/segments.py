"""Makes one segment of a book: decoded, stored, and compared with its text where that is asked for."""

from collections.abc import Callable, Sequence
from typing import TypeVar

import msgspec

from app.books.checking import Checker, retried
from app.books.job import Job
from app.books.notes import Notes
from app.books.plan import Planned, seed_of
from app.books.room import Room
from app.books.studio import Studio
from app.engine.values import Samples
from app.errors import StorageFailure
from app.pools import BOOK_FILES

T = TypeVar("T")


class Made(msgspec.Struct, frozen=True):
    """`made_s`: seconds of audio that were made now; 0 where the segment was there."""

    made_s: float
    notes: Notes


class SegmentMaker:
    """Lives on the event loop. May make several segments at a time."""

    def __init__(
        self,
        studio: Studio,
        job: Job,
        *,
        checker: Checker | None = None,
        room: Room | None = None,
    ) -> None:
        self._studio = studio
        self._job = job
        self._checker = checker
        self._room = room or Room(job.folder)

    async def find_notes(self, segments: Sequence[Planned]) -> list[Notes | None]:
        """Notes about each segment; None where it has not been made."""
        keys = [planned.piece.key for planned in segments]
        return await BOOK_FILES.run(lambda: [self._job.find_notes(key) for key in keys])

    async def make(self, planned: Planned, notes: Notes | None) -> Made:
        """Decode the segment if `notes` is None, then compare it if a check is still needed.

        notes   as `find_notes` has found them

        Raises what the engine raises, and StorageFailure.
        """
        key = planned.piece.key
        made_s = 0.0
        if notes is None:
            samples, notes = await self._studio.decode(planned, seed_of(key))
            notes = await self.store(self._write, key, samples, planned.recipe.sample_rate_hz, notes)
            made_s = len(samples) / planned.recipe.sample_rate_hz
        if self._checker is not None and self._checker.is_needed(notes.check):
            notes = await self._check(planned, notes, self._checker)
        return Made(made_s, notes)

    async def _check(self, planned: Planned, notes: Notes, checker: Checker) -> Notes:
        """The stored reading stays unless another one passes, so a kill at any moment changes nothing."""
        key, rate_hz = planned.piece.key, planned.recipe.sample_rate_hz
        check = await checker.check(await BOOK_FILES.run(self._job.read_segment, key), rate_hz, planned.sequence)
        if not check.was_compared and notes.check is not None and notes.check.was_compared:
            return notes
        num_retries = 0
        while check.outcome == "failed" and num_retries < checker.max_retries:
            samples, found = await self._studio.decode(planned, seed_of(key) + num_retries + 1)
            other = await checker.check(samples, rate_hz, planned.sequence)
            if not other.was_compared:  # a later run tries the readings that are left
                break
            num_retries += 1
            if other.outcome == "passed":
                await self.store(self._job.write_segment, key, samples, rate_hz)
                check, notes = other, found
        notes = msgspec.structs.replace(notes, check=retried(check, num_retries))
        await self.store(self._job.write_notes, key, notes)
        return notes

    def _write(self, key: str, samples: Samples, sample_rate_hz: int, notes: Notes) -> Notes:
        """Store the segment and return its notes, all in one call, because each call costs the event loop time.

        A segment that another owner of the job has stored since the lookup stays: it may be a better reading.
        """
        stored = self._job.find_notes(key)
        if stored is not None:
            return stored
        self._job.write_notes(key, notes)  # first, so that a segment that is there has its notes
        self._job.write_segment(key, samples, sample_rate_hz)
        return notes

    async def store(self, write: Callable[..., T], *arguments: object) -> T:
        """Write a file; while the disk is full, wait for room. Raises StorageFailure for other faults of the disk."""
        try:
            return await self._room.until_written(lambda: BOOK_FILES.run(write, *arguments))
        except OSError as error:
            raise StorageFailure(f"{self._job.folder} cannot be written: {error.strerror}") from error
