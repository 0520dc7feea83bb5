"""BookJobs in a test, without HTTP."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from app.books.audio_file import BookFormat
from app.books.book import Book, Chapter
from app.books.jobs.keeper import BookJobs, JobView
from app.books.jobs.record import JobRequest, new_id
from app.lifecycle import Lifecycle
from app.settings import Settings
from app.speech.service import SpeechService
from tests.support.fake_engine import FakeEngine
from tests.support.fake_recognizer import FakeRecognizer

OWNER = "ada"


def book_of(*texts: str) -> Book:
    return Book(title="Bells", chapters=tuple(Chapter(f"Chapter {n}", text) for n, text in enumerate(texts, 1)))


def request_for(
    book: Book, *, owner: str = OWNER, created_at: str = "2026-01-31T12:00:00Z", voice: str = "heart"
) -> JobRequest:
    return JobRequest(
        id=new_id(),
        owner=owner,
        created_at=created_at,
        source="bells.txt",
        title=book.title,
        author="",
        num_chars=sum(len(chapter.text) for chapter in book.chapters),
        chapters=tuple(range(1, len(book.chapters) + 1)),
        voice=voice,
        language="",
        speed=1.0,
        seed=0,
        book_format=BookFormat.FLAC,
        is_preview=False,
        max_retries=None,
    )


@asynccontextmanager
async def keeping(
    data: Path,
    engine: FakeEngine | None = None,
    *,
    is_started: bool = True,
    made: Callable[[SpeechService], None] | None = None,
    recognizer: FakeRecognizer | None = None,
    **options: Any,
) -> AsyncIterator[tuple[BookJobs, FakeEngine]]:
    """The jobs of a server with this data folder."""
    engine = engine or FakeEngine()
    lifecycle = Lifecycle()
    lifecycle.is_ready()
    settings = Settings(data=data, asr_model="off", **options)
    service = SpeechService(engine, settings, lifecycle)
    if made is not None:
        made(service)
    jobs = BookJobs(service, settings, recognizer)
    if is_started:
        jobs.start()
    try:
        yield jobs, engine
    finally:
        await jobs.worker.aclose()
        await engine.aclose()


async def until(jobs: BookJobs, id: str, condition: Callable[[JobView], bool], *, owner: str = OWNER) -> JobView:
    """The job once it fulfils `condition`."""
    async with asyncio.timeout(30):
        while not condition(view := await jobs.get(owner, id)):
            await asyncio.sleep(0.01)
    return view
