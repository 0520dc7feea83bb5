"""Speaks the segments of a book that are not there yet, with all slots of the engine."""

import asyncio
import errno
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

import msgspec
import numpy as np

from app.audio.loudness import soft_limit
from app.books.book import Chapter
from app.books.job import ChapterHead, ChapterPlan, Job
from app.books.plan import Piece, Planned, Recipe, plan_block, seed_of, split_blocks
from app.engine.base import Engine
from app.engine.scheduler import Request
from app.engine.values import Samples, SamplingParams, Voice
from app.errors import NothingToSpeak, StorageFailure
from app.pools import FILES, TEXT
from app.speech.stitch import Stitcher
from app.text.lexicon import FindLexicons

PREVIEW_S = 60.0
SILENCE_S = 0.1
"""In place of a segment for which no sound came."""
ROOM_CHECK_S = 5.0
_FULL = (errno.ENOSPC, errno.EDQUOT)


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
    warnings: list[str] = msgspec.field(default_factory=list[str])


class Speaker:
    """One run over a book. Lives on the event loop.

    on_progress   called after each segment
    say           called with a line for people
    """

    def __init__(
        self,
        engine: Engine,
        voice: Voice,
        recipe: Recipe,
        job: Job,
        language: str,
        find_lexicons: FindLexicons,
        progress: Progress,
        *,
        on_progress: Callable[[Progress], None] = lambda progress: None,
        say: Callable[[str], None] = lambda line: None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._engine = engine
        self._voice = voice
        self._recipe = recipe
        self._job = job
        self._language = language
        self._find_lexicons = find_lexicons
        self._on_progress = on_progress
        self._say = say
        self._sleep = sleep
        self._seen: set[str] = set()
        self._num_stuck = 0
        """files that wait for room on the disk"""
        info = engine.info
        # One more for each slot waits in the engine's queue, so that a slot that is free is filled at once.
        self._places = asyncio.Semaphore(min(2 * info.max_slots, info.max_slots + info.max_queue))
        self.progress = progress

    async def speak(self, chapters: Sequence[tuple[ChapterHead, Chapter]], *, is_preview: bool = False) -> None:
        """Make every segment that is missing, and write the plan of each chapter.

        Raises what the engine raises, and StorageFailure; all segments that were made before stay.
        """
        blocks: asyncio.Queue[tuple[str, Sequence[Planned]] | None] = asyncio.Queue(1)

        async def plan() -> None:
            for head, chapter in chapters:
                pieces: list[Piece] = []
                async for segments in self._plan(chapter, is_preview=is_preview):
                    pieces += [planned.piece for planned in segments]
                    await blocks.put((head.title, segments))
                await self._store(self._job.write_chapter, ChapterPlan(head, tuple(pieces)))
            await blocks.put(None)

        async def decode() -> None:
            while (block := await blocks.get()) is not None:
                title, segments = block
                for planned in segments:
                    await self._places.acquire()
                    group.create_task(self._speak_one(title, planned))

        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(plan())
                group.create_task(decode())
        except BaseExceptionGroup as failures:
            raise failures.exceptions[0] from None

    async def _plan(self, chapter: Chapter, *, is_preview: bool) -> AsyncIterator[Sequence[Planned]]:
        planned_s = 0.0
        for text in split_blocks(chapter.text):
            block = await TEXT.run(plan_block, self._engine, text, self._language, self._find_lexicons, self._recipe)
            self.progress.warnings += [line for line in block.warnings if line not in self.progress.warnings]
            segments = block.segments
            if is_preview:
                ends_s = np.cumsum(
                    [planned_s, *(planned.sequence.normal_s / self._recipe.speed for planned in segments)]
                )
                segments = segments[: int(np.searchsorted(ends_s[:-1], PREVIEW_S))]
                planned_s = float(ends_s[-1])
            yield segments
            if is_preview and planned_s >= PREVIEW_S:
                return

    async def _speak_one(self, chapter: str, planned: Planned) -> None:
        try:
            key = planned.piece.key
            self.progress.num_segments += 1
            is_first = key not in self._seen
            self._seen.add(key)
            if not is_first or await FILES.run(self._job.has_segment, key):
                self.progress.found_chars += len(planned.piece.text)
            else:
                samples = await self._decode(planned)
                rate_hz = self._recipe.sample_rate_hz
                await self._store(self._job.write_segment, key, samples, rate_hz)
                self.progress.num_made += 1
                self.progress.made_s += len(samples) / rate_hz
            self.progress.chapter = chapter
            self.progress.done_chars += len(planned.piece.text)
            self._on_progress(self.progress)
        finally:
            self._places.release()

    async def _decode(self, planned: Planned) -> Samples:
        """[samples] of a segment without the silence around it."""
        sequence = planned.sequence
        stream = self._engine.submit(
            Request(
                sequences=(sequence,),
                voice=self._voice,
                sampling=SamplingParams(seed=seed_of(planned.piece.key)),
                speed=self._recipe.speed,
                streaming=False,
                can_wait=True,
            )
        )
        stitcher = Stitcher([sequence.segment], self._recipe.sample_rate_hz)
        try:
            events = [event async for chunk in stream for event in stitcher.push(chunk)]
        except NothingToSpeak as error:
            self.progress.warnings.append(error.message)
            return np.zeros(round(SILENCE_S * self._recipe.sample_rate_hz), np.float32)
        finally:
            await stream.aclose()
        samples = np.concatenate([event for event in events if isinstance(event, np.ndarray)])
        return soft_limit(samples * np.float32(self._recipe.gain))

    async def _store(self, write: Callable[..., None], *arguments: object) -> None:
        """Write a file; while the disk is full, wait for room. Raises StorageFailure for other faults of the disk."""
        is_stuck = False
        while True:
            try:
                await FILES.run(write, *arguments)
            except OSError as error:
                if error.errno not in _FULL:
                    raise StorageFailure(f"{self._job.folder} cannot be written: {error.strerror}") from error
                if not is_stuck:
                    is_stuck = True
                    self._num_stuck += 1
                    if self._num_stuck == 1:
                        self._say(f"paused: the disk of {self._job.folder} is full; it goes on when there is room")
                await self._sleep(ROOM_CHECK_S)
            else:
                if is_stuck:
                    self._num_stuck -= 1
                    if not self._num_stuck:
                        self._say("there is room again: going on")
                return
