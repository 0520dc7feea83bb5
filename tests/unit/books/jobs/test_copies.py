"""Copies of finished chapters that follow their segments."""

import asyncio
from pathlib import Path

import msgspec
import pytest

from app.books.jobs import making, worker
from app.books.jobs.folder import JobFolder
from app.books.jobs.keeper import JobView
from app.books.jobs.record import JobStatus
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
