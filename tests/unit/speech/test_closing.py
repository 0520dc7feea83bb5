"""Closing an answer of several streams where closing one of them fails. Above the engine seam."""

import asyncio
from pathlib import Path

import pytest

from app.engine.scheduler import Request
from app.engine.stream import ChunkStream
from app.errors import EngineFailure
from app.lifecycle import Lifecycle
from app.settings import Settings
from app.speech.conversation import Conversation
from app.speech.dialogue import Dialogue, Turn
from app.speech.request import SpeechRequest
from app.speech.service import SpeechService
from tests.support.fake_engine import FakeEngine


class StuckEngine(FakeEngine):
    """Gives the place of a text with "stuck" back and then fails."""

    def submit(self, request: Request) -> ChunkStream:
        stream = super().submit(request)
        if "stuck" in request.sequences[0].segment.text:
            release = stream._on_close

            def fail() -> None:
                release()
                raise EngineFailure("stuck")

            stream._on_close = fail
        return stream


def service_of(tmp_path: Path) -> SpeechService:
    lifecycle = Lifecycle()
    lifecycle.is_ready()
    return SpeechService(StuckEngine(max_slots=8, max_queue=8), Settings(data=tmp_path), lifecycle)


async def until_admitted(service: SpeechService, num_requests: int) -> None:
    async with asyncio.timeout(20):
        while service.engine.stats().admitted_requests < num_requests:
            await asyncio.sleep(0)


def test_a_dialogue_closes_the_turns_behind_one_that_cannot_be_closed(tmp_path: Path) -> None:
    async def scenario() -> None:
        service = service_of(tmp_path)
        texts = ("I am stuck.", "I am stuck too.", "I am not.")
        dialogue = Dialogue(service, [Turn(SpeechRequest(text=text)) for text in texts])
        await dialogue.start()
        await until_admitted(service, 3)
        with pytest.raises(EngineFailure, match="stuck"):
            await dialogue.aclose()
        assert service.engine.stats().admitted_requests == 0

    asyncio.run(scenario())


def test_a_conversation_closes_the_sentences_behind_one_that_cannot_be_closed(tmp_path: Path) -> None:
    async def scenario() -> None:
        service = service_of(tmp_path)
        conversation = Conversation(
            service,
            SpeechRequest(text=""),
            max_pending_chars=1000,
            on_spoken=lambda receipt: None,
            provenance=None,
        )
        conversation.write("I am stuck here. I am not. ")
        conversation.flush()
        await until_admitted(service, 2)
        with pytest.raises(EngineFailure, match="stuck"):
            await conversation.aclose()
        assert service.engine.stats().admitted_requests == 0

    asyncio.run(scenario())
