"""Pausing and resuming a job at any moment, at any of the servers that share a data folder."""

import asyncio
import threading
from pathlib import Path
from typing import BinaryIO

import pytest

from app.books.job import ChapterHead
from app.books.jobs import making, worker
from app.books.jobs.finding import Found, find_jobs
from app.books.jobs.folder import JobFolder, JobFolders
from app.books.jobs.keeper import BookJobs
from app.books.jobs.record import Contents, Intent, JobState, JobStatus
from app.errors import StorageFailure, UnknownJob
from app.voices.files import write_atomically
from tests.support.book_keeper import OWNER, book_of, keeping, request_for, until


@pytest.fixture(autouse=True)
def looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "LOOK_S", 0.02)
    monkeypatch.setattr(worker, "ELSEWHERE_S", 0.02)


async def begin(jobs: BookJobs, *texts: str) -> str:
    book = book_of(*texts)
    return (await jobs.create(request_for(book), book)).request.id


async def until_at_rest(jobs: BookJobs, id: str) -> None:
    async with asyncio.timeout(20):
        while jobs.worker.state(id) is not None:
            await asyncio.sleep(0.01)


def test_a_failed_job_that_another_server_resumes_at_once_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first server is held behind its last state."""
    has_failed, is_resumed = threading.Event(), threading.Event()
    write_state = JobFolder.write_state

    def write_and_wait(folder: JobFolder, state: JobState) -> None:
        write_state(folder, state)
        if state.status is JobStatus.FAILED and not has_failed.is_set():
            has_failed.set()
            assert is_resumed.wait(20)

    monkeypatch.setattr(JobFolder, "write_state", write_and_wait)

    async def scenario() -> None:
        async with keeping(tmp_path) as (first, engine), keeping(tmp_path, is_started=False) as (second, _):
            id = await begin(first, "Segments that fail.")
            assert await asyncio.to_thread(has_failed.wait, 20)
            num_requests = len(engine.requests)
            assert (await second.resume(OWNER, id)).state.status is JobStatus.QUEUED
            is_resumed.set()
            async with asyncio.timeout(20):
                while len(engine.requests) < 2 * num_requests:
                    await asyncio.sleep(0.01)

    asyncio.run(scenario())


def test_a_look_between_two_writes_of_a_resume_hides_no_wish(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The state is damaged, so that it is written anew."""
    folders, found, write = JobFolders(tmp_path), dict[str, Found](), write_atomically
    book = book_of("One bell rang here.")
    request = request_for(book)
    folder = folders.folder(request.id)
    folder.make(request, Contents((ChapterHead(1, "One"),), (1,)), book)
    (folder.path / "state.json").write_bytes(b"{")

    def write_and_look(path: Path, data: bytes) -> None:
        nonlocal found
        write(path, data)
        found = find_jobs(folders, found, {})

    found = find_jobs(folders, found, {})
    assert found[request.id].intent is Intent.REST
    monkeypatch.setattr("app.books.jobs.folder.write_atomically", write_and_look)
    folder.resume()
    assert find_jobs(folders, found, {})[request.id].intent is Intent.RUN


def test_a_job_that_is_paused_and_resumed_before_its_server_looks_is_made_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "LOOK_S", 1000.0)
    num_books, write_book = 0, making.Mastering.write_book

    def write(mastering: making.Mastering, file: BinaryIO) -> None:
        nonlocal num_books
        num_books += 1
        write_book(mastering, file)

    monkeypatch.setattr(making.Mastering, "write_book", write)

    async def scenario() -> None:
        async with keeping(tmp_path) as (first, engine), keeping(tmp_path, is_started=False) as (second, _):
            id = await begin(first, "We wait for the bell.")
            view = await until(first, id, lambda view: view.state.status is JobStatus.SPEAKING)
            assert (await second.pause(OWNER, id)).state.status is JobStatus.PAUSED
            await second.resume(OWNER, id)
            engine.release.set()
            await until(first, id, lambda view: view.state.status is JobStatus.FINISHED)
            await until_at_rest(first, id)
            assert (await first.worker.find())[id].intent is Intent.REST
            assert (await second.get(OWNER, id)).state == first.folder(view).read_state()

    asyncio.run(scenario())
    assert num_books == 1


