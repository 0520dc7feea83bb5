"""Events of a transcription, its deadline, its end."""

import asyncio
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.asr.base import Finished, LanguageDetected, Progress, RecognizedSegment
from app.errors import DeadlineExceeded, EngineFailure, QueueFull, UnsupportedLanguage
from app.lifecycle import Lifecycle
from app.settings import Settings
from app.transcription.request import TranscriptionOptions
from app.transcription.service import TranscriptionService
from tests.support.clock import Clock
from tests.support.fake_recognizer import FakeRecognizer, FakeStream

SAMPLES = np.zeros(32_000, np.int16)
DEFAULT = TranscriptionOptions()


def service_of(recognizer: FakeRecognizer, tmp_path: Path, **settings: Any) -> tuple[TranscriptionService, Lifecycle]:
    lifecycle = Lifecycle()
    lifecycle.is_ready()
    return TranscriptionService(recognizer, Settings(data=tmp_path, **settings), lifecycle), lifecycle


def test_events_come_in_order_and_the_whole_is_the_same(tmp_path: Path) -> None:
    async def scenario() -> None:
        service, _ = service_of(FakeRecognizer(), tmp_path)
        stream = service.transcribe(SAMPLES, DEFAULT)
        await stream.start()
        kinds = [type(event) async for event in stream]
        assert kinds == [LanguageDetected, RecognizedSegment, RecognizedSegment, Progress, Finished]
        assert stream.language == "en"
        await stream.aclose()
        whole = await service.transcribe(SAMPLES, DEFAULT).collect()
        assert whole == stream.transcript()
        assert (whole.text, whole.duration_s) == ("Good morning. The river is wide.", 2.0)

    asyncio.run(scenario())


def test_what_is_held_is_given_back_once_however_a_stream_ends(tmp_path: Path) -> None:
    async def scenario() -> None:
        recognizer = FakeRecognizer()
        service, lifecycle = service_of(recognizer, tmp_path)
        stream = service.transcribe(SAMPLES, DEFAULT)
        assert (service.held_s, lifecycle.num_in_flight) == (2.0, 1)
        await stream.aclose()
        await stream.aclose()
        assert (service.held_s, lifecycle.num_in_flight) == (0.0, 0)
        assert recognizer.streams[0].is_closed
        with pytest.raises(UnsupportedLanguage):
            service.transcribe(SAMPLES, TranscriptionOptions(language="xx"))
        assert (service.held_s, lifecycle.num_in_flight) == (0.0, 0)

    asyncio.run(scenario())


def test_a_refusal_of_the_recogniser_leaves_nothing_behind(tmp_path: Path) -> None:
    async def scenario() -> None:
        service, lifecycle = service_of(FakeRecognizer(max_admitted=1), tmp_path)
        held = service.transcribe(SAMPLES, DEFAULT)
        with pytest.raises(QueueFull):
            service.transcribe(SAMPLES, DEFAULT)
        assert (service.held_s, lifecycle.num_in_flight) == (2.0, 1)
        await held.aclose()
        assert (await service.transcribe(SAMPLES, DEFAULT).collect()).text
        assert service.held_s == 0.0

    asyncio.run(scenario())


@pytest.mark.parametrize("how", ["start", "collect"])
def test_a_late_text_is_told_so_and_cancelled(tmp_path: Path, how: str) -> None:
    async def scenario() -> None:
        class Stuck(FakeRecognizer):
            def _events(self, request: Any) -> Any:
                return [asyncio.Event()]

        recognizer = Stuck()
        service, _ = service_of(recognizer, tmp_path, request_timeout_s=0.01)
        with pytest.raises(DeadlineExceeded, match=r"the transcription did not come within 0\.01 seconds"):
            await getattr(service.transcribe(SAMPLES, DEFAULT), how)()
        assert recognizer.streams[0].is_closed

    asyncio.run(scenario())


def test_a_stream_may_take_longer_than_the_deadline_but_not_a_piece_of_it(tmp_path: Path) -> None:
    async def scenario() -> None:
        recognizer = FakeRecognizer(waits=asyncio.Event())
        service, _ = service_of(recognizer, tmp_path, request_timeout_s=0.05)
        stream = service.transcribe(SAMPLES, DEFAULT)
        await stream.start()
        with pytest.raises(DeadlineExceeded):
            async for _ in stream:
                pass
        assert recognizer.streams[0].is_closed

    asyncio.run(scenario())


@pytest.mark.parametrize(("each_s", "is_in_time"), [(0.9, True), (1.1, False)])
def test_a_whole_transcript_may_take_longer_than_the_deadline_while_each_event_comes_within_it(
    tmp_path: Path, each_s: float, is_in_time: bool
) -> None:
    async def scenario() -> None:
        clock = Clock()
        asyncio.get_running_loop().time = clock  # type: ignore[method-assign]

        class SlowStream(FakeStream):
            async def __anext__(self) -> Any:
                clock.now_s += each_s
                for _ in range(2):
                    await asyncio.sleep(0)  # the turns of the loop in which a passed deadline cancels
                return await super().__anext__()

        class Slow(FakeRecognizer):
            def submit(self, request: Any) -> FakeStream:
                self.streams.append(SlowStream(self._events(request)))
                return self.streams[-1]

        recognizer = Slow()
        service, _ = service_of(recognizer, tmp_path, request_timeout_s=1.0)
        with nullcontext() if is_in_time else pytest.raises(DeadlineExceeded):
            assert (await service.transcribe(SAMPLES, DEFAULT).collect()).text
        assert recognizer.streams[0].is_closed
        assert service.held_s == 0.0

    asyncio.run(scenario())


def test_a_recogniser_that_ends_without_a_receipt_has_failed(tmp_path: Path) -> None:
    async def scenario() -> None:
        class Short(FakeRecognizer):
            def submit(self, request: Any) -> FakeStream:
                self.streams.append(FakeStream([LanguageDetected("en", 1.0)]))
                return self.streams[-1]

        service, _ = service_of(Short(), tmp_path)
        with pytest.raises(EngineFailure, match="ended before the recording did"):
            await service.transcribe(SAMPLES, DEFAULT).collect()

    asyncio.run(scenario())
