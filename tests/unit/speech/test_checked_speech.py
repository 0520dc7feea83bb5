"""Answers that are checked before they are given: which attempt is delivered, and what never waits."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.asr.alignment import Alignment, KnownSpeech
from app.engine.scheduler import Request
from app.engine.stream import ChunkStream
from app.engine.values import AudioChunk, Samples
from app.errors import EngineFailure, QueueFull
from app.lifecycle import Lifecycle
from app.settings import Settings
from app.speech.checking.listening import BUSY
from app.speech.checking.mending import MAX_ATTEMPTS
from app.speech.events import SegmentChecked, SegmentEnded, SegmentStarted, SpeechEvent
from app.speech.playback import Listener
from app.speech.receipt import Receipt
from app.speech.request import CheckMode, SpeechRequest
from app.speech.service import SpeechService
from tests.support.fake_engine import RATE_HZ, FakeEngine
from tests.support.fake_recognizer import FakeRecognizer

FIRST, SECOND, THIRD = "The boat came home late.", "Nobody saw the other one.", "It rained all night, said the old man."
TEXT = f"{FIRST} {SECOND} {THIRD}"


def run(scenario: Callable[[], Awaitable[None]]) -> None:
    async def whole() -> None:
        async with asyncio.timeout(60):
            await scenario()

    asyncio.run(whole())


def service_of(
    tmp_path: Path, engine: FakeEngine, recognizer: FakeRecognizer | None, check: CheckMode = "off"
) -> SpeechService:
    lifecycle = Lifecycle()
    lifecycle.is_ready()
    return SpeechService(engine, Settings(data=tmp_path, check=check), lifecycle, recognizer=recognizer)


class Spoken:
    """An answer, read to its end."""

    def __init__(self, receipt: Receipt, samples: Samples, checks: list[SegmentChecked]) -> None:
        self.receipt = receipt
        self.samples = samples
        self.checks = checks

    @property
    def verdicts(self) -> list[tuple[str, int]]:
        return [(each.verdict, each.num_attempts) for each in self.checks]

    def is_segment(self, index: int, other: "Spoken") -> bool:
        """True where a segment sounds as it does in `other`."""
        mine, theirs = (
            each.samples[round(part.start_s * RATE_HZ) : round(part.end_s * RATE_HZ)]
            for each in (self, other)
            for part in (each.receipt.segments[index],)
        )
        return np.array_equal(mine, theirs)


async def collected(speech: AsyncIterator[SpeechEvent]) -> list[SpeechEvent]:
    return [event async for event in speech]


async def spoken(
    tmp_path: Path,
    check: CheckMode | None,
    recognizer: FakeRecognizer | None = None,
    engine: FakeEngine | None = None,
    *,
    clock: Callable[[], float] | None = None,
    text: str = TEXT,
    **fields: Any,
) -> Spoken:
    service = service_of(tmp_path, engine or FakeEngine(), recognizer or FakeRecognizer())
    if clock is not None:
        fields["listener"] = Listener(clock)
    speech = await service.speak(SpeechRequest(text=text, seed=1, check=check, **fields))
    parts: list[Samples] = []
    checks: list[SegmentChecked] = []
    async for event in speech:
        if isinstance(event, np.ndarray):
            parts.append(event)
        elif isinstance(event, SegmentChecked):
            checks.append(event)
    await service.aclose()
    assert list(speech.receipt().checks) == checks
    return Spoken(speech.receipt(), np.concatenate(parts), checks)


@pytest.mark.parametrize("is_streaming", [False, True])
@pytest.mark.parametrize("mode", ["report", "retry"])
def test_a_check_that_passes_changes_no_sample(tmp_path: Path, mode: CheckMode, is_streaming: bool) -> None:
    async def scenario() -> None:
        plain = await spoken(tmp_path, "off", streaming=is_streaming)
        checked = await spoken(tmp_path, mode, streaming=is_streaming)
        assert np.array_equal(plain.samples, checked.samples)
        assert plain.receipt.segments == checked.receipt.segments
        assert plain.checks == []
        assert checked.verdicts == [("passed", 1)] * 3
        assert checked.receipt.warnings == ()

    run(scenario)


def test_a_report_delivers_a_failed_segment_as_it_is_and_says_so(tmp_path: Path) -> None:
    async def scenario() -> None:
        engine = FakeEngine()
        checked = await spoken(tmp_path, "report", FakeRecognizer(faulty={SECOND: 9}), engine)
        assert checked.verdicts == [("passed", 1), ("failed", 1), ("passed", 1)]
        assert checked.receipt.warnings == ('segment 1 may differ from its text: "Nobody" is missing',)
        assert len(engine.requests) == 1
        assert np.array_equal(checked.samples, (await spoken(tmp_path, "off")).samples)

    run(scenario)


def test_a_failed_segment_is_spoken_again_with_another_seed_and_no_other_segment_changes(tmp_path: Path) -> None:
    async def scenario() -> None:
        engine = FakeEngine()
        checked = await spoken(tmp_path, "retry", FakeRecognizer(faulty={SECOND: 1}), engine)
        plain = await spoken(tmp_path, "off")
        assert checked.verdicts == [("passed", 1), ("passed", 2), ("passed", 1)]
        assert [checked.is_segment(index, plain) for index in range(3)] == [True, False, True]
        assert checked.receipt.warnings == ()
        [_, again] = engine.requests
        assert [sequence.segment.text for sequence in again.sequences] == [SECOND]
        assert again.seed != engine.requests[0].seed

    run(scenario)


def test_the_same_request_is_mended_in_the_same_way(tmp_path: Path) -> None:
    async def scenario() -> None:
        first, second = [await spoken(tmp_path, "retry", FakeRecognizer(faulty={FIRST: 1, THIRD: 2})) for _ in range(2)]
        assert np.array_equal(first.samples, second.samples)

    run(scenario)


def test_the_third_attempt_is_cut_at_a_clause_and_the_last_one_is_whole(tmp_path: Path) -> None:
    async def scenario() -> None:
        engine = FakeEngine()
        checked = await spoken(tmp_path, "retry", FakeRecognizer(faulty={THIRD: 3}), engine)
        assert checked.verdicts == [("passed", 1), ("passed", 1), ("passed", 4)]
        texts = [[sequence.segment.text for sequence in request.sequences] for request in engine.requests[1:]]
        assert texts == [[THIRD], ["It rained all night,", "said the old man."], [THIRD]]
        assert len({request.seed for request in engine.requests}) == 4

    run(scenario)


def test_a_segment_that_is_never_right_is_delivered_as_it_was_first_and_with_a_warning(tmp_path: Path) -> None:
    async def scenario() -> None:
        engine = FakeEngine()
        checked = await spoken(tmp_path, "retry", FakeRecognizer(faulty={SECOND: 9}), engine)
        assert checked.verdicts == [("passed", 1), ("failed", MAX_ATTEMPTS), ("passed", 1)]
        assert checked.is_segment(1, await spoken(tmp_path, "off"))
        assert len(engine.requests) == MAX_ATTEMPTS
        assert checked.receipt.warnings == ('segment 1 may differ from its text: "Nobody" is missing',)

    run(scenario)


def test_an_attempt_without_any_sound_is_spoken_again(tmp_path: Path) -> None:
    class SilentOnce(FakeEngine):
        def submit(self, request: Request) -> ChunkStream:
            stream = super().submit(request)
            if len(self.requests) == 1:
                deliver = stream.deliver

                def silently(chunk: AudioChunk) -> None:
                    is_silent = chunk.segment_index == 1
                    deliver(AudioChunk(chunk.segment_index, chunk.samples * (not is_silent), is_last=chunk.is_last))

                stream.deliver = silently  # type: ignore[method-assign]
            return stream

    async def scenario() -> None:
        checked = await spoken(tmp_path, "retry", engine=SilentOnce())
        assert checked.verdicts == [("passed", 1), ("passed", 2), ("passed", 1)]

    run(scenario)


@pytest.mark.parametrize("refusal", [QueueFull("no place", retry_after_s=2), EngineFailure("lost")])
def test_an_engine_that_refuses_a_second_attempt_leaves_the_first(tmp_path: Path, refusal: Exception) -> None:
    class Once(FakeEngine):
        def submit(self, request: Request) -> ChunkStream:
            if self.requests:
                raise refusal
            return super().submit(request)

    async def scenario() -> None:
        checked = await spoken(tmp_path, "retry", FakeRecognizer(faulty={SECOND: 9}), Once())
        assert checked.verdicts == [("passed", 1), ("failed", 1), ("passed", 1)]
        assert np.array_equal(checked.samples, (await spoken(tmp_path, "off")).samples)

    run(scenario)


@pytest.mark.parametrize("mode", ["report", "retry"])
def test_a_recogniser_that_is_full_leaves_segments_unchecked_and_audible(tmp_path: Path, mode: CheckMode) -> None:
    async def scenario() -> None:
        full = FakeRecognizer(fails=QueueFull("64 segments are waiting", retry_after_s=2))
        checked = await spoken(tmp_path, mode, full)
        assert checked.verdicts == [("unchecked", 1)] * 3
        assert checked.receipt.warnings[0] == "segment 0 is not checked: 64 segments are waiting"
        assert np.array_equal(checked.samples, (await spoken(tmp_path, "off")).samples)

    run(scenario)


@pytest.mark.parametrize("is_streaming", [False, True])
@pytest.mark.parametrize("mode", ["report", "retry"])
def test_a_recogniser_with_too_much_to_do_is_not_asked(tmp_path: Path, mode: CheckMode, is_streaming: bool) -> None:
    async def scenario() -> None:
        busy = FakeRecognizer(pace=1e6)
        checked = await spoken(tmp_path, mode, busy, streaming=is_streaming, clock=lambda: 5.0)
        assert checked.verdicts == [("unchecked", 1)] * 3
        assert checked.receipt.warnings[0] == f"segment 0 is not checked: {BUSY}"
        assert busy.known == []
        assert np.array_equal(checked.samples, (await spoken(tmp_path, "off", streaming=is_streaming)).samples)

    run(scenario)


def test_a_segment_is_not_spoken_again_where_the_recogniser_could_not_hear_it_in_time(tmp_path: Path) -> None:
    class BusyFromNowOn(FakeRecognizer):
        async def align(self, speech: Sequence[KnownSpeech]) -> list[Alignment | None]:
            self.pace = 1e6 * any(each.written == SECOND for each in speech)
            return await super().align(speech)

    async def scenario() -> None:
        engine = FakeEngine()
        checked = await spoken(tmp_path, "retry", BusyFromNowOn(faulty={SECOND: 9}), engine, text=f"{FIRST} {SECOND}")
        assert checked.verdicts == [("passed", 1), ("failed", 1)]
        assert len(engine.requests) == 1

    run(scenario)


def test_audio_does_not_wait_for_the_end_of_a_check_that_was_given_up(tmp_path: Path) -> None:
    class Lingering(FakeRecognizer):
        ends = asyncio.Event()

        async def align(self, speech: Sequence[KnownSpeech]) -> list[Alignment | None]:
            try:
                if speech[0].written == SECOND and not self.ends.is_set():
                    await asyncio.Event().wait()
            finally:
                if speech[0].written == SECOND:
                    await self.ends.wait()
            return await super().align(speech)

    async def scenario() -> None:
        recognizer = Lingering()
        service = service_of(tmp_path, FakeEngine(), recognizer)
        request = SpeechRequest(text=TEXT, seed=1, check="retry", streaming=True, listener=Listener(lambda: 5.0))
        async for event in await service.speak(request):
            if isinstance(event, SegmentStarted) and event.index == 1:
                recognizer.ends.set()
        await service.aclose()
        assert asyncio.all_tasks() == {asyncio.current_task()}

    run(scenario)


def test_a_stream_never_waits_for_its_first_segment_and_mends_the_next_while_that_is_heard(tmp_path: Path) -> None:
    async def scenario() -> None:
        recognizer = FakeRecognizer(faulty={FIRST: 1, SECOND: 1})
        checked = await spoken(tmp_path, "retry", recognizer, streaming=True, clock=lambda: 5.0)
        assert checked.verdicts == [("failed", 1), ("passed", 2), ("passed", 1)]

    run(scenario)


def test_a_stream_whose_listener_has_nothing_in_hand_is_delivered_as_it_is(tmp_path: Path) -> None:
    async def scenario() -> None:
        times = iter(range(0, 1_000_000, 10))
        engine = FakeEngine()
        recognizer = FakeRecognizer(faulty={FIRST: 1, SECOND: 1})
        checked = await spoken(tmp_path, "retry", recognizer, engine, streaming=True, clock=lambda: float(next(times)))
        assert len(engine.requests) == 1
        assert np.array_equal(checked.samples, (await spoken(tmp_path, "off", streaming=True)).samples)

    run(scenario)


def test_a_segment_that_is_not_checked_in_time_is_delivered_as_it_is(tmp_path: Path) -> None:
    """The recogniser answers only when the second segment is heard already."""

    async def scenario() -> None:
        waits = asyncio.Event()
        engine = FakeEngine()
        service = service_of(tmp_path, engine, FakeRecognizer(faulty={SECOND: 9}, waits=waits))
        request = SpeechRequest(text=TEXT, seed=1, check="retry", streaming=True, listener=Listener(lambda: 5.0))
        verdicts: list[str] = []
        async for event in await service.speak(request):
            if isinstance(event, SegmentStarted) and event.index == 1:
                waits.set()
            if isinstance(event, SegmentChecked):
                verdicts.append(event.verdict)
        assert verdicts == ["passed", "failed", "passed"]
        assert len(engine.requests) == 1
        await service.aclose()

    run(scenario)


@pytest.mark.parametrize(
    ("named", "by_default", "has_recognizer", "mode"),
    [
        (None, "off", True, "off"),
        (None, "retry", True, "retry"),
        (None, "retry", False, "off"),
        ("off", "retry", True, "off"),
        ("report", "off", True, "report"),
    ],
)
def test_a_request_without_a_mode_has_that_of_the_server(
    tmp_path: Path, named: CheckMode | None, by_default: CheckMode, has_recognizer: bool, mode: CheckMode
) -> None:
    recognizer = FakeRecognizer() if has_recognizer else None

    async def scenario() -> None:
        service = service_of(tmp_path, FakeEngine(), recognizer, by_default)
        assert service.check_mode(SpeechRequest(text=TEXT, check=named)) == mode

    run(scenario)


def test_an_answer_that_is_left_leaves_nothing_under_way(tmp_path: Path) -> None:
    async def scenario() -> None:
        recognizer = FakeRecognizer(waits=asyncio.Event())
        engine = FakeEngine()
        service = service_of(tmp_path, engine, recognizer)
        starting = asyncio.create_task(service.speak(SpeechRequest(text=TEXT, seed=1, check="retry")))
        while not recognizer.known:
            await asyncio.sleep(0.001)
        starting.cancel()
        await asyncio.wait((starting,))
        assert engine.stats().admitted_requests == 0
        await service.aclose()
        assert asyncio.all_tasks() == {asyncio.current_task()}

    run(scenario)


def test_a_verdict_comes_while_the_engine_makes_no_audio(tmp_path: Path) -> None:
    async def scenario() -> None:
        heard, engine = asyncio.Event(), FakeEngine()
        service = service_of(tmp_path, engine, FakeRecognizer(waits=heard))
        request = SpeechRequest(text=f"{FIRST} Then please wait for it.", seed=1, check="report", streaming=True)
        speech = await service.speak(request)
        while not isinstance(await anext(speech), SegmentEnded):
            pass
        coming = asyncio.ensure_future(anext(speech))
        for _ in range(20):
            await asyncio.sleep(0)
        assert not coming.done()
        heard.set()
        assert isinstance(await coming, SegmentChecked)
        left = asyncio.ensure_future(anext(speech))
        await asyncio.sleep(0)
        left.cancel()
        await speech.aclose()
        await service.aclose()
        assert engine.stats().admitted_requests == 0

    run(scenario)


@pytest.mark.parametrize("waits_for", ["audio", "verdict"])
def test_a_stream_that_another_task_closes_ends_for_its_reader(tmp_path: Path, waits_for: str) -> None:
    async def scenario() -> None:
        engine = FakeEngine()
        service = service_of(tmp_path, engine, FakeRecognizer(waits=asyncio.Event()))
        text = f"{FIRST} Then please wait for it." if waits_for == "audio" else FIRST
        speech = await service.speak(SpeechRequest(text=text, seed=1, check="report", streaming=True))
        while not isinstance(await anext(speech), SegmentEnded):
            pass
        read = asyncio.ensure_future(collected(speech))
        for _ in range(20):
            await asyncio.sleep(0)
        assert not read.done()
        await speech.aclose()
        assert await read == []
        assert await collected(speech) == []
        await service.aclose()
        assert engine.stats().admitted_requests == 0

    run(scenario)
