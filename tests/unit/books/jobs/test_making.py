"""One run over a job, followed change by change."""

import asyncio
from pathlib import Path

from app.books.jobs.making import JobMaker
from app.books.jobs.record import JobState, JobStatus
from app.books.lease import Lease, hold
from app.settings import Settings
from app.speech.service import SpeechService
from tests.support.book_keeper import OWNER, book_of, keeping, request_for

TEXTS = ("One bell rang here.", "Two bells rang there.", "Three bells rang far away.", "Four bells rang.")


def test_the_file_is_told_about_while_it_is_written(tmp_path: Path) -> None:
    states: list[JobState] = []

    async def scenario() -> None:
        services: list[SpeechService] = []
        async with keeping(tmp_path, is_started=False, made=services.append) as (jobs, _):
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
                    Settings(data=tmp_path, asr_model="off"),
                    None,
                    lease,
                    before=JobState(written_percent=40),  # a run that was stopped while it wrote
                    on_change=changed,
                )
                await maker.make()

            await hold(folder.path, work)

    asyncio.run(scenario())
    assert {state.written_percent for state in states if state.status is JobStatus.SPEAKING} == {None}
    written = [state.written_percent for state in states if state.status is JobStatus.WRITING]
    assert list(dict.fromkeys(written)) == [None, 5, 10, 15, 20, 40, 60, 80]
