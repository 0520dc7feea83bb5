"""Jobs on a shared data folder: which server works, and what becomes of a job in bad times."""

import asyncio
import os
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import pytest

from app.books.job import Job
from app.books.jobs import making, studio, worker
from app.books.jobs.folder import JobFolders
from app.books.jobs.keeper import BookJobs, JobView
from app.books.jobs.record import Intent, JobRequest, JobState, JobStatus, Wish
from app.books.lease import Owner, machine_id
from app.engine.scheduler import Request
from app.engine.stream import ChunkStream
from app.errors import QueueFull, SteppedAside, TooManyJobs, UnknownJob
from app.voices.files import write_atomically
from tests.support.book_keeper import OWNER, book_of, keeping, request_for, until
from tests.support.fake_engine import FakeEngine

TEXTS = ("One bell rang here.", "We wait for the second bell.", "Three bells rang far away.")


@pytest.fixture(autouse=True)
def looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "LOOK_S", 0.02)
    monkeypatch.setattr(worker, "ELSEWHERE_S", 0.02)
    monkeypatch.setattr(making, "FLUSH_S", 0.02)


def is_finished(view: JobView) -> bool:
    return view.state.status is JobStatus.FINISHED


def has_failed(view: JobView) -> bool:
    return view.state.status is JobStatus.FAILED


async def begin(jobs: BookJobs, *texts: str, owner: str = OWNER, created_at: str = "2026-01-31T12:00:00Z") -> str:
    book = book_of(*texts)
    view = await jobs.create(request_for(book, owner=owner, created_at=created_at), book)
    return view.request.id