def test_a_job_that_is_resumed_where_it_is_made_goes_on_though_another_server_paused_it_just_now(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server that makes the job does not look before it is asked to resume."""
    monkeypatch.setattr(worker, "LOOK_S", 1000.0)

    async def scenario() -> None:
        async with keeping(tmp_path) as (first, engine), keeping(tmp_path, is_started=False) as (second, _):
            id = await begin(first, "We wait for the bell.")
            await until(first, id, lambda view: view.state.status is JobStatus.SPEAKING)
            await second.pause(OWNER, id)
            assert (await first.get(OWNER, id)).state.status is JobStatus.PAUSED
            assert (await first.resume(OWNER, id)).state.status is JobStatus.SPEAKING
            assert (await first.worker.find())[id].intent is Intent.RUN
            engine.release.set()
            await until(first, id, lambda view: view.state.status is JobStatus.FINISHED)

    asyncio.run(scenario())


@pytest.mark.parametrize("intent", [b'"run"', b'"pause"', b'"rest"'])
def test_a_job_from_before_wishes_had_ids_is_shown_resumed_and_deleted(tmp_path: Path, intent: bytes) -> None:
    statuses = {b'"run"': JobStatus.QUEUED, b'"pause"': JobStatus.PAUSED, b'"rest"': JobStatus.FAILED}
    stored = JobStatus.FAILED if intent == b'"rest"' else JobStatus.QUEUED

    async def scenario() -> None:
        async with keeping(tmp_path, is_started=False) as (jobs, engine):
            engine.release.set()
            id = await begin(jobs, "One bell rang here.")
            folder = tmp_path / "jobs" / id
            (folder / "intent.json").write_bytes(intent)
            (folder / "state.json").write_bytes(b'{"status":"%s"}' % stored.encode())
            [view] = await jobs.jobs_of(OWNER)
            assert view.state.status is statuses[intent]
            await jobs.resume(OWNER, id)
            jobs.start()
            await until(jobs, id, lambda view: view.state.status is JobStatus.FINISHED)
            await jobs.delete(OWNER, id)
            with pytest.raises(UnknownJob):
                await jobs.get(OWNER, id)

    asyncio.run(scenario())


@pytest.mark.parametrize("content", [b"{", b'"sleep"', b'{"intent":"sleep","id":""}'])
def test_a_job_with_a_damaged_wish_is_logged_once_and_can_be_deleted_by_its_owner(
    tmp_path: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario() -> None:
        async with keeping(tmp_path, is_started=False) as (jobs, _):
            id = await begin(jobs, "One bell rang here.")
            folder = tmp_path / "jobs" / id
            (folder / "intent.json").write_bytes(content)
            for _ in range(3):
                assert await jobs.jobs_of(OWNER) == []
            with pytest.raises(StorageFailure):
                await jobs.get(OWNER, id)
            with pytest.raises(UnknownJob):
                await jobs.delete("bob", id)
            await jobs.delete(OWNER, id)
            for ask in (jobs.get, jobs.delete):
                with pytest.raises(UnknownJob):
                    await ask(OWNER, id)
            jobs.start()
            async with asyncio.timeout(20):
                while folder.exists():
                    await asyncio.sleep(0.01)

    asyncio.run(scenario())
    assert len([record for record in caplog.records if "cannot be read" in record.message]) == 1


def test_a_mark_of_deletion_holds_beside_a_damaged_wish(tmp_path: Path) -> None:
    """The wish of a deletion could not be written beside its mark."""
    folder = JobFolder(tmp_path)
    (tmp_path / "intent.json").write_bytes(b"{")
    (tmp_path / "deleted").touch()
    assert folder.read_wish().intent is Intent.DELETE
