"""Folders of jobs on a network share, whose clients answer from memory what they were told a minute ago."""

import os
from pathlib import Path
from typing import Any

import pytest

from app.books.job import ChapterHead
from app.books.jobs.folder import JobFolders
from app.books.jobs.record import Contents, Intent, JobState, JobStatus
from tests.support.book_keeper import book_of, request_for


@pytest.fixture
def attributes_from_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first answer about each path is the answer to all later questions; an opened file is the true one."""
    stat = os.stat
    answers: dict[str, os.stat_result | OSError] = {}

    def stat_once(path: Any, *arguments: Any, **options: Any) -> os.stat_result:
        name = os.fspath(path)
        if name not in answers:
            try:
                answers[name] = stat(path, *arguments, **options)
            except OSError as error:
                answers[name] = error
        answer = answers[name]
        if isinstance(answer, OSError):
            raise answer
        return answer

    monkeypatch.setattr(os, "stat", stat_once)


@pytest.mark.usefixtures("attributes_from_memory")
def test_another_machine_sees_each_wish_and_state_at_its_next_look(tmp_path: Path) -> None:
    book = book_of("One bell rang here.")
    request = request_for(book)
    mine, other = (JobFolders(tmp_path).folder(request.id) for _ in range(2))
    mine.make(request, Contents((ChapterHead(1, "One"),), (len(book.chapters[0].text),)), book)

    def seen() -> tuple[Intent, JobStatus]:
        return other.read_wish().intent, other.read_state().status

    assert seen() == (Intent.RUN, JobStatus.QUEUED)
    mine.pause()
    assert seen() == (Intent.PAUSE, JobStatus.QUEUED)
    mine.resume()
    mine.write_state(JobState(status=JobStatus.SPEAKING))
    assert seen() == (Intent.RUN, JobStatus.SPEAKING)
    mine.delete()
    assert seen() == (Intent.DELETE, JobStatus.SPEAKING)


@pytest.mark.usefixtures("attributes_from_memory")
def test_the_memory_of_this_test_hides_what_is_new(tmp_path: Path) -> None:
    marker = tmp_path / "new"
    assert not marker.exists()
    marker.touch()
    assert not marker.exists()
