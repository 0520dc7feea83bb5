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
        found = find_jobs(folders, found)

    found = find_jobs(folders, found)
    assert found[request.id].intent is Intent.REST
    monkeypatch.setattr("app.books.jobs.folder.write_atomically", write_and_look)
    folder.resume()
    assert find_jobs(folders, found)[request.id].intent is Intent.RUN


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
