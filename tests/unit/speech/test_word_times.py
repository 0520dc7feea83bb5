"""Words of an answer, timed beside its stream."""

import asyncio
from collections.abc import Awaitable, Callable

import numpy as np

from app.errors import EngineFailure
from app.speech.events import SegmentEnded, WordsSpoken
from app.speech.word_times import TOGETHER, KnownSegment, WordTimer
from tests.support.fake_recognizer import FakeRecognizer

RATE_HZ = 24_000
SAMPLES = np.zeros(RATE_HZ, np.float32)


def run(scenario: Callable[[], Awaitable[None]]) -> None:
    async def whole() -> None:
        async with asyncio.timeout(60):
            await scenario()

    asyncio.run(whole())


def timer(recognizer: FakeRecognizer, num_segments: int = 1, patience_s: float = 30.0) -> WordTimer:
    segments = [KnownSegment(f"Boat {index}.", f"boat number {index}", "pt-br") for index in range(num_segments)]
    return WordTimer(recognizer, segments, RATE_HZ, patience_s=patience_s)


def ended(index: int) -> SegmentEnded:
    return SegmentEnded(index, f"Boat {index}.", 10.0 * index, 10.0 * index + 1)


def test_words_have_the_times_of_the_answer_and_the_model_the_language_without_its_region() -> None:
    async def scenario() -> None:
        recognizer = FakeRecognizer()
        words = timer(recognizer, 2)
        words.begin(ended(1), SAMPLES)
        found = await words.following()
        assert found is not None
        assert [(word.text, word.start_s, word.end_s) for word in found.words] == [
            ("Boat", 10.0, 10.45), ("1.", 10.5, 10.95),
        ]  # fmt: skip
        [known] = recognizer.known
        assert (known.written, known.spoken, known.language) == ("Boat 1.", "boat number 1", "pt")
        assert len(known.samples) == 16_000
        assert await words.following() is None

    run(scenario)


def test_what_is_ready_is_given_in_order_and_once() -> None:
    async def scenario() -> None:
        words = timer(FakeRecognizer(), 3)
        for index in range(3):
            words.begin(ended(index), SAMPLES)
        found: list[WordsSpoken] = []
        while len(found) < 3:
            found += words.ready()
            await asyncio.sleep(0.001)
        assert [each.index for each in found] == [0, 1, 2]
        assert words.ready() == []
        assert words.timed == found

    run(scenario)


def test_one_answer_has_few_segments_in_the_recogniser_at_a_time() -> None:
    async def scenario() -> None:
        waits = asyncio.Event()
        recognizer = FakeRecognizer(waits=waits)
        words = timer(recognizer, 10)
        for index in range(10):
            words.begin(ended(index), SAMPLES)
        while len(recognizer.known) < TOGETHER:
            await asyncio.sleep(0.001)
        waits.set()
        assert len(recognizer.known) == TOGETHER
        while await words.following() is not None:
            pass
        assert [each.index for each in words.timed] == list(range(10))

    run(scenario)


def test_a_failure_costs_the_words_of_a_segment_and_is_told() -> None:
    async def scenario() -> None:
        words = timer(FakeRecognizer(fails=EngineFailure("no memory")))
        words.begin(ended(0), SAMPLES)
        assert await words.following() == WordsSpoken(0, ())
        assert words.warnings == ["segment 0 has no times of words: no memory"]

    run(scenario)


def test_words_that_do_not_come_are_waited_for_once() -> None:
    async def scenario() -> None:
        words = timer(FakeRecognizer(waits=asyncio.Event()), 3, patience_s=0.01)
        for index in range(3):
            words.begin(ended(index), SAMPLES)
        assert [await words.following() for _ in range(4)] == [*(WordsSpoken(index, ()) for index in range(3)), None]
        assert words.warnings[2] == "segment 2 has no times of words: they did not come in time"
        await words.aclose()

    run(scenario)


def test_a_closed_timer_has_nothing_under_way() -> None:
    async def scenario() -> None:
        words = timer(FakeRecognizer(waits=asyncio.Event()))
        words.begin(ended(0), SAMPLES)
        await words.aclose()
        await words.aclose()
        assert await words.following() is None
        assert asyncio.all_tasks() == {asyncio.current_task()}

    run(scenario)
