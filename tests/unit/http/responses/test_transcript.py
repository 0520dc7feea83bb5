"""A transcript as an answer that is cancelled."""

import asyncio
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from litestar import Request

from app.http.metrics import Metrics
from app.http.middleware.at_end import AtEnd
from app.http.responses.transcript import events_response, whole_transcript
from app.http.responses.transcript_events import timed_events
from app.lifecycle import Lifecycle
from app.settings import Settings
from app.transcription.request import TranscriptionOptions
from app.transcription.service import TranscriptionService
from tests.support.fake_recognizer import FakeRecognizer

MAX_TURNS = 100


async def nothing_comes() -> Any:
    await asyncio.Event().wait()


@pytest.mark.parametrize("how", ["stream", "whole"])
def test_an_answer_that_is_cancelled_at_any_turn_of_the_loop_holds_nothing(tmp_path: Path, how: str) -> None:
    async def ended_before(num_turns: int) -> bool:
        """Cancel the answer after `num_turns`; True if it had ended by then."""
        lifecycle, recognizer = Lifecycle(), FakeRecognizer()
        lifecycle.is_ready()
        service = TranscriptionService(recognizer, Settings(data=tmp_path), lifecycle)
        metrics = Metrics(lifecycle, lambda: None)

        async def handle(scope: Any, receive: Any, send: Any) -> None:
            request: Request[Any, Any, Any] = Request(scope, receive)
            stream = service.transcribe(np.zeros(32_000, np.int16), TranscriptionOptions())
            if how == "stream":
                await events_response(request, metrics, stream, timed_events)  # whose body is never asked for
            else:
                await whole_transcript(request, metrics, stream)

        answering = asyncio.create_task(AtEnd(handle)({"type": "http"}, nothing_comes, nothing_comes))
        for _ in range(num_turns):
            await asyncio.sleep(0)
        has_ended = answering.done()
        answering.cancel()
        await asyncio.wait((answering,))
        assert (service.held_s, lifecycle.num_in_flight) == (0.0, 0), f"cancelled after {num_turns} turns"
        assert recognizer.stats().admitted_requests == 0
        return has_ended

    async def scenario() -> None:
        for num_turns in range(1, MAX_TURNS):
            if await ended_before(num_turns):
                assert num_turns > 1
                return
        raise AssertionError("the answer never ended")

    asyncio.run(scenario())
