"""Jobs of a server whose disk is full: they wait, make nothing twice, and go on when there is room."""

import asyncio
import errno
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from app.books import room
from app.books.job import ChapterPlan, Job, Manifest
from app.books.jobs import making, worker
from app.books.jobs.folder import JobFolder
from app.books.jobs.keeper import BookJobs, JobView
from app.books.jobs.record import Intent, JobState, JobStatus
from app.engine.values import Samples
from app.errors import StorageFailure, UnknownJob
from app.voices.files import write_atomically
from tests.support.book_keeper import OWNER, book_of, keeping, request_for, until

WORKING = (JobStatus.QUEUED, JobStatus.SPEAKING, JobStatus.WRITING, JobStatus.FULL)
NO_ROOM = OSError(errno.ENOSPC, "No space left on device")


@pytest.fixture(autouse=True)
def looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "LOOK_S", 0.02)
    monkeypatch.setattr(worker, "ELSEWHERE_S", 0.02)
    monkeypatch.setattr(making, "FLUSH_S", 0.02)
    monkeypatch.setattr(room, "ROOM_CHECK_S", 0.01)


def is_finished(view: JobView) -> bool:
    return view.state.status is JobStatus.FINISHED


def has_status(status: JobStatus) -> Callable[[JobView], bool]:
    return lambda view: view.state.status is status


async def begin(jobs: BookJobs, *texts: str) -> str:
    book = book_of(*texts)
    return (await jobs.create(request_for(book), book)).request.id


def test_a_full_disk_pauses_the_job_and_it_goes_on_when_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_full = True
    write = Job.write_segment

    def write_if_there_is_room(job: Job, key: str, samples: Samples, sample_rate_hz: int) -> None:
        if is_full:
            raise OSError(errno.ENOSPC, "No space left on device")
        write(job, key, samples, sample_rate_hz)

    monkeypatch.setattr(Job, "write_segment", write_if_there_is_room)

    async def scenario() -> None:
        nonlocal is_full
        async with keeping(tmp_path) as (jobs, _):
            id = await begin(jobs, "One bell rang here.", "Two bells rang there.")
            await until(jobs, id, lambda view: view.state.status is JobStatus.FULL)
            is_full = False
            view = await until(jobs, id, is_finished)
            assert view.state.error is None

    asyncio.run(scenario())


def test_the_file_of_a_book_waits_for_room_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    num_tries = 0
    write = making.Mastering.write_book

    def write_at_the_third_try(mastering: making.Mastering, file: BinaryIO) -> None:
        nonlocal num_tries
        num_tries += 1
        if num_tries < 3:
            file.write(b"half of it")
            raise OSError(errno.ENOSPC, "No space left on device")
        write(mastering, file)

    monkeypatch.setattr(making.Mastering, "write_book", write_at_the_third_try)

    async def scenario() -> None:
        async with keeping(tmp_path) as (jobs, _):
            id = await begin(jobs, "One bell rang here.")
            view = await until(jobs, id, is_finished)
            audio = jobs.folder(view).audio
            assert sorted(path.suffix for path in audio.iterdir()) == [".flac", ".mp3"]
            assert (audio / view.state.file).read_bytes()[:4] == b"fLaC"

    asyncio.run(scenario())