def test_two_servers_make_one_job_once_and_both_show_it(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with keeping(tmp_path) as (first, one), keeping(tmp_path) as (second, other):
            id = await begin(first, *TEXTS)
            for jobs in (first, second):
                await until(jobs, id, lambda view: view.state.status is JobStatus.SPEAKING)
            one.release.set()
            other.release.set()
            for jobs in (first, second):
                await until(jobs, id, is_finished)
            assert {len(one.requests), len(other.requests)} == {0, 3}

    asyncio.run(scenario())


def test_another_server_pauses_and_deletes_what_the_first_one_makes(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with keeping(tmp_path) as (first, _), keeping(tmp_path, is_started=False) as (second, _):
            id = await begin(first, *TEXTS)
            await until(first, id, lambda view: view.state.status is JobStatus.SPEAKING)
            assert (await second.pause(OWNER, id)).state.status is JobStatus.PAUSED
            while first.worker.state(id) is not None:
                await asyncio.sleep(0.01)
            assert (await first.get(OWNER, id)).state.status is JobStatus.PAUSED
            await second.delete(OWNER, id)
            while (tmp_path / "jobs" / id).exists():
                await asyncio.sleep(0.01)
            with pytest.raises(UnknownJob):
                await first.get(OWNER, id)

    asyncio.run(scenario())


def test_the_job_of_a_server_that_died_on_another_machine_is_taken_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.books.lease.TTL_S", 0.05)
    monkeypatch.setattr("app.books.lease.LOOK_S", 0.01)

    async def scenario() -> None:
        async with keeping(tmp_path, is_started=False) as (jobs, engine):
            engine.release.set()
            id = await begin(jobs, *TEXTS)
            dead = Owner("token", f"not {machine_id()}", "elsewhere", 1)
            write_atomically(tmp_path / "jobs" / id / "lease.json", msgspec.json.encode(dead))
            jobs.start()
            await until(jobs, id, is_finished)

    asyncio.run(scenario())


def test_a_stopped_server_goes_on_with_what_is_missing(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with keeping(tmp_path) as (jobs, _):
            id = await begin(jobs, *TEXTS)
            await until(jobs, id, lambda view: len(view.state.copies) == 1)
        async with keeping(tmp_path) as (jobs, engine):
            engine.release.set()
            view = await until(jobs, id, is_finished)
            assert [copy.number for copy in view.state.copies] == [1, 2, 3]
            assert [request.sequences[0].segment.text for request in engine.requests] == [TEXTS[1]]

    asyncio.run(scenario())


def test_a_voice_that_is_deleted_ends_the_job_with_the_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(studio, "VOICE_CHECK_S", 0.0)

    async def scenario() -> None:
        async with keeping(tmp_path) as (jobs, engine):
            book = book_of(*[f"We wait for bell {number}." for number in range(12)])  # more than are begun at a time
            request = request_for(book)
            await jobs.create(request, book)
            await until(jobs, request.id, lambda view: view.state.status is JobStatus.SPEAKING)
            while not engine.requests:
                await asyncio.sleep(0.01)
            monkeypatch.setattr("tests.support.fake_engine.SPEAKERS", ())
            await jobs.worker._service.voices.list(refresh=True)
            engine.release.set()
            view = await until(jobs, request.id, has_failed)
            assert view.state.error is not None
            assert view.state.error.code == "unknown_speaker"

    asyncio.run(scenario())


class YieldingEngine(FakeEngine):
    """Stops the first two segments for callers."""

    num_stopped = 0

    def submit(self, request):  # type: ignore[no-untyped-def]
        stream = super().submit(request)
        if self.num_stopped < 2:
            self.num_stopped += 1
            stream.fail(SteppedAside("stopped"))
        return stream


def test_a_segment_that_stepped_aside_is_made_again(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with keeping(tmp_path, YieldingEngine()) as (jobs, engine):
            id = await begin(jobs, "One bell rang here.", "Two bells rang there.")
            await until(jobs, id, is_finished)
            assert len(engine.requests) == 4
            assert all(request.is_background for request in engine.requests)

    asyncio.run(scenario())


def test_a_chapter_without_sound_is_a_chapter(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with keeping(tmp_path) as (jobs, _):
            id = await begin(jobs, "One bell rang here.", "世界", "Two bells rang there.")
            view = await until(jobs, id, is_finished)
            assert [copy.number for copy in view.state.copies] == [1, 2, 3]
            assert any("世" in warning for warning in view.state.warnings)

    asyncio.run(scenario())


def test_callers_with_fewer_jobs_under_way_go_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "MAX_WORKED_ON", 2)

    async def scenario() -> None:
        async with keeping(tmp_path, is_started=False) as (jobs, _):
            first = await begin(jobs, TEXTS[1], owner="ada", created_at="2026-01-31T12:00:00Z")
            later = await begin(jobs, TEXTS[1], owner="ada", created_at="2026-01-31T12:00:01Z")
            other = await begin(jobs, TEXTS[1], owner="bob", created_at="2026-01-31T12:00:02Z")
            jobs.start()
            await until(jobs, first, lambda view: view.state.status is JobStatus.SPEAKING, owner="ada")
            await until(jobs, other, lambda view: view.state.status is JobStatus.SPEAKING, owner="bob")
            assert (await jobs.get("ada", later)).state.status is JobStatus.QUEUED

    asyncio.run(scenario())


def test_a_job_with_a_damaged_state_has_failed_and_is_made_again_when_it_is_resumed(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with keeping(tmp_path) as (jobs, engine):
            id = await begin(jobs, "One bell rang here.")
            await until(jobs, id, is_finished)
            while jobs.worker.state(id) is not None:
                await asyncio.sleep(0.01)
            (tmp_path / "jobs" / id / "state.json").write_bytes(b"{")
            [view] = await jobs.jobs_of(OWNER)
            assert view.state.error is not None
            assert view.state.error.code == "storage_failure"
            await jobs.resume(OWNER, id)
            await until(jobs, id, is_finished)
            assert len(engine.requests) == 1

    asyncio.run(scenario())


@pytest.mark.parametrize("content", [b"{", b'{"id": "\xff"}', b"[" * 100_000])
def test_a_damaged_request_hides_its_job_and_no_other(tmp_path: Path, content: bytes) -> None:
    async def scenario() -> None:
        async with keeping(tmp_path, is_started=False) as (jobs, _):
            damaged, id = await begin(jobs, "One bell."), await begin(jobs, "Two bells.")
        (tmp_path / "jobs" / damaged / "request.json").write_bytes(content)
        async with keeping(tmp_path) as (jobs, _):
            await until(jobs, id, is_finished)
            assert [view.request.id for view in await jobs.jobs_of(OWNER)] == [id]

    asyncio.run(scenario())


def test_folders_of_chorus_book_are_no_jobs_of_a_server_and_leftovers_are_removed(tmp_path: Path) -> None:
    root = tmp_path / "jobs"
    for name in ("novel-0123456789ab", f".deleted-{'0' * 24}", f".new-{'1' * 24}"):
        (root / name).mkdir(parents=True)
    folders = JobFolders(root)
    folders.clean()
    assert list(folders.ids()) == []
    assert sorted(path.name for path in root.iterdir()) == [f".new-{'1' * 24}", "novel-0123456789ab"]


def test_a_finished_job_rests(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with keeping(tmp_path) as (jobs, _):
            id = await begin(jobs, "One bell rang here.")
            view = await until(jobs, id, is_finished)
            while jobs.worker.state(id) is not None:
                await asyncio.sleep(0.01)
            folder = jobs.folder(view)
            assert folder.read_state().intent(folder.read_wish()) is Intent.REST
            assert jobs.worker.num_by_status == {JobStatus.FINISHED: 1}

    asyncio.run(scenario())


def test_no_later_wish_takes_a_deletion_back(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with keeping(tmp_path, is_started=False) as (jobs, _):
            view = await jobs.get(OWNER, await begin(jobs, "One bell."))
            await jobs.delete(OWNER, view.request.id)
            folder = jobs.folder(view)
            folder.resume()  # by another caller just now
            assert folder.read_wish().intent is Intent.DELETE
            assert await jobs.jobs_of(OWNER) == []

    asyncio.run(scenario())


def test_a_run_that_begins_removes_nothing_that_a_caller_is_writing(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with keeping(tmp_path, is_started=False) as (jobs, _):
            view = await jobs.get(OWNER, await begin(jobs, "One bell."))
            writing = jobs.folder(view).path / ".intent.json.abc"
            writing.touch()
            jobs.folder(view).job.open()
            assert writing.exists()

    asyncio.run(scenario())


def test_a_run_that_begins_removes_what_killed_servers_left(tmp_path: Path) -> None:
    left = (
        "audio/.00001-a.mp3.dead.partial", "audio/.book.flac.partial", ".report.json.abc", ".lease.json.abc",
        ".job.json.abc", ".state.json.old", ".intent.json.old",
    )  # fmt: skip

    async def scenario() -> None:
        async with keeping(tmp_path, is_started=False) as (jobs, _):
            id = await begin(jobs, "One bell rang here.")
            folder = jobs.folder(await jobs.get(OWNER, id)).path
            for name in left:
                (folder / name).write_bytes(b"half")
                os.utime(folder / name, (0, 0))
            (folder / ".state.json.new").write_bytes(b"half")
            jobs.start()
            await until(jobs, id, is_finished)
            assert [name for name in left if (folder / name).exists()] == []
            assert (folder / ".state.json.new").exists()

    asyncio.run(scenario())


def test_a_state_that_does_not_change_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reads: Counter[type] = Counter()
    decode = msgspec.json.decode

    def decode_and_count(data: bytes, *, type: type[Any]) -> Any:
        reads[type] += 1
        return decode(data, type=type)

    async def scenario() -> None:
        async with keeping(tmp_path, is_started=False) as (jobs, _), keeping(tmp_path, is_started=False) as (other, _):
            id = await begin(jobs, "One bell rang here.")
            monkeypatch.setattr(msgspec.json, "decode", decode_and_count)
            for _ in range(5):
                assert (await jobs.get(OWNER, id)).state.status is JobStatus.QUEUED
            assert reads == {JobRequest: 1, Wish: 1, JobState: 1}
            await other.pause(OWNER, id)
            assert (await jobs.get(OWNER, id)).state.status is JobStatus.PAUSED
            await other.resume(OWNER, id)
            assert (await jobs.get(OWNER, id)).state.status is JobStatus.QUEUED

    asyncio.run(scenario())


def test_a_job_that_goes_on_has_its_ready_chapters_from_the_start(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with keeping(tmp_path) as (jobs, _):
            id = await begin(jobs, *TEXTS)
            await until(jobs, id, lambda view: len(view.state.copies) == 1)
        opening, may_open = threading.Event(), threading.Event()

        def open_slowly(job: Job) -> None:
            opening.set()
            may_open.wait(20)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Job, "open", open_slowly)
            async with keeping(tmp_path) as (jobs, _):
                await asyncio.to_thread(opening.wait, 20)
                assert len((await jobs.get(OWNER, id)).state.copies) == 1
                may_open.set()
                await jobs.pause(OWNER, id)
                assert len((await jobs.get(OWNER, id)).state.copies) == 1

    asyncio.run(scenario())


def test_a_full_queue_ends_no_job(tmp_path: Path) -> None:
    """The loudness of a voice is measured beside the requests of callers."""

    async def scenario() -> None:
        engine = FakeEngine()
        submit, refusals = engine.submit, [QueueFull("full", retry_after_s=1)] * 2

        def submit_or_refuse(request: Request) -> ChunkStream:
            if refusals:
                raise refusals.pop()
            return submit(request)

        engine.submit = submit_or_refuse  # type: ignore[method-assign]
        async with keeping(tmp_path, engine) as (jobs, _):
            await until(jobs, await begin(jobs, "One bell rang here."), is_finished)
        assert not refusals

    asyncio.run(scenario())


def test_where_no_books_are_made_jobs_are_deleted_and_not_resumed(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with keeping(tmp_path, is_started=False) as (jobs, _):
            id = await begin(jobs, "One bell rang here.")
        async with keeping(tmp_path, max_jobs=0) as (jobs, _):
            with pytest.raises(TooManyJobs, match="makes no books"):
                await jobs.resume(OWNER, id)
            await jobs.delete(OWNER, id)
            assert not (tmp_path / "jobs" / id).exists()

    asyncio.run(scenario())
