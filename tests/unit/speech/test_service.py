"""The journey of a request: its deadline, its level, and the thread on which its text is read."""

import asyncio
import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from app.audio.reference import ReferenceClip
from app.engine import scheduler
from app.engine.values import Voice
from app.errors import DeadlineExceeded, QueueFull, TextTooLong, UnsupportedLanguage
from app.lifecycle import Lifecycle
from app.settings import Settings
from app.speech.request import SpeechRequest
from app.speech.service import SpeechService
from app.text.lexicon import FindLexicons, no_lexicons
from app.text.segments import Segment
from app.voices.consent import GivenConsent
from tests.support.fake_engine import FakeEngine

CLIP = ReferenceClip(samples=np.zeros(100, np.float32), sample_rate_hz=24_000, sha256="a" * 64)
NO_CONSENT = GivenConsent(None, None)
HELLO = SpeechRequest(text="Hello there, how are you?", seed=1)


def service_of(engine: FakeEngine, tmp_path: Path, *, timeout_s: float = 300.0) -> SpeechService:
    lifecycle = Lifecycle()
    lifecycle.is_ready()
    return SpeechService(engine, Settings(data=tmp_path, request_timeout_s=timeout_s), lifecycle)


def test_a_voice_that_is_not_cloned_in_time_ends_the_request(tmp_path: Path) -> None:
    class Silent(FakeEngine):
        async def clone(self, clips: Sequence[ReferenceClip]) -> Voice:
            return await asyncio.get_running_loop().create_future()

    async def scenario() -> None:
        service = service_of(Silent(), tmp_path, timeout_s=0.02)
        with pytest.raises(DeadlineExceeded, match="CHORUS_REQUEST_TIMEOUT_S"):
            await service.clone(HELLO, [CLIP], NO_CONSENT)

    asyncio.run(scenario())


def test_cloning_and_speaking_share_one_deadline(tmp_path: Path) -> None:
    """The voice comes with the last of the time: nothing is left for the audio, which would come at once."""

    class Slow(FakeEngine):
        async def clone(self, clips: Sequence[ReferenceClip]) -> Voice:
            loop = asyncio.get_running_loop()
            try:
                return await loop.create_future()
            except asyncio.CancelledError:
                return await super().clone(clips)

    async def scenario() -> None:
        engine = Slow()
        service = service_of(engine, tmp_path, timeout_s=0.02)
        with pytest.raises(DeadlineExceeded):
            await service.clone(HELLO, [CLIP], NO_CONSENT)
        assert engine.requests == []

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("request_", "error"),
    [
        (SpeechRequest(text="Hello.", language="xx"), UnsupportedLanguage),
        (SpeechRequest(text="Hello. " * 5000), TextTooLong),
    ],
)
def test_a_request_that_is_refused_anyway_clones_no_voice(
    tmp_path: Path, request_: SpeechRequest, error: type[Exception]
) -> None:
    async def scenario() -> None:
        engine = FakeEngine()
        with pytest.raises(error):
            await service_of(engine, tmp_path).clone(request_, [CLIP], NO_CONSENT)
        assert engine.num_cloned == 0

    asyncio.run(scenario())


def test_text_is_read_and_tokenised_on_a_thread_of_the_text_pool(tmp_path: Path) -> None:
    threads: set[str] = set()

    class Watched(FakeEngine):
        def prepare(
            self, segments: Sequence[Segment], language: str, find_lexicons: FindLexicons = no_lexicons
        ) -> tuple[scheduler.Sequence, ...]:
            threads.add(threading.current_thread().name)
            return super().prepare(segments, language, find_lexicons)

    async def scenario() -> None:
        speech = await service_of(Watched(), tmp_path).speak(HELLO)
        await speech.aclose()

    asyncio.run(scenario())
    assert threads
    assert all(name.startswith("text") for name in threads)


def test_the_level_of_a_voice_is_measured_before_its_first_answer_and_never_again(tmp_path: Path) -> None:
    class Unmeasured(FakeEngine):
        def __init__(self) -> None:
            super().__init__(max_slots=1, max_queue=0)
            self.only_voice = Voice(id="heart")

        def voice(self, speaker_id: str) -> Voice:
            return self.only_voice

    async def scenario() -> None:
        engine = Unmeasured()
        service = service_of(engine, tmp_path)
        answers = [await (await service.speak(HELLO)).collect() for _ in range(2)]
        assert len(engine.requests) == 3
        assert not engine.requests[0].streaming
        np.testing.assert_array_equal(*answers)
        assert engine.only_voice.level is not None

    asyncio.run(scenario())


def test_a_full_engine_refuses_a_voice_whose_level_is_not_known_as_it_refuses_the_answer(tmp_path: Path) -> None:
    class Unmeasured(FakeEngine):
        def voice(self, speaker_id: str) -> Voice:
            return Voice(id=speaker_id, level=None if speaker_id == "harald" else super().voice(speaker_id).level)

    async def scenario() -> None:
        engine = Unmeasured(max_slots=1, max_queue=0)
        service = service_of(engine, tmp_path)
        waiting = await service.admit(SpeechRequest(text="Please wait for this."))
        with pytest.raises(QueueFull):
            await service.speak(SpeechRequest(text="Hello there.", speaker_id="harald"))
        await waiting.aclose()
        assert engine.stats().admitted_requests == 0

    asyncio.run(scenario())
