from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from app.settings import Settings
from tests.support.fake_engine import FakeEngine
from tests.support.server import RunningServer, serve


class NoThreads(ThreadPoolExecutor):
    """Refuses every call."""

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Any:
        raise AssertionError(f"{fn} was handed to the default executor")


@pytest.fixture
def without_threads(tmp_path: Path) -> Iterator[RunningServer]:
    with serve(Settings(data=tmp_path), FakeEngine) as server:
        server.on_loop(lambda: server.loop.set_default_executor(NoThreads(1)))
        yield server
        server.on_loop(lambda: server.loop.set_default_executor(ThreadPoolExecutor(1)))


@pytest.mark.parametrize("path", ["/health/live", "/health", "/speakers", "/metrics", "/docs", "/nothing"])
def test_a_question_is_answered_on_the_event_loop(without_threads: RunningServer, path: str) -> None:
    with without_threads.client() as client:
        assert client.get(path).status_code == (404 if path == "/nothing" else 200)


def test_speech_uses_the_pools_of_its_kinds_of_work_only(without_threads: RunningServer) -> None:
    with without_threads.client() as client:
        assert client.post("/tts", json={"text": "Hello there."}).status_code == 200
        assert client.post("/tts", json={"text": "Hello there.", "stream": True}).status_code == 200
