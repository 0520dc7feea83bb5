"""Words and verdicts of an answer, found beside its stream."""

import asyncio
from collections.abc import Awaitable, Callable

import numpy as np
import pytest

from app.asr.alignment import Edit
from app.errors import EngineFailure, QueueFull
from app.speech.checking.listening import LATE, Heard, KnownSegment, SegmentListener
from app.speech.checking.reports import TOGETHER, Report, SegmentReports
from app.speech.events import SegmentChecked, SegmentEnded, WordsSpoken
from tests.support.fake_recognizer import FakeRecognizer

RATE_HZ = 24_000
SAMPLES = np.zeros(RATE_HZ, np.float32)


def run(scenario: Callable[[], Awaitable[None]]) -> None:
    async def whole() -> None:
        async with asyncio.timeout(60):
            await scenario()

    asyncio.run(whole())


def reporting(
    recognizer: FakeRecognizer,
    num_segments: int = 1,
    patience_s: float = 30.0,
    *,
    words: bool = True,
    checks: bool = False,
) -> SegmentReports:
    segments = [KnownSegment(f"Boat {index}.", f"boat number {index}", "pt-br") for index in range(num_segments)]
    listener = SegmentListener(recognizer, segments, RATE_HZ, checks=checks)
    return SegmentReports(listener, words=words, checks=checks, patience_s=lambda: patience_s)


def ended(index: int) -> SegmentEnded:
    return SegmentEnded(index, f"Boat {index}.", 10.0 * index, 10.0 * index + 1)


def test_words_have_the_times_of_the_answer_and_the_model_the_language_without_its_region() -> None:
    async def scenario() -> None:
        recognizer = FakeRecognizer()
        reports = reporting(recognizer, 2)
        reports.begin(ended(1), SAMPLES)
        [found] = await reports.following()
        assert isinstance(found, WordsSpoken)
        assert [(word.text, word.start_s, word.end_s) for word in found.words] == [
            ("Boat", 10.0, 10.43), ("1.", 10.5, 11.0),
        ]  # fmt: skip
        [known] = recognizer.known
        assert (known.written, known.spoken, known.language) == ("Boat 1.", "boat number 1", "pt")
        assert len(known.samples) == 16_000 + 2 * 3_200
        assert await reports.following() == []

    run(scenario)


def test_what_is_ready_is_given_in_order_and_once() -> None:
    async def scenario() -> None:
        reports = reporting(FakeRecognizer(), 3)
        for index in range(3):
            reports.begin(ended(index), SAMPLES)
        found: list[Report] = []
        while len(found) < 3:
            found += reports.ready()
            await asyncio.sleep(0.001)
        assert [each.index for each in found] == [0, 1, 2]
        assert reports.ready() == []
        assert reports.words == found

    run(scenario)


def test_one_answer_has_few_segments_in_the_recogniser_at_a_time() -> None:
    async def scenario() -> None:
        waits = asyncio.Event()
        recognizer = FakeRecognizer(waits=waits)
        reports = reporting(recognizer, 10)
        for index in range(10):
            reports.begin(ended(index), SAMPLES)
        while len(recognizer.known) < TOGETHER:
            await asyncio.sleep(0.001)
        waits.set()
        assert len(recognizer.known) == TOGETHER
        while await reports.following():
            pass
        assert [each.index for each in reports.words] == list(range(10))

    run(scenario)


def test_a_failure_costs_the_words_of_a_segment_and_is_told() -> None:
    async def scenario() -> None:
        reports = reporting(FakeRecognizer(fails=EngineFailure("no memory")))
        reports.begin(ended(0), SAMPLES)
        assert await reports.following() == [WordsSpoken(0, ())]
        assert reports.warnings == ["segment 0 has no times of words: no memory"]

    run(scenario)


def test_words_that_do_not_come_are_waited_for_once() -> None:
    async def scenario() -> None:
        reports = reporting(FakeRecognizer(waits=asyncio.Event()), 3, patience_s=0.01)
        for index in range(3):
            reports.begin(ended(index), SAMPLES)
        assert [await reports.following() for _ in range(4)] == [*([WordsSpoken(index, ())] for index in range(3)), []]
        assert reports.warnings[2] == "segment 2 has no times of words: the recogniser did not answer in time"
        await reports.aclose()

    run(scenario)


