"""One run over a job, followed change by change."""

import asyncio
import errno
from itertools import groupby
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from app.books import room
from app.books.jobs import making
from app.books.jobs.making import JobMaker, Mastering
from app.books.jobs.record import JobState, JobStatus
from app.books.lease import Lease, hold
from app.settings import Settings
from app.speech.service import SpeechService
from tests.support.book_keeper import OWNER, book_of, keeping, request_for

TEXTS = ("One bell rang here.", "Two bells rang there.", "Three bells rang far away.", "Four bells rang.")


def follow_a_run(data: Path, states: list[JobState]) -> list[JobState]:
    """Add to `states` each one that a run shows which follows one that was stopped while it wrote. Returns `states`."""

    async def scenario() -> None:
        services: list[SpeechService] = []
        async with keeping(data, is_started=False, made=services.append) as (jobs, _):
            book = book_of(*TEXTS)
            view = await jobs.create(request_for(book, owner=OWNER), book)
            folder = jobs.folder(view)

            async def work(lease: Lease) -> None:
                def changed() -> None:
                    states.append(maker.state)

                maker = JobMaker(
                    folder,
                    view.request,
                    services[0],
                    Settings(data=data, asr_model="off"),
                    None,
                    lease,
                    before=JobState(written_percent=40),
                    on_change=changed,
                )
                await maker.make()

            await hold(folder.path, work)

    asyncio.run(scenario())
    return states


def written_percents(states: list[JobState]) -> list[int | None]:
    shown = [state.written_percent for state in states if state.status in (JobStatus.WRITING, JobStatus.FULL)]
    return [percent for percent, _ in groupby(shown)]


def test_the_file_is_told_about_while_it_is_written(tmp_path: Path) -> None:
    states = follow_a_run(tmp_path, [])
    assert {state.written_percent for state in states if state.status is JobStatus.SPEAKING} == {None}
    assert written_percents(states) == [0, 5, 10, 15, 20, 40, 60, 80]


def test_a_file_that_is_begun_again_after_a_full_disk_is_told_about_from_its_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusals = [OSError(errno.ENOSPC, "No space left on device")]
    write, assemble = Mastering.write_book, making.assemble
    states, at_begin = list[JobState](), list[int | None]()

    async def look_and_assemble(*arguments: Any, **options: Any) -> Any:
        await asyncio.sleep(0)  # one turn of the event loop, as it waits for the thread at least
        at_begin.append(states[-1].written_percent)
        return await assemble(*arguments, **options)

    def write_at_the_second_try(mastering: Mastering, file: BinaryIO) -> None:
        write(mastering, file)
        if refusals:
            raise refusals.pop()

    monkeypatch.setattr(room, "ROOM_CHECK_S", 0.01)
    monkeypatch.setattr(Mastering, "write_book", write_at_the_second_try)
    monkeypatch.setattr(making, "assemble", look_and_assemble)
    follow_a_run(tmp_path, states)
    assert written_percents(states) == [0, 5, 10, 15, 20, 40, 60, 80] * 2
    assert at_begin == [None] * len(TEXTS) + [0, 0]  # copies of chapters, and the book twice
