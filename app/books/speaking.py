"""Speaks the segments of a book that are not there yet, with all slots of the engine."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence

import msgspec
import numpy as np

from app.books.book import Chapter
from app.books.cast import Cast, Reader, Run
from app.books.job import ChapterHead, ChapterPlan, Job
from app.books.notes import Notes
from app.books.plan import Piece, Planned, inside_paragraph, plan_block, split_blocks
from app.books.segments import SegmentMaker
from app.books.together import together
from app.engine.base import Preparer
from app.pools import TEXT

PREVIEW_S = 60.0


class Progress(msgspec.Struct, kw_only=True):
    """How far a book is; characters are those of its text."""

    num_chars: int
    """of all chapters that are made"""
    chapter: str = ""
    """of the segment that was finished last"""
    done_chars: int = 0
    found_chars: int = 0
    """of those, spoken in an earlier run"""
    made_s: float = 0.0
    """audio that this run has made"""
    num_segments: int = 0
    num_made: int = 0
    num_doubtful: int = 0
    """of those, and of the segments of earlier runs"""
    warnings: list[str] = msgspec.field(default_factory=list[str])


class Speaker:
    """One run over a book. Lives on the event loop.

    readers       by the names of the cast's runs
    on_progress   called after each segment
    on_chapter    called when a chapter's plan and all its segments are stored
    """

    def __init__(
        self,
        engine: Preparer,
        maker: SegmentMaker,
        cast: Cast,
        readers: Mapping[str, Reader],
        job: Job,
        language: str,
        progress: Progress,
        *,
        on_progress: Callable[[Progress], None] = lambda progress: None,
        on_chapter: Callable[[ChapterHead], None] = lambda head: None,
    ) -> None:
        self._engine = engine
        self._maker = maker
        self._cast = cast
        self._readers = readers
        self._job = job
        self._language = language
        self._on_progress = on_progress
        self._on_chapter = on_chapter
        self._making: dict[str, asyncio.Event] = {}
        """by key: set when the segment is stored"""
        self._num_left: Counter[int] = Counter()
        """by number of a chapter: its segments that are not stored, and 1 while it is planned"""
        info = engine.info
        # One more for each slot waits in the engine's queue, so that a slot that is free is filled at once.
        self._places = asyncio.Semaphore(min(2 * info.max_slots, info.max_slots + info.max_queue))
        self.progress = progress

    async def speak(self, chapters: Sequence[tuple[ChapterHead, Chapter]], *, is_preview: bool = False) -> None:
        """Make every segment that is missing, and write the plan of each chapter.

        Raises what the engine raises, and StorageFailure; all segments that were made before stay.
        """
        blocks: asyncio.Queue[tuple[ChapterHead, Sequence[Planned]] | None] = asyncio.Queue(1)

        async def plan() -> None:
            for head, chapter in chapters:
                self._num_left[head.number] += 1
                pieces: list[Piece] = []
                async for segments in self._plan(chapter, is_preview=is_preview):
                    pieces += [planned.piece for planned in segments]
                    self._num_left[head.number] += len(segments)
                    await blocks.put((head, segments))
                await self._maker.store(self._job.write_chapter, ChapterPlan(head, tuple(pieces)))
                self._is_stored(head)
            await blocks.put(None)

        async def decode() -> None:
            while (block := await blocks.get()) is not None:
                head, segments = block
                for planned, notes in zip(segments, await self._maker.find_notes(segments), strict=True):
                    await self._places.acquire()
                    group.create_task(self._speak_one(head, planned, notes))

        async with together() as group:
            group.create_task(plan())
            group.create_task(decode())

    async def _plan(self, chapter: Chapter, *, is_preview: bool) -> AsyncIterator[Sequence[Planned]]:
        planned_s = 0.0
        for run in self._cast.runs(chapter.text):
            async for segments in self._plan_run(run):
                if is_preview:
                    lengths_s = [planned.sequence.normal_s / planned.recipe.speed for planned in segments]
                    ends_s = np.cumsum([planned_s, *lengths_s])
                    segments = segments[: int(np.searchsorted(ends_s[:-1], PREVIEW_S))]
                    planned_s = float(ends_s[-1])
                yield segments
                if is_preview and planned_s >= PREVIEW_S:
                    return

    async def _plan_run(self, run: Run) -> AsyncIterator[Sequence[Planned]]:
        reader = self._readers[run.name]
        held: Sequence[Planned] = ()
        for text in split_blocks(run.text):
            if held:
                yield held
            block = await TEXT.run(plan_block, self._engine, text, self._language, reader.find_lexicons, reader.recipe)
            self.progress.warnings += [line for line in block.warnings if line not in self.progress.warnings]
            held = block.segments
        if held and not run.ends_paragraph:
            held = (*held[:-1], inside_paragraph(held[-1]))
        yield held

    async def _speak_one(self, head: ChapterHead, planned: Planned, notes: Notes | None) -> None:
        progress = self.progress
        try:
            key, num_chars = planned.piece.key, len(planned.piece.text)
            progress.num_segments += 1
            if key in self._making:
                await self._making[key].wait()
                progress.found_chars += num_chars
            else:
                self._making[key] = asyncio.Event()
                made = await self._maker.make(planned, notes)
                if made.made_s:
                    progress.num_made += 1
                    progress.made_s += made.made_s
                else:
                    progress.found_chars += num_chars
                progress.num_doubtful += bool(made.notes.doubts)
                progress.warnings += [line for line in made.notes.warnings if line not in progress.warnings]
                self._making[key].set()
            progress.chapter = head.title
            progress.done_chars += num_chars
            self._on_progress(progress)
            self._is_stored(head)
        finally:
            self._places.release()

    def _is_stored(self, head: ChapterHead) -> None:
        """A segment of the chapter, or its plan."""
        self._num_left[head.number] -= 1
        if not self._num_left[head.number]:
            self._on_chapter(head)