def test_closed_reports_have_nothing_under_way() -> None:
    async def scenario() -> None:
        reports = reporting(FakeRecognizer(waits=asyncio.Event()))
        reports.begin(ended(0), SAMPLES)
        await reports.aclose()
        await reports.aclose()
        assert await reports.following() == []
        assert asyncio.all_tasks() == {asyncio.current_task()}

    run(scenario)


def test_a_verdict_has_its_faults_on_the_time_of_the_answer_and_a_warning_with_their_words() -> None:
    async def scenario() -> None:
        recognizer = FakeRecognizer(edits=[Edit(kind="missing", first=0, last=0, gain=9.0)])
        reports = reporting(recognizer, 2, words=False, checks=True)
        reports.begin(ended(1), SAMPLES)
        [checked] = await reports.following()
        assert isinstance(checked, SegmentChecked)
        assert (checked.index, checked.verdict, checked.num_attempts) == (1, "failed", 1)
        assert [(fault.kind, fault.text, fault.start_s, fault.end_s) for fault in checked.faults] == [
            ("missing", "Boat", 10.0, 10.43)
        ]
        assert reports.warnings == ['segment 1 may differ from its text: "Boat" is missing']
        assert reports.checked == [checked]
        assert reports.words == []

    run(scenario)


def test_words_and_verdict_of_a_segment_come_of_one_alignment() -> None:
    async def scenario() -> None:
        recognizer = FakeRecognizer()
        reports = reporting(recognizer, checks=True)
        reports.begin(ended(0), SAMPLES)
        checked, words = await reports.following()
        assert isinstance(checked, SegmentChecked)
        assert isinstance(words, WordsSpoken)
        assert checked.verdict == "passed"
        assert len(words.words) == 2
        assert len(recognizer.known) == 1

    run(scenario)


def test_a_recogniser_that_fails_leaves_a_segment_unchecked_not_failed() -> None:
    async def scenario() -> None:
        reports = reporting(
            FakeRecognizer(fails=QueueFull("64 are waiting", retry_after_s=2)), words=False, checks=True
        )
        reports.begin(ended(0), SAMPLES)
        [checked] = await reports.following()
        assert checked == SegmentChecked(index=0, verdict="unchecked", reason="64 are waiting")
        assert reports.warnings == ["segment 0 is not checked: 64 are waiting"]

    run(scenario)


def test_a_segment_that_was_heard_before_its_audio_is_not_heard_again() -> None:
    async def scenario() -> None:
        recognizer = FakeRecognizer()
        reports = reporting(recognizer, words=False, checks=True)
        reports.know(0, Heard(reason="the recogniser was lost"), 2)
        reports.begin(ended(0), SAMPLES)
        [checked] = await reports.following()
        assert isinstance(checked, SegmentChecked)
        assert (checked.verdict, checked.num_attempts) == ("unchecked", 2)
        assert recognizer.known == []

    run(scenario)


@pytest.mark.parametrize(("last", "padding"), [(0.0, 2 * 3_200), (0.5, 3_200)])
def test_silence_around_a_segment_hides_no_end_that_is_cut_off(last: float, padding: int) -> None:
    async def scenario() -> None:
        recognizer = FakeRecognizer()
        reports = reporting(recognizer)
        reports.begin(ended(0), np.append(SAMPLES[1:], np.float32(last)))
        await reports.following()
        [known] = recognizer.known
        assert len(known.samples) == 16_000 + padding

    run(scenario)


def test_a_recogniser_that_does_not_answer_is_waited_for_once_in_an_answer() -> None:
    async def scenario() -> None:
        recognizer = FakeRecognizer(waits=asyncio.Event())
        segments = [KnownSegment(f"Boat {index}.", f"boat number {index}", "en") for index in range(2)]
        listener = SegmentListener(recognizer, segments, RATE_HZ, checks=True, max_wait_s=0.0)
        for index in range(2):
            assert await listener.hear(index, SAMPLES) == Heard(reason=LATE)
        assert len(recognizer.known) == 1

    run(scenario)
