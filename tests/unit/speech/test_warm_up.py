"""The first sentence: spoken through the engine's own door, and given back whatever happens."""

import asyncio
from collections.abc import Sequence
from typing import Any, ClassVar

import msgspec
import pytest

from app.engine import scheduler
from app.engine.base import Speaker
from app.errors import EngineFailure
from app.speech.warm_up import warm_up
from app.text.segments import Segment
from tests.support.fake_engine import FakeEngine


def test_one_sentence_is_spoken_and_everything_given_back() -> None:
    async def test() -> None:
        engine = FakeEngine()
        await warm_up(engine)
        assert [request.sequences[0].language for request in engine.requests] == ["en"]
        assert engine.stats().admitted_requests == 0

    asyncio.run(test())


def test_an_engine_without_english_is_warmed_in_its_own_language() -> None:
    async def test() -> None:
        engine = FakeEngine()
        engine.info = msgspec.structs.replace(engine.info, languages=("de",))
        await warm_up(engine)
        assert [request.sequences[0].language for request in engine.requests] == ["de"]

    asyncio.run(test())


def test_text_is_prepared_once_in_every_language_of_the_engine() -> None:
    """With a digit, which loads the grammar of the language and its number words."""

    class Watched(FakeEngine):
        prepared: ClassVar[dict[str, str]] = {}

        def prepare(self, segments: Sequence[Segment], language: str, *rest: Any) -> tuple[scheduler.Sequence, ...]:
            self.prepared.setdefault(language, segments[0].text)
            return super().prepare(segments, language, *rest)

    async def test() -> None:
        engine = Watched()
        engine.info = msgspec.structs.replace(engine.info, languages=("en", "ru", "ja"))
        await warm_up(engine)

    asyncio.run(test())
    assert set(Watched.prepared) == {"en", "ru", "ja"}
    assert all(any(char.isdigit() for char in text) for text in Watched.prepared.values())


def test_an_engine_without_a_voice_is_left_as_it_is() -> None:
    class Voiceless(FakeEngine):
        def speakers(self) -> Sequence[Speaker]:
            return ()

    async def test() -> None:
        engine = Voiceless()
        await warm_up(engine)
        assert engine.requests == []

    asyncio.run(test())


def test_an_engine_that_cannot_speak_it_fails_the_start() -> None:
    class Broken(FakeEngine):
        def submit(self, request: object) -> object:  # type: ignore[override]
            raise EngineFailure("no kernel image is available")

    with pytest.raises(EngineFailure, match="no kernel image"):
        asyncio.run(warm_up(Broken()))  # type: ignore[arg-type]