def test_a_status_of_a_full_disk_ends_with_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Segments find the disk full first, and then the copy of a chapter."""
    is_full, num_written, num_held = False, 0, 0
    have_waited: set[str] = set()
    segment_waits, may_go_on = threading.Event(), threading.Event()
    write_segment, write_chapter = Job.write_segment, making.Mastering.write_chapter

    def store(job: Job, key: str, samples: Samples, sample_rate_hz: int) -> None:
        nonlocal is_full, num_written, num_held
        if is_full:
            have_waited.add(key)
            segment_waits.set()
            raise NO_ROOM
        num_written += 1
        is_full = num_written == 1
        if num_written > 1 and key not in have_waited and not num_held:
            num_held += 1  # one is held, so that the book is still being spoken
            assert may_go_on.wait(20)
        write_segment(job, key, samples, sample_rate_hz)

    def copy(mastering: making.Mastering, plan: ChapterPlan, file: BinaryIO, **options: Any) -> None:
        assert segment_waits.wait(20)
        if is_full:
            raise NO_ROOM
        write_chapter(mastering, plan, file, **options)

    monkeypatch.setattr(Job, "write_segment", store)
    monkeypatch.setattr(making.Mastering, "write_chapter", copy)

    async def scenario() -> None:
        nonlocal is_full
        async with keeping(tmp_path) as (jobs, _):
            id = await begin(jobs, *[f"Bell {number} rang here." for number in range(8)])
            await until(jobs, id, has_status(JobStatus.FULL))
            is_full = False
            await until(jobs, id, lambda view: len(view.state.copies) > 0)
            await until(jobs, id, has_status(JobStatus.SPEAKING))
            may_go_on.set()
            await until(jobs, id, is_finished)

    asyncio.run(scenario())


def test_the_manifest_waits_for_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refusals = [NO_ROOM] * 2
    write = Job.write_manifest

    def write_at_the_third_try(job: Job, manifest: Manifest) -> None:
        if refusals:
            raise refusals.pop()
        write(job, manifest)

    monkeypatch.setattr(Job, "write_manifest", write_at_the_third_try)

    async def scenario() -> None:
        async with keeping(tmp_path) as (jobs, _):
            view = await until(jobs, await begin(jobs, "One bell."), lambda view: view.state.status not in WORKING)
            assert (view.state.status, view.state.error) == (JobStatus.FINISHED, None)

    asyncio.run(scenario())


def test_an_end_that_waits_for_room_makes_no_book_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refusals, num_books = [NO_ROOM] * 3, 0
    write_state, write_book = JobFolder.write_state, making.Mastering.write_book

    def store(folder: JobFolder, state: JobState) -> None:
        if refusals and state.status is JobStatus.FINISHED:
            raise refusals.pop()
        write_state(folder, state)

    def write(mastering: making.Mastering, file: BinaryIO) -> None:
        nonlocal num_books
        num_books += 1
        write_book(mastering, file)

    monkeypatch.setattr(JobFolder, "write_state", store)
    monkeypatch.setattr(making.Mastering, "write_book", write)

    async def scenario() -> None:
        async with keeping(tmp_path) as (jobs, _):
            view = await until(jobs, await begin(jobs, "One bell rang here."), is_finished)
            while jobs.worker.state(view.request.id) is not None:
                await asyncio.sleep(0.01)
            assert jobs.folder(view).read_state().status is JobStatus.FINISHED
        assert (refusals, num_books) == ([], 1)

    asyncio.run(scenario())


def test_a_job_for_whose_lease_there_is_no_room_says_so_and_can_be_deleted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, data: bytes) -> None:
        raise NO_ROOM

    monkeypatch.setattr("app.books.lease.write_atomically", refuse)

    async def scenario() -> None:
        async with keeping(tmp_path) as (jobs, engine):
            id = await begin(jobs, "One bell rang here.")
            await until(jobs, id, has_status(JobStatus.FULL))
            await jobs.delete(OWNER, id)
            while (tmp_path / "jobs" / id).exists():
                await asyncio.sleep(0.01)
            with pytest.raises(UnknownJob):
                await jobs.get(OWNER, id)
            assert engine.requests == []

    asyncio.run(scenario())


def test_a_job_that_waits_for_room_is_paused_at_once_and_goes_on_when_it_is_resumed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "ROOM_CHECK_S", 1000.0)
    is_full, write = False, write_atomically

    def write_if_there_is_room(path: Path, data: bytes) -> None:
        if is_full and path.name != "lease.json":
            raise NO_ROOM
        write(path, data)

    for module in ("app.books.job", "app.books.jobs.folder"):
        monkeypatch.setattr(f"{module}.write_atomically", write_if_there_is_room)

    async def scenario() -> None:
        nonlocal is_full
        async with keeping(tmp_path) as (jobs, engine), keeping(tmp_path, is_started=False) as (other, _):
            id = await begin(jobs, "We wait for the bell.")
            await until(jobs, id, has_status(JobStatus.SPEAKING))
            is_full = True
            engine.release.set()
            await until(jobs, id, has_status(JobStatus.FULL))
            assert (await jobs.pause(OWNER, id)).state.status is JobStatus.PAUSED
            assert jobs.worker.state(id) is None
            assert (await other.get(OWNER, id)).state.status is JobStatus.PAUSED
            assert (await jobs.worker.find())[id].intent is Intent.PAUSE
            with pytest.raises(StorageFailure):
                await jobs.resume(OWNER, id)
            assert (await jobs.get(OWNER, id)).state.status is JobStatus.PAUSED
            is_full = False
            await jobs.resume(OWNER, id)
            view = await until(jobs, id, is_finished)
            assert list(jobs.folder(view).path.glob("paused-*")) == []

    asyncio.run(scenario())


def test_a_run_that_finds_the_disk_full_at_its_begin_waits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    is_full, open_job = True, Job.open

    def open_if_there_is_room(job: Job) -> None:
        if is_full:
            raise NO_ROOM
        open_job(job)

    monkeypatch.setattr(Job, "open", open_if_there_is_room)

    async def scenario() -> None:
        nonlocal is_full
        async with keeping(tmp_path) as (jobs, _):
            id = await begin(jobs, "One bell rang here.")
            view = await until(jobs, id, lambda view: view.state.status is not JobStatus.QUEUED)
            assert view.state.status is JobStatus.FULL
            is_full = False
            await until(jobs, id, is_finished)

    asyncio.run(scenario())


def test_a_job_that_waits_for_room_elsewhere_shows_no_file_that_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server before was killed while it wrote the file. This one has no room for the lease."""

    def refuse(path: Path, data: bytes) -> None:
        raise NO_ROOM

    monkeypatch.setattr("app.books.lease.write_atomically", refuse)

    async def scenario() -> None:
        async with keeping(tmp_path, is_started=False) as (jobs, _):
            id = await begin(jobs, "One bell rang here.")
            folder = jobs.folder(await jobs.get(OWNER, id))
            folder.write_state(JobState(status=JobStatus.WRITING, written_percent=40))
            jobs.start()
            view = await until(jobs, id, has_status(JobStatus.FULL))
            assert view.state.written_percent is None

    asyncio.run(scenario())
