"""Folders of jobs: `jobs/<id>/` with the files of app/books/job.py, and

    request.json         a caller's wishes, never changed
    contents.json        the chapters that are made
    book.msgpack         the text
    intent.json          the last wish of a caller
    paused-<id>          present where the wish of that id is paused, and the disk has no room for another intent.json
    deleted              present once it is not wanted any more: no later wish takes that back
    state.json           how far it is
    audio/*.mp3          a copy of each finished chapter, named by its segments
    audio/book.*         the finished file
    report.json          of the finished book

Methods block. Every file is written whole or not at all.
"""

import contextlib
import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

import msgspec

from app.books.book import Book
from app.books.job import Job
from app.books.jobs.cache import RecordCache
from app.books.jobs.record import (
    ID_PATTERN,
    Contents,
    Intent,
    JobError,
    JobRequest,
    JobState,
    JobStatus,
    Wish,
    new_id,
)
from app.books.room import FULL
from app.errors import StorageFailure
from app.voices.files import sync_directory, write_atomically

NEW, DELETED = ".new-", ".deleted-"
MAX_NEW_AGE_S = 3600.0
"""Age in seconds above which a half-written file is a leftover of a killed server."""
DAMAGED = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""Errors of decoding a damaged JSON file."""
S = TypeVar("S")


class JobFolder:
    """Raises OSError where the disk fails, StorageFailure for damaged files."""

    def __init__(self, path: Path, cache: RecordCache | None = None) -> None:
        self.path = path
        self.job = Job(path)
        self._cache = cache or RecordCache()
        self.audio = path / "audio"
        self.report = path / "report.json"
        self._deleted = path / "deleted"

    def make(self, request: JobRequest, contents: Contents, book: Book) -> None:
        """Appears under its name when it is complete."""
        new = self.path.with_name(f"{NEW}{self.path.name}")
        try:
            (new / "audio").mkdir(parents=True)
            write_atomically(new / "book.msgpack", msgspec.msgpack.encode(book))
            write_atomically(new / "contents.json", msgspec.json.encode(contents))
            write_atomically(new / "intent.json", msgspec.json.encode(Wish(Intent.RUN, new_id())))
            write_atomically(new / "state.json", msgspec.json.encode(JobState()))
            write_atomically(new / "request.json", msgspec.json.encode(request))
            new.rename(self.path)
        except OSError:
            shutil.rmtree(new, ignore_errors=True)
            raise
        sync_directory(self.path.parent)

    def open(self) -> None:
        """Open the job, and remove what killed servers left half-written. Needs the lease."""
        self.job.open()
        # Any server may be writing an intent, or the state of a job that is resumed.
        waiting = [*self.path.glob(".intent.json.*"), *self.path.glob(".state.json.*")]
        left = [path for path in waiting if _age_s(path) > MAX_NEW_AGE_S]
        paused = self._paused(self.read_wish())
        left += [path for path in self.path.glob("paused-*") if path != paused]
        for path in (*left, *self.path.glob(".report.json.*"), *self.audio.glob(".*")):
            path.unlink(missing_ok=True)

    def read_request(self) -> JobRequest:
        return self._read("request.json", JobRequest)

    def read_contents(self) -> Contents:
        return self._read("contents.json", Contents)

    def read_book(self) -> Book:
        try:
            return msgspec.msgpack.decode((self.path / "book.msgpack").read_bytes(), type=Book)
        except DAMAGED as error:
            raise StorageFailure(f"the text of the job is damaged ({error}): delete it") from error

    def read_wish(self) -> Wish:
        if self._deleted.exists():  # also where intent.json is damaged
            return Wish(Intent.DELETE, "")
        wish = self._read_intent()
        if wish.intent is Intent.RUN and self._paused(wish).exists():
            return Wish(Intent.PAUSE, wish.id)
        return wish

    def resume(self) -> None:
        """Ask for a run. A damaged state is replaced first: it would say of each wish that its run has failed."""
        try:
            self._read("state.json", JobState)
        except StorageFailure:
            self.write_state(self.read_state())
        self._write_wish(Wish(Intent.RUN, new_id()))

    def pause(self) -> None:
        """Works on a full disk too, where it has room for the name of a file."""
        wish = self._read_intent()
        try:
            self._write_wish(Wish(Intent.PAUSE, wish.id))
        except OSError as error:
            if error.errno not in FULL:
                raise
            self._mark(self._paused(wish))

    def delete(self) -> None:
        """Ask for the removal of the job. A server that has its lease calls `remove`."""
        self._mark(self._deleted)
        # A client of NFS may not know for a minute of a file that is new, but knows at once of one that is replaced.
        with contextlib.suppress(OSError):
            self._write_wish(Wish(Intent.DELETE, ""))

    def is_deleted(self) -> bool:
        """False also where the wish is damaged or missing."""
        try:
            return self.read_wish().intent is Intent.DELETE
        except (FileNotFoundError, StorageFailure):
            return False

    def read_state(self) -> JobState:
        """A damaged one is that of a failed job, which can be resumed or deleted."""
        try:
            return self._read("state.json", JobState)
        except StorageFailure as error:
            failed = JobError(error.code, error.message)
            return JobState(status=JobStatus.FAILED, wish=self.read_wish().id, error=failed)

    def write_state(self, state: JobState) -> None:
        write_atomically(self.path / "state.json", msgspec.json.encode(state))

    @property
    def is_leased(self) -> bool:
        """True while a server works on it, and after one has died."""
        return (self.path / "lease.json").exists()

    def remove(self) -> None:
        """At once for readers; its files go afterwards."""
        gone = self.path.with_name(f"{DELETED}{self.path.name}")
        with contextlib.suppress(FileNotFoundError):
            self.path.rename(gone)
        shutil.rmtree(gone, ignore_errors=True)

    def _read_intent(self) -> Wish:
        """The wish of intent.json. Before wishes had ids, the file held an intent only, and "rest" after a run."""
        try:
            return self._read("intent.json", Wish)
        except StorageFailure:
            with contextlib.suppress(StorageFailure):
                intent = self._read("intent.json", Intent)
                return Wish(Intent.RUN if intent is Intent.REST else intent, "")
            raise

    def _write_wish(self, wish: Wish) -> None:
        write_atomically(self.path / "intent.json", msgspec.json.encode(wish))

    def _mark(self, path: Path) -> None:
        path.touch()
        sync_directory(self.path)

    def _paused(self, wish: Wish) -> Path:
        return self.path / f"paused-{wish.id}"

    def _read(self, name: str, kind: type[S]) -> S:
        try:
            return self._cache.read(self.path / name, kind)
        except DAMAGED as error:
            raise StorageFailure(f"{name} of the job is damaged ({error}): delete it") from error


class JobFolders:
    """`root` is made when a job is."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._cache = RecordCache()

    def folder(self, id: str) -> JobFolder:
        return JobFolder(self.root / id, self._cache)

    def ids(self) -> Iterator[str]:
        """Jobs of callers; those of `chorus book` have other names."""
        try:
            paths = sorted(self.root.iterdir())
        except FileNotFoundError:
            return
        for path in paths:
            if re.fullmatch(ID_PATTERN, path.name):
                yield path.name

    def clean(self) -> None:
        """Remove what killed servers left."""
        with contextlib.suppress(OSError):
            for path in [*self.root.glob(f"{DELETED}*"), *self.root.glob(f"{NEW}*")]:
                if path.name.startswith(DELETED) or _age_s(path) > MAX_NEW_AGE_S:
                    shutil.rmtree(path, ignore_errors=True)

    def free_bytes(self) -> int:
        """Room on the disk."""
        place = next(path for path in (self.root, *self.root.parents) if path.exists())
        return shutil.disk_usage(place).free


def _age_s(path: Path) -> float:
    """0 for a file that is not there any more."""
    try:
        return time.time() - path.stat().st_mtime
    except FileNotFoundError:
        return 0.0
