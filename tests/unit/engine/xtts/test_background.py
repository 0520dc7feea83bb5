"""Segments of books beside streams, counted in steps."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from app.engine.scheduler import Request
from app.engine.stream import ChunkStream
from app.engine.values import SamplingParams
from app.engine.xtts.engine import XttsEngine
from app.engine.xtts.runaway import Guards
from app.errors import SteppedAside
from tests.support.requests import prepared

SENTENCE = "The fox went home over the hills."
Run = Callable[[Callable[[XttsEngine], Awaitable[None]]], None]

pytestmark = pytest.mark.slow


@pytest.fixture
def run(tiny_checkpoint: Path) -> Run:
    def run(scenario: Callable[[XttsEngine], Awaitable[None]]) -> None:
        async def main() -> None:
            guards = Guards(exact_codes=110)
            engine = await asyncio.to_thread(lambda: XttsEngine(tiny_checkpoint, max_slots=16, guards=guards))
            try:
                await scenario(engine)
            finally:
                await engine.aclose()

        asyncio.run(main())

    return run


def submit(
    engine: XttsEngine, *, is_background: bool = False, streaming: bool = False, num_segments: int = 1
) -> ChunkStream:
    return engine.submit(
        Request(
            sequences=prepared(engine, *[SENTENCE] * num_segments),
            voice=engine.voice("ada tiny"),
            sampling=SamplingParams(seed=7),
            streaming=streaming,
            is_background=is_background,
        )
    )


async def collect(stream: ChunkStream) -> list[bytes]:
    return [chunk.samples.tobytes() async for chunk in stream]


async def until_busy(engine: XttsEngine, num_slots: int) -> None:
    async with asyncio.timeout(60):
        while engine.stats().busy_slots < num_slots:
            await asyncio.sleep(0)


def test_a_stream_has_the_batch_for_itself_beside_a_book(run: Run) -> None:
    async def scenario(engine: XttsEngine) -> None:
        book = [submit(engine, is_background=True) for _ in range(20)]
        await until_busy(engine, 14)
        stream = submit(engine, streaming=True)
        await anext(stream)
        assert engine.stats().busy_slots <= 1
        stopped = 0
        for each in book:
            try:
                await asyncio.wait_for(anext(each), 0.01)
            except SteppedAside:
                stopped += 1
            except TimeoutError:
                pass
        assert stopped == 14
        await stream.aclose()
        for each in book:
            await each.aclose()

    run(scenario)


def test_a_segment_that_was_stopped_is_the_same_when_it_is_made_again(run: Run) -> None:
    async def scenario(engine: XttsEngine) -> None:
        alone = await collect(submit(engine, is_background=True))
        first = submit(engine, is_background=True)
        await until_busy(engine, 1)
        stream = submit(engine, streaming=True)
        with pytest.raises(SteppedAside):
            await collect(first)
        again = submit(engine, is_background=True)
        await collect(stream)
        assert b"".join(await collect(again)) == b"".join(alone)

    run(scenario)


def test_a_whole_answer_takes_a_kept_slot_and_stops_nothing(run: Run) -> None:
    async def scenario(engine: XttsEngine) -> None:
        book = [submit(engine, is_background=True) for _ in range(14)]
        await until_busy(engine, 14)
        await collect(submit(engine))
        for each in book:
            await collect(each)

    run(scenario)


async def outcome(stream: ChunkStream, ended: list[str], name: str) -> None:
    try:
        await collect(stream)
        ended.append(name)
    except SteppedAside:
        ended.append("stopped")


def test_a_whole_answer_of_several_segments_stops_no_more_segments_than_it_needs(run: Run) -> None:
    """Two slots are kept for requests that begin: the first segment takes one, and the other three lack slots."""

    async def scenario(engine: XttsEngine) -> None:
        ended: list[str] = []
        book = [submit(engine, is_background=True) for _ in range(14)]
        await until_busy(engine, 14)
        async with asyncio.TaskGroup() as group:
            group.create_task(outcome(submit(engine, num_segments=4), ended, "answer"))
            for each in book:
                group.create_task(outcome(each, ended, "book"))
        assert ended.count("stopped") == 4
        assert ended.count("book") == 10

    run(scenario)


def test_a_whole_answer_waits_for_no_segments_of_books_in_front_of_the_vocoder(run: Run) -> None:
    async def scenario(engine: XttsEngine) -> None:
        ended: list[str] = []
        book = [submit(engine, is_background=True) for _ in range(14)]
        await until_busy(engine, 14)
        async with asyncio.timeout(60):
            while engine.stats().busy_slots:  # all are decoded, and wait to be vocoded
                await asyncio.sleep(0)
        async with asyncio.TaskGroup() as group:
            group.create_task(outcome(submit(engine, num_segments=2), ended, "answer"))
            for each in book:
                group.create_task(outcome(each, ended, "book"))
        assert ended.index("answer") < 4
        assert ended.count("book") == 14

    run(scenario)


def test_whole_answers_without_end_do_not_keep_a_book_from_the_vocoder(run: Run) -> None:
    async def scenario(engine: XttsEngine) -> None:
        book = asyncio.ensure_future(collect(submit(engine, is_background=True)))
        answers = [asyncio.ensure_future(collect(submit(engine))) for _ in range(2)]
        for _ in range(20):  # two at any time
            await answers.pop(0)
            if book.done():
                break
            answers.append(asyncio.ensure_future(collect(submit(engine))))
        assert book.done()
        await asyncio.gather(book, *answers)

    run(scenario)
