"""Segments that are missing are spoken, with all slots, each once."""

import asyncio
import errno
import threading
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

import numpy as np
import pytest

from app.books.book import Chapter
from app.books.cast import Cast
from app.books.job import ChapterHead, Job, Manifest
from app.books.levels import VoiceLevels
from app.books.notes import Notes
from app.books.room import Room
from app.books.segments import SegmentMaker
from app.books.speaking import Progress, Speaker
from app.books.studio import Delivery, LocalStudio
from app.engine.values import Samples
from app.errors import EngineFailure, StorageFailure
from app.lifecycle import Lifecycle
from app.pools import FILES
from app.settings import Settings
from app.speech.service import SpeechService
from tests.support.books import RECIPE
from tests.support.fake_engine import FakeEngine

NARRATOR_ONLY = Cast()
NOBODY: Mapping[str, str] = {}
TEXT = "One bell rang here. Two bells rang there.\n\nThree bells rang far away."


def run(
    tmp_path: Path,
    *texts: str,
    engine: FakeEngine | None = None,
    job: Job | None = None,
    is_preview: bool = False,
    cast: Cast = NARRATOR_ONLY,
    voices: Mapping[str, str] = NOBODY,
    meanwhile: Callable[[FakeEngine], Awaitable[None]] | None = None,
    on_full: Callable[[bool], None] = lambda is_full: None,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> tuple[Job, FakeEngine, Progress]:
    """Speak chapters of these texts."""

    async def scenario() -> tuple[Job, FakeEngine, Progress]:
        used = engine or FakeEngine()
        folder = job or Job(tmp_path / "job")
        folder.open()
        progress = Progress(num_chars=sum(map(len, texts)))
        heads = [(ChapterHead(number, f"Chapter {number}"), Chapter("", text)) for number, text in enumerate(texts, 1)]
        chapters = tuple(head for head, _ in heads)
        folder.write_manifest(Manifest(source="", title="", author="", language="en", recipe=RECIPE, chapters=chapters))
        studio = LocalStudio(SpeechService(used, Settings(data=tmp_path / "data"), Lifecycle()), Settings())
        named = {"": "heart", **voices}
        delivery, levels = Delivery(speed=1.0, seed=0), VoiceLevels()
        readers = {name: await studio.find_reader(id, delivery, levels) for name, id in named.items()}
        maker = SegmentMaker(studio, folder, room=Room(folder.folder, on_full, sleep=sleep))
        speaker = Speaker(used, maker, cast, readers, folder, "en", progress)
        other = asyncio.create_task(meanwhile(used)) if meanwhile else None
        try:
            await speaker.speak(heads, is_preview=is_preview)
            if other is not None:
                await other
        finally:
            await used.aclose()
        return folder, used, progress

    return asyncio.run(scenario())


def test_every_segment_of_every_chapter_has_its_file(tmp_path: Path) -> None:
    job, engine, progress = run(tmp_path, TEXT, "The end of it all.")
    plans = list(job.chapters())
    assert [len(plan.pieces) for plan in plans] == [3, 1]
    assert all(job.has_segment(piece.key) for plan in plans for piece in plan.pieces)
    assert (len(engine.requests), progress.num_made, progress.num_segments) == (4, 4, 4)
    assert progress.made_s == pytest.approx(0.1 * 18, abs=0.05)


def test_a_second_run_speaks_nothing(tmp_path: Path) -> None:
    run(tmp_path, TEXT)
    _, engine, progress = run(tmp_path, TEXT)
    assert (len(engine.requests), progress.num_made) == (0, 0)
    assert progress.done_chars == progress.found_chars > 0


def test_the_same_text_is_never_spoken_twice(tmp_path: Path) -> None:
    job, engine, _ = run(tmp_path, "The bell rang twice.\n\nThe bell rang twice.", "The bell rang twice.")
    assert len(engine.requests) == 1
    assert [len(plan.pieces) for plan in job.chapters()] == [2, 1]


def test_the_samples_of_a_segment_do_not_depend_on_its_neighbours(tmp_path: Path) -> None:
    alone, _, _ = run(tmp_path / "a", "Three bells rang far away.")
    among, _, _ = run(tmp_path / "b", TEXT)
    key = next(alone.chapters()).pieces[0].key
    assert np.array_equal(alone.read_segment(key), among.read_segment(key))


def test_all_slots_are_filled_and_the_queue_holds_one_more_for_each(tmp_path: Path) -> None:
    engine = FakeEngine(max_slots=3, max_queue=64)
    counts: list[int] = []

    async def look(engine: FakeEngine) -> None:
        while engine.stats().admitted_requests < 6:
            await asyncio.sleep(0)
        await asyncio.sleep(0.05)
        counts.append(engine.stats().admitted_requests)
        engine.release.set()

    text = "\n\n".join(f"We wait for bell {number} here." for number in range(20))
    run(tmp_path, text, engine=engine, meanwhile=look)
    assert counts == [6]
    assert len(engine.requests) == 20


def test_an_engine_without_a_queue_is_not_asked_for_more_than_it_takes(tmp_path: Path) -> None:
    _, engine, _ = run(tmp_path, TEXT, engine=FakeEngine(max_slots=1, max_queue=0))
    assert len(engine.requests) == 3


def test_a_failure_ends_the_run_with_its_own_error_and_keeps_what_was_made(tmp_path: Path) -> None:
    with pytest.raises(EngineFailure):
        text = "One bell rang here.\n\nThe engines fail us now.\n\nThree bells rang far away."
        run(tmp_path, text, engine=FakeEngine(max_slots=1, max_queue=0))
    _, engine, _ = run(tmp_path, "One bell rang here.")
    assert engine.requests == []


def test_a_preview_is_about_a_minute_of_each_chapter_and_the_whole_book_uses_it(tmp_path: Path) -> None:
    text = "\n\n".join(f"This is sentence {number} of the chapter, in ten words." for number in range(100))
    job, engine, _ = run(tmp_path, text, text.replace("chapter", "story"), is_preview=True)
    assert [len(plan.pieces) for plan in job.chapters()] == [60, 60]
    _, rest, _ = run(tmp_path, text)
    assert (len(engine.requests), len(rest.requests)) == (120, 40)


def test_characters_that_are_not_spoken_are_reported_once(tmp_path: Path) -> None:
    _, _, progress = run(tmp_path, "Hello 世 there, my friend.", "Good 世 morning, my friend.")
    assert progress.warnings == ["not spoken, because the fake engine cannot: 世"]


def test_each_reader_speaks_in_its_own_voice_and_a_paragraph_goes_on_without_its_pause(tmp_path: Path) -> None:
    text = "It was late.\n\n“The bells rang here,” said Ann. “They ring again.”\n\nAll was quiet then."
    job, engine, _ = run(tmp_path, text, cast=Cast({"Ann": "harald"}), voices={"ann": "harald"})
    pieces = next(job.chapters()).pieces
    spoken = {request.sequences[0].segment.text: request.voice.id for request in engine.requests}
    assert spoken == {
        "It was late.": "heart",
        "“The bells rang here,”": "harald",
        "said Ann.": "heart",
        "“They ring again.”": "harald",
        "All was quiet then.": "heart",
    }
    assert [piece.pause_s for piece in pieces] == [0.6, 0.06, 0.26, 0.6, 0.6]


def test_a_chapter_without_marks_has_the_same_segments_with_a_cast_and_without(tmp_path: Path) -> None:
    plain, _, _ = run(tmp_path / "plain", TEXT)
    cast, _, _ = run(tmp_path / "cast", TEXT, cast=Cast({"Ann": "harald"}))
    assert next(plain.chapters()) == next(cast.chapters())


class FullDisk(Job):
    """Takes no segments until `room` is set."""

    def __init__(self, folder: Path, code: int = errno.ENOSPC) -> None:
        super().__init__(folder)
        self._code = code
        self.room = threading.Event()

    def write_segment(self, key: str, samples: Samples, sample_rate_hz: int) -> None:
        if not self.room.is_set():
            raise OSError(self._code, "no room")
        super().write_segment(key, samples, sample_rate_hz)


def test_a_full_disk_pauses_with_one_line_and_goes_on_when_there_is_room(tmp_path: Path) -> None:
    told: list[bool] = []
    waits: list[float] = []
    disk = FullDisk(tmp_path / "job")

    async def sleep(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 9:
            disk.room.set()

    job, engine, progress = run(tmp_path, TEXT, job=disk, on_full=told.append, sleep=sleep)
    assert told == [True, False]
    assert (len(engine.requests), progress.num_made) == (3, 3)
    assert all(job.has_segment(piece.key) for piece in next(job.chapters()).pieces)


class SharedDisk(Job):
    """Another owner of the job stores each segment right after it was looked up."""

    READING = np.full(2_400, 0.25, np.float32)
    NOTES = Notes(warnings=("read by the other owner",))

    def find_notes(self, key: str) -> Notes | None:
        notes = super().find_notes(key)
        if notes is None:
            self.write_notes(key, self.NOTES)
            self.write_segment(key, self.READING, 24_000)
        return notes


def test_a_segment_that_another_owner_has_stored_meanwhile_stays(tmp_path: Path) -> None:
    job, engine, _ = run(tmp_path, TEXT, job=SharedDisk(tmp_path / "job"))
    assert len(engine.requests) == 3
    for piece in next(job.chapters()).pieces:
        assert np.array_equal(job.read_segment(piece.key), SharedDisk.READING)
        assert job.find_notes(piece.key) == SharedDisk.NOTES


class SlowDisk(Job):
    """Keeps each thread that writes a segment until `is_ready`."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.is_ready = threading.Event()
        self.num_writing = 0

    def write_segment(self, key: str, samples: Samples, sample_rate_hz: int) -> None:
        self.num_writing += 1
        assert self.is_ready.wait(20)
        super().write_segment(key, samples, sample_rate_hz)


def test_a_slow_disk_under_a_book_delays_no_files_of_requests(tmp_path: Path) -> None:
    disk = SlowDisk(tmp_path / "job")

    async def look(engine: FakeEngine) -> None:
        try:
            async with asyncio.timeout(10):
                while disk.num_writing < 4:
                    await asyncio.sleep(0.01)
                await FILES.run(lambda: None)
        finally:
            disk.is_ready.set()

    text = "\n\n".join(f"Bell {number} rang here." for number in range(12))
    run(tmp_path, text, engine=FakeEngine(max_slots=8, max_queue=8), job=disk, meanwhile=look)


def test_another_fault_of_the_disk_ends_the_run(tmp_path: Path) -> None:
    with pytest.raises(StorageFailure, match="cannot be written: no room"):
        run(tmp_path, TEXT, job=FullDisk(tmp_path / "job", errno.EIO))
