"""A server that was suspended, and whose job another one has taken meanwhile, shows nothing of its own."""

import asyncio
import threading
from pathlib import Path
from typing import Any

import msgspec
import pytest

from app.books.jobs import making, worker
from app.books.jobs.folder import JobFolder
from app.books.jobs.keeper import BookJobs
from app.books.jobs.record import JobState, JobStatus
from app.books.lease import Owner
from app.voices.files import write_atomically
from tests.support.book_keeper import OWNER, book_of, keeping, request_for

HEIR = Owner("heir", "another machine", "elsewhere", 1)


@pytest.fixture(autouse=True)
def looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "LOOK_S", 0.02)


class Suspended:
    """Stops a thread that writes audio, until `wake`."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, method: str) -> None:
        self.is_writing, self.wake = threading.Event(), threading.Event()
        write = getattr(making.Mastering, method)

        def write_and_wait(mastering: making.Mastering, *arguments: Any, **options: Any) -> None:
            write(mastering, *arguments, **options)
            self.is_writing.set()
            assert self.wake.wait(20)

        monkeypatch.setattr(making.Mastering, method, write_and_wait)


async def begin(jobs: BookJobs) -> str:
    book = book_of("One bell rang here.")
    return (await jobs.create(request_for(book), book)).request.id


async def until_stopped(jobs: BookJobs, id: str) -> None:
    async with asyncio.timeout(20):
        while jobs.worker.state(id) is not None:
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("has_finished", [False, True], ids=["the heir works", "the heir has finished"])
@pytest.mark.parametrize("method", ["write_chapter", "write_book"])
def test_nothing_is_shown_by_a_server_that_has_lost_its_lease(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str, has_finished: bool
) -> None:
    sleeper = Suspended(monkeypatch, method)

    async def scenario() -> None:
        async with keeping(tmp_path) as (jobs, _):
            id = await begin(jobs)
            assert await asyncio.to_thread(sleeper.is_writing.wait, 20)
            folder = jobs.folder(await jobs.get(OWNER, id))
            shown = sorted(path.name for path in folder.audio.iterdir() if not path.name.startswith("."))
            lease = folder.path / "lease.json"
            if has_finished:
                lease.unlink()
            else:
                write_atomically(lease, msgspec.json.encode(HEIR))
            state = JobState(status=JobStatus.FINISHED, seconds=1.0)
            folder.write_state(state)
            sleeper.wake.set()
            await until_stopped(jobs, id)
            assert folder.read_state() == state
            assert sorted(path.name for path in folder.audio.iterdir()) == shown
            assert not folder.report.exists()

    asyncio.run(scenario())


def test_a_run_that_is_stopped_keeps_its_lease_until_its_thread_removes_no_more_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_folder, is_opening, may_open = JobFolder.open, threading.Event(), threading.Event()

    def open_slowly(folder: JobFolder) -> None:
        is_opening.set()
        assert may_open.wait(20)
        open_folder(folder)

    monkeypatch.setattr(JobFolder, "open", open_slowly)

    async def scenario() -> None:
        async with keeping(tmp_path) as (jobs, _):
            id = await begin(jobs)
            assert await asyncio.to_thread(is_opening.wait, 20)
            lease = tmp_path / "jobs" / id / "lease.json"
            stopping = asyncio.ensure_future(jobs.worker.aclose())
            await asyncio.wait((stopping,), timeout=0.1)
            has_lease = lease.exists()
            may_open.set()
            await stopping
            assert has_lease
            assert not lease.exists()

    asyncio.run(scenario())
