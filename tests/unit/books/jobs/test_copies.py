"""Copies of finished chapters that follow their segments."""

import asyncio
import errno
import threading
from pathlib import Path

import msgspec
import pytest

from app.books.job import ChapterHead, ChapterPlan
from app.books.jobs import making, worker
from app.books.jobs.copies import ChapterCopies
from app.books.jobs.folder import JobFolder
from app.books.jobs.keeper import JobView
from app.books.jobs.record import ChapterCopy, JobState, JobStatus
from app.books.lease import Lease, Owner, hold
from app.errors import JobInUse
from app.voices.files import write_atomically
from tests.support.book_jobs import make_job, speech
from tests.support.book_keeper import book_of, keeping, request_for, until
from tests.support.fake_recognizer import FakeRecognizer
from tests.support.samples import decoded

TEXTS = ("One bell rang here.", "Two bells rang there.", "We wait for the third bell.")


@pytest.fixture(autouse=True)
def looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "LOOK_S", 0.02)
    monkeypatch.setattr(making, "FLUSH_S", 0.02)


def has_copies(view: JobView) -> bool:
    return len(view.state.copies) == 2


def is_finished(view: JobView) -> bool:
    return view.state.status is JobStatus.FINISHED


def test_a_segment_that_a_later_run_replaces_is_in_a_new_copy_of_its_chapter(tmp_path: Path) -> None:
    """The first run has no recogniser. That of the second one refuses the reading of the first chapter."""

    async def scenario() -> None:
        book = book_of(*TEXTS)
        request = msgspec.structs.replace(request_for(book), max_retries=2)
        async with keeping(tmp_path) as (jobs, _):
            await jobs.create(request, book)
            before = await until(jobs, request.id, has_copies)
            audio = jobs.folder(before).audio
            files = {copy.number: audio / copy.file for copy in before.state.copies}
            first, second = (files[number].read_bytes() for number in (1, 2))
        async with keeping(tmp_path, recognizer=FakeRecognizer(faulty={TEXTS[0]: 1})) as (jobs, engine):
            engine.release.set()
            view = await until(jobs, request.id, is_finished)
            names = {copy.number: copy.file for copy in view.state.copies}
            assert names[1] != files[1].name
            assert (decoded((audio / names[1]).read_bytes()) != decoded(first)).any()
            assert (names[2], files[2].read_bytes()) == (files[2].name, second)
            assert sorted(path.name for path in audio.glob("*.mp3")) == [names[number] for number in (1, 2, 3)]

    asyncio.run(scenario())


def test_a_copy_is_removed_when_the_state_names_the_one_that_replaces_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(making, "FLUSH_S", 1000.0)
    unlink, shown = Path.unlink, list[bool]()

    def look_and_unlink(path: Path, missing_ok: bool = False) -> None:
        if path.suffix == ".mp3" and path.exists():
            folder = path.parent.parent
            shown.append(path.name in [copy.file for copy in JobFolder(folder).read_state().copies])
        unlink(path, missing_ok=missing_ok)

    async def scenario() -> None:
        book = book_of(*TEXTS)
        request = msgspec.structs.replace(request_for(book), max_retries=2)
        async with keeping(tmp_path) as (jobs, _):
            await jobs.create(request, book)
            view = await until(jobs, request.id, has_copies)
        (jobs.folder(view).audio / "00001-0123456789abcdef.mp3").write_bytes(b"of a run that was killed")
        monkeypatch.setattr(Path, "unlink", look_and_unlink)
        async with keeping(tmp_path, recognizer=FakeRecognizer(faulty={TEXTS[0]: 1})) as (jobs, engine):
            engine.release.set()
            view = await until(jobs, request.id, is_finished)
            copies = sorted(copy.file for copy in view.state.copies)
            assert sorted(path.name for path in jobs.folder(view).audio.glob("*.mp3")) == copies

    asyncio.run(scenario())
    assert shown == [False, False]


