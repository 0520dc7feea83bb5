"""Streams beyond those that the engine carries without gaps: 503 with `Retry-After`, and the figures behind it."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, cast

import httpx
import pytest

from app.engine.capacity import FULL_LOAD, Capacity
from app.engine.live import LiveStreams
from app.settings import Settings
from tests.support.fake_engine import FakeEngine
from tests.support.metrics import scrape
from tests.support.server import RunningServer, serve

PLACES = 2
HELD = "Please wait. " * 3


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RunningServer]:
    """Carries PLACES streams, in which nobody may wait; its answers wait for `release`."""
    live = LiveStreams(
        Capacity({1: FULL_LOAD / PLACES}), is_limited=True, max_wait_s=0.0, max_ahead_s=30.0, shares_steps=True
    )
    with serve(Settings(data=tmp_path), lambda: FakeEngine(max_queue=10, live=live)) as server:
        yield server


def post(server: RunningServer, path: str, body: dict[str, Any]) -> httpx.Response:
    with server.client() as client:
        return client.post(path, json=body, timeout=60)


def stream(server: RunningServer) -> httpx.Response:
    return post(server, "/tts", {"text": HELD, "stream": True, "format": "pcm"})


def release(server: RunningServer) -> None:
    server.on_loop(cast("FakeEngine", server.engine).release.set)


def test_a_stream_beyond_the_capacity_is_refused_and_told_when_to_come_again(server: RunningServer) -> None:
    with ThreadPoolExecutor(PLACES) as pool:
        held = [pool.submit(stream, server) for _ in range(PLACES)]
        page = scrape(server, lambda page: page("chorus_capacity_ratio") == 1)
        assert page("chorus_capacity_streams") == PLACES
        refused = stream(server)
        assert refused.status_code == 503
        assert refused.json()["error"]["code"] == "queue_full"
        assert refused.headers["Retry-After"] == "1"
        release(server)
        assert [answer.result().status_code for answer in held] == [200] * PLACES
    assert scrape(server, lambda page: page("chorus_capacity_ratio") == 0)
    assert stream(server).status_code == 200


def test_whole_answers_and_openai_audio_wait_where_a_stream_is_refused(server: RunningServer) -> None:
    speech = {"model": "tts-1", "voice": "alloy", "input": HELD, "response_format": "pcm"}
    with ThreadPoolExecutor(PLACES + 2) as pool:
        held = [pool.submit(stream, server) for _ in range(PLACES)]
        scrape(server, lambda page: page("chorus_capacity_ratio") == 1)
        held.append(pool.submit(post, server, "/tts", {"text": HELD}))
        held.append(pool.submit(post, server, "/v1/audio/speech", speech))
        scrape(server, lambda page: page("chorus_requests_admitted") == PLACES + 2)
        assert post(server, "/v1/audio/speech", speech | {"stream_format": "sse"}).status_code == 503
        release(server)
        assert [answer.result().status_code for answer in held] == [200] * (PLACES + 2)


def test_health_says_how_many_streams_are_carried(server: RunningServer) -> None:
    with server.client() as client:
        assert client.get("/health").json()["capacity"] == {"live": 0, "streams": float(PLACES)}
