"""The first sentence: spoken through the engine's own door, and given back whatever happens."""

import asyncio
from collections.abc import Sequence

import msgspec
import pytest

from app.engine.base import Speaker
from app.errors import EngineFailure
from app.speech.warm_up import warm_up
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