@pytest.mark.parametrize(("num_refusals", "removals"), [(1, [False]), (1000, [])], ids=["a moment", "all the time"])
def test_a_copy_stays_while_the_state_that_names_another_one_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, num_refusals: int, removals: list[bool]
) -> None:
    monkeypatch.setattr(making, "FLUSH_S", 1000.0)
    unlink, write_state = Path.unlink, JobFolder.write_state
    shown, num_left = list[bool](), num_refusals

    def write_if_there_is_room(folder: JobFolder, state: JobState) -> None:
        nonlocal num_left
        if state.status is JobStatus.SPEAKING and num_left:
            num_left -= 1
            raise OSError(errno.ENOSPC, "No space left on device")
        write_state(folder, state)

    def look_and_unlink(path: Path, missing_ok: bool = False) -> None:
        if path.suffix == ".mp3" and path.exists():
            shown.append(path.name in [copy.file for copy in JobFolder(path.parent.parent).read_state().copies])
        unlink(path, missing_ok=missing_ok)

    async def scenario() -> None:
        book = book_of(*TEXTS)
        request = msgspec.structs.replace(request_for(book), max_retries=2)
        async with keeping(tmp_path) as (jobs, _):
            await jobs.create(request, book)
            await until(jobs, request.id, has_copies)
        monkeypatch.setattr(JobFolder, "write_state", write_if_there_is_room)
        monkeypatch.setattr(Path, "unlink", look_and_unlink)
        async with keeping(tmp_path, recognizer=FakeRecognizer(faulty={TEXTS[0]: 1})) as (jobs, engine):
            engine.release.set()
            await until(jobs, request.id, is_finished)

    asyncio.run(scenario())
    assert num_left < num_refusals
    assert shown == removals


OLD = "00001-0123456789abcdef.mp3"


class Copies:
    """ChapterCopies of a job with one chapter, whose folder has the copy OLD."""

    def __init__(self, folder: Path, lease: Lease, known: tuple[ChapterCopy, ...]) -> None:
        self.old = folder / OLD
        self.old.write_bytes(b"of an earlier run")
        self.has_written = asyncio.Event()
        self._lease = lease
        self._copies = ChapterCopies(
            make_job(folder, [[speech(1, 0.1)]]), folder, known, self._write, self._have_changed, lease.check
        )

    async def write(self) -> None:
        spoken: asyncio.Queue[ChapterHead | None] = asyncio.Queue()
        spoken.put_nowait(ChapterHead(1, "One"))
        spoken.put_nowait(None)
        await self._copies.write_spoken(spoken)

    async def _write(self, plan: ChapterPlan, path: Path) -> float:
        path.write_bytes(b"new")
        return 1.0

    async def _have_changed(self) -> bool:
        self.has_written.set()
        return True


@pytest.mark.parametrize("known", [(), (ChapterCopy(1, OLD, 1.0),)], ids=["left by a killed run", "replaced"])
def test_a_server_without_its_lease_removes_no_copy(tmp_path: Path, known: tuple[ChapterCopy, ...]) -> None:
    async def work(lease: Lease) -> None:
        copies = Copies(tmp_path, lease, known)
        write_atomically(tmp_path / "lease.json", msgspec.json.encode(Owner("heir", "another machine", "elsewhere", 1)))
        with pytest.raises(JobInUse):
            await copies.write()
        assert copies.old.exists()

    asyncio.run(hold(tmp_path, work))


@pytest.mark.parametrize("known", [(), (ChapterCopy(1, OLD, 1.0),)], ids=["left by a killed run", "replaced"])
def test_a_run_that_is_cancelled_waits_for_the_end_of_a_removal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, known: tuple[ChapterCopy, ...]
) -> None:
    unlink, is_removing, may_remove = Path.unlink, threading.Event(), threading.Event()

    def unlink_slowly(path: Path, missing_ok: bool = False) -> None:
        if path.name == OLD:
            is_removing.set()
            assert may_remove.wait(20)
        unlink(path, missing_ok=missing_ok)

    monkeypatch.setattr(Path, "unlink", unlink_slowly)

    async def work(lease: Lease) -> None:
        copies = Copies(tmp_path, lease, known)
        writing = asyncio.ensure_future(copies.write())
        assert await asyncio.to_thread(is_removing.wait, 20)
        writing.cancel()
        done, _ = await asyncio.wait((writing,), timeout=0.1)
        may_remove.set()
        await asyncio.wait((writing,))
        assert not done
        assert not copies.old.exists()

    asyncio.run(hold(tmp_path, work))
