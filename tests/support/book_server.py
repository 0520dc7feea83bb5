"""Jobs of books on a server, for tests."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx

from app.setting_values import Marks
from app.settings import Settings
from tests.support.books import make_epub, nav, page

CHAPTERS = (
    "One bell rang here. Two bells rang there.",
    "Three bells rang far away.",
    "Four bells rang at last. All was quiet then.",
)
WAITS = ("One bell rang here.", "We wait for the second bell.", "Three bells rang far away.")
"""Chapters of which the fake engine holds the second one back."""
MAX_LOOKS = 1200


def make_novel(chapters: tuple[str, ...] = CHAPTERS) -> bytes:
    """An EPUB with so many chapters, named Chapter 1 and so on."""
    pages = {f"{number}.xhtml": page(f"<p>{text}</p>") for number, text in enumerate(chapters, 1)}
    contents = nav(*((f"Chapter {number}", f"{number}.xhtml") for number in range(1, len(chapters) + 1)))
    return make_epub(pages, contents=contents)


def settings_of(data: Path, *, marks: Marks = Marks("metadata"), **others: Any) -> Settings:  # noqa: B008 - immutable
    """Without signatures by default, because two signatures of one file differ."""
    return Settings(data=data, asr_model="off", marks=marks, **others)


def create(client: httpx.Client, chapters: tuple[str, ...] = CHAPTERS, **fields: str) -> dict[str, Any]:
    """A job that the server has taken."""
    answer = client.post("/jobs", files={"file": ("novel.epub", make_novel(chapters))}, data=fields)
    assert answer.status_code == 201, answer.text
    return answer.json()


def wait_for(client: httpx.Client, id: str, *statuses: str, num_ready: int = 0) -> dict[str, Any]:
    """The job once it has one of `statuses`, if any, and so many chapters that are ready."""
    for _ in range(MAX_LOOKS):
        job = client.get(f"/jobs/{id}").json()
        if (not statuses or job["status"] in statuses) and job["num_ready"] >= num_ready:
            return job
        assert job["status"] != "failed" or "failed" in statuses, job
        threading.Event().wait(0.05)
    raise AssertionError(job)


def events(client: httpx.Client, id: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """(name, data) of each event until the stream ends."""
    with client.stream("GET", f"/jobs/{id}/events") as answer:
        assert answer.headers["Content-Type"].startswith("text/event-stream")
        name = ""
        for line in answer.iter_lines():
            if line.startswith("event: "):
                name = line.removeprefix("event: ")
            elif line.startswith("data: "):
                yield name, json.loads(line.removeprefix("data: "))
