import asyncio
import gc
import json
import secrets
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import cast

import httpx
import pytest

from app import __version__
from app.errors import EngineFailure
from app.http.asgi import AsgiApp
from app.lifecycle import Lifecycle
from app.server.app import create_app
from app.settings import Settings
from tests.support.fake_engine import FakeEngine
from tests.support.metrics import Page, scrape
from tests.support.server import RunningServer, serve, started
from tests.support.speaking import seconds_of

SPEECH = "One two three. Four five."
BROKEN = "This one is good. Please wait for it. Then we fail."
ENGINE_GAUGES = {
    "chorus_slots_busy",
    "chorus_slots_limit",
    "chorus_requests_admitted",
    "chorus_requests_waiting",
    "chorus_queue_limit",
    "chorus_capacity_streams",
    "chorus_capacity_ratio",
}


def fake(server: RunningServer) -> FakeEngine:
    return cast("FakeEngine", server.engine)


def release(server: RunningServer) -> None:
    server.on_loop(fake(server).release.set)


def in_process(app: AsgiApp) -> httpx.AsyncClient:
    """A client of an app that has no server around it."""
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://chorus")


def test_what_was_asked_for_is_counted(tmp_path: Path) -> None:
    body = {"text": SPEECH, "format": "pcm"}
    openai_body = {"model": "tts-1", "voice": "alloy", "input": SPEECH, "response_format": "pcm"}
    with serve(Settings(data=tmp_path)) as server, server.client() as client:
        whole = client.post("/tts", json=body)
        streamed = client.post("/v1/audio/speech", json=openai_body)
        assert client.post("/tts", json=body | {"speaker_id": "nobody"}).status_code == 404
        assert client.get("/nothing/here").status_code == 404
        page = scrape(server, lambda page: page("chorus_requests_total") == 4)
    assert page("chorus_requests_total", route="/tts", status="200") == 1
    assert page("chorus_requests_total", route="/tts", status="404") == 1
    assert page("chorus_requests_total", route="/v1/audio/speech", status="200") == 1
    assert page("chorus_requests_total", route="other", status="404") == 1
    assert page("chorus_request_seconds_count", route="/tts") == 2
    assert 0 < page("chorus_request_seconds_sum", route="/tts") < 60
    # The two spoken answers.
    delivered_s = seconds_of(whole.content) + seconds_of(streamed.content)
    assert page("chorus_audio_seconds_total") == pytest.approx(delivered_s)
    assert page("chorus_first_audio_seconds_count") == 2
    assert page("chorus_queue_seconds_count") == 2
    assert page("chorus_real_time_factor_count") == 2
    assert page("chorus_queue_seconds_sum") <= page("chorus_first_audio_seconds_sum")
    assert 0 < page("chorus_first_audio_seconds_sum") < page("chorus_request_seconds_sum")


def test_a_listener_whom_the_server_lets_wait_is_an_underrun(fake_server: RunningServer) -> None:
    """The first segment has half a second of audio and a pause, and the second one waits for twice as long."""
    body = {"text": "This one is soon spoken. Please wait for this one.", "stream": True, "format": "pcm"}
    with fake_server.client() as client, client.stream("POST", "/tts", json=body) as answer:
        parts = answer.iter_raw()
        heard_s = seconds_of(next(parts))
        assert 0.5 <= heard_s < 1
        began_at_s = time.perf_counter()
        while time.perf_counter() - began_at_s < 2 * heard_s:
            scrape(fake_server)
        release(fake_server)
        assert list(parts)
    page = scrape(fake_server, lambda page: page("chorus_requests_total") == 1)
    assert page("chorus_underruns_total") == 1
    assert page("chorus_segments_total") == 2
    assert page("chorus_characters_total") == len("This one is soon spoken.") + len("Please wait for this one.")


def test_a_client_that_reads_slowly_is_no_underrun(tmp_path: Path) -> None:
    """Driven by hand: each piece is taken only after far more time than it plays."""

    async def scenario() -> Page:
        app = create_app(Settings(data=tmp_path), FakeEngine())
        asked = json.dumps({"text": "One. " * 40, "stream": True, "format": "pcm"}).encode()
        pieces: list[bytes] = []
        messages = iter([{"type": "http.request", "body": asked, "more_body": False}])

        async def receive() -> dict[str, object]:
            for message in messages:
                return message
            return await asyncio.get_running_loop().create_future()

        async with started(app), in_process(app) as client:

            async def send(message: dict[str, object]) -> None:
                if message["type"] == "http.response.body":
                    pieces.append(cast("bytes", message["body"]))
                    began_at_s = time.perf_counter()
                    while pieces[-1] and time.perf_counter() - began_at_s < 1.5 * seconds_of(pieces[-1]):
                        await client.get("/metrics")

            headers = [(b"content-type", b"application/json"), (b"content-length", str(len(asked)).encode())]
            scope = {"type": "http", "method": "POST", "path": "/tts", "raw_path": b"/tts", "headers": headers}
            scope |= {"query_string": b"", "root_path": "", "scheme": "http", "server": ("x", 80), "client": ("y", 1)}
            scope |= {"http_version": "1.1", "asgi": {"version": "3.0"}, "state": {}}
            await app(scope, receive, send)
            assert sum(map(bool, pieces)) > 1
            return Page(await client.get("/metrics"))

    assert asyncio.run(scenario())("chorus_underruns_total") == 0


def test_a_broken_stream_is_aborted_and_counts_what_was_delivered(fake_server: RunningServer) -> None:
    body = {"text": BROKEN, "stream": True, "format": "pcm"}
    with fake_server.client() as client, client.stream("POST", "/tts", json=body) as answer:
        parts = answer.iter_raw()
        received = [next(parts)]
        release(fake_server)
        with pytest.raises(httpx.RemoteProtocolError):
            received += parts
    page = scrape(fake_server, lambda page: page("chorus_requests_total") == 1)
    assert page("chorus_requests_total", route="/tts", status="aborted") == 1
    assert page("chorus_audio_seconds_total") == pytest.approx(seconds_of(b"".join(received)))
    assert page("chorus_audio_seconds_total") > 0
    assert page("chorus_first_audio_seconds_count") == 1
    assert page("chorus_real_time_factor_count") == 0


def test_of_a_whole_answer_that_breaks_no_audio_is_delivered(fake_server: RunningServer) -> None:
    with fake_server.client() as client, ThreadPoolExecutor(1) as pool:
        held = pool.submit(client.post, "/tts", json={"text": BROKEN})
        scrape(fake_server, lambda page: page("chorus_requests_admitted") == 1)
        release(fake_server)
        assert held.result().status_code == 500
    page = scrape(fake_server, lambda page: page("chorus_requests_total") == 1)
    assert page("chorus_requests_total", route="/tts", status="500") == 1
    assert page("chorus_audio_seconds_total") == 0
    assert page("chorus_first_audio_seconds_count") == 1
    assert page("chorus_real_time_factor_count") == 0


def test_a_client_that_leaves_before_any_status_is_aborted(fake_server: RunningServer) -> None:
    with fake_server.client() as client, pytest.raises(httpx.ReadTimeout):
        client.post("/tts", json={"text": "Please wait."}, timeout=0.2)
    page = scrape(fake_server, lambda page: page("chorus_requests_total") == 1)
    assert page.labels("chorus_requests_total") == [{"route": "/tts", "status": "aborted"}]
    assert page("chorus_first_audio_seconds_count") == 0


def test_an_answer_that_is_closed_twice_is_counted_once(tmp_path: Path) -> None:
    """A client that leaves inside `send()`: the background task closes the stream, and later the garbage collector."""

    async def scenario() -> tuple[Page, Page]:
        app = create_app(Settings(data=tmp_path), FakeEngine())
        asked = json.dumps({"text": SPEECH, "stream": True}).encode()
        body_is_being_sent = asyncio.Event()
        messages = iter([{"type": "http.request", "body": asked, "more_body": False}])

        async def receive() -> dict[str, object]:
            for message in messages:
                return message
            await body_is_being_sent.wait()
            return {"type": "http.disconnect"}

        async def send(message: dict[str, object]) -> None:
            if message["type"] == "http.response.body":
                body_is_being_sent.set()
                await asyncio.get_running_loop().create_future()

        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(asked)).encode())]
        scope = {"type": "http", "method": "POST", "path": "/tts", "raw_path": b"/tts", "headers": headers}
        scope |= {"query_string": b"", "root_path": "", "scheme": "http", "server": ("x", 80), "client": ("y", 1)}
        scope |= {"http_version": "1.1", "asgi": {"version": "3.0"}, "state": {}}
        async with started(app), in_process(app) as client:
            gc.disable()
            try:
                await app(scope, receive, send)
                closed_once = Page(await client.get("/metrics"))
            finally:
                gc.enable()
            gc.collect()
            for _ in range(100):  # turns of the loop, in which an abandoned generator is closed
                await asyncio.sleep(0)
            return closed_once, Page(await client.get("/metrics"))

    for page in asyncio.run(scenario()):
        assert page.labels("chorus_requests_total") == [{"route": "/tts", "status": "aborted"}]
        assert page("chorus_first_audio_seconds_count") == 1
        assert page("chorus_audio_seconds_total") == 0


def test_while_the_engine_loads_only_what_is_known_is_told(tmp_path: Path) -> None:
    async def scenario() -> tuple[Page, Page]:
        app = create_app(Settings(data=tmp_path), FakeEngine())
        async with in_process(app) as client:
            before = Page(await client.get("/metrics"))  # the app's start takes the engine in
            async with started(app):
                return before, Page(await client.get("/metrics"))

    loading, loaded = asyncio.run(scenario())
    assert loading("chorus_status", status="loading") == 1
    assert loading("chorus_status") == 1
    assert loading("chorus_requests_in_flight") == 0
    assert loading.labels("chorus_build_info") == [{"version": __version__}]
    assert loading.names() >= {"process_resident_memory_bytes", "python_info"}
    assert loading.names() & ENGINE_GAUGES == set()
    assert loaded("chorus_status", status="ok") == 1
    assert loaded("chorus_status") == 1
    assert loaded.names() >= ENGINE_GAUGES
    assert loaded.labels("chorus_build_info") == [
        {"version": __version__, "engine": "fake", "model": "fake 1", "device": "none"}
    ]


def test_a_server_that_has_failed_still_answers(fake_server: RunningServer) -> None:
    fake_server.on_loop(lambda: fake(fake_server).lose(EngineFailure("the device is gone")))
    page = scrape(fake_server)
    assert page("chorus_status", status="failed") == 1
    assert page("chorus_status") == 1


def test_a_server_that_drains_still_answers(tmp_path: Path) -> None:
    async def scenario() -> Page:
        lifecycle = Lifecycle()
        app = create_app(Settings(data=tmp_path), FakeEngine(), lifecycle=lifecycle)
        async with started(app), in_process(app) as client:
            assert await lifecycle.drain(1)
            return Page(await client.get("/metrics"))

    assert asyncio.run(scenario())("chorus_status", status="draining") == 1


def test_the_load_is_that_of_the_moment(fake_server: RunningServer) -> None:
    with fake_server.client() as client, ThreadPoolExecutor(3) as pool:
        held = [pool.submit(client.post, "/tts", json={"text": "Please wait."}) for _ in range(3)]
        page = scrape(fake_server, lambda page: page("chorus_requests_admitted") == 3)
        assert page("chorus_requests_waiting") == 3
        assert page("chorus_requests_in_flight") == 3
        assert (page("chorus_slots_busy"), page("chorus_slots_limit"), page("chorus_queue_limit")) == (0, 2, 4)
        release(fake_server)
        assert [each.result().status_code for each in held] == [200] * 3
    page = scrape(fake_server, lambda page: page("chorus_requests_total") == 3)
    assert page("chorus_requests_admitted") == page("chorus_requests_in_flight") == 0


def test_a_caller_cannot_make_labels(fake_server: RunningServer) -> None:
    paths = [f"/{secrets.token_hex(4)}/{secrets.token_hex(4)}" for _ in range(100)]
    with fake_server.client() as client, ThreadPoolExecutor(10) as pool:
        assert {answer.status_code for answer in pool.map(client.get, [*paths, "/healthy"])} == {404}
        assert client.get("/tts").status_code == 405
    page = scrape(fake_server, lambda page: page("chorus_requests_total") == 102)
    assert page.labels("chorus_requests_total") == [
        {"route": "other", "status": "404"},
        {"route": "other", "status": "405"},
    ]
    assert page.labels("chorus_request_seconds_count") == [{"route": "other"}]


def test_probes_are_not_counted(fake_server: RunningServer) -> None:
    with fake_server.client() as client:
        for path in ("/health", "/health/live", "/health/ready", "/metrics"):
            assert client.get(path).status_code == 200
        client.get("/speakers")
    page = scrape(fake_server, lambda page: page("chorus_requests_total") >= 1)
    assert page.labels("chorus_requests_total") == [{"route": "/speakers", "status": "200"}]


def test_two_servers_in_one_process_count_apart(fake_server: RunningServer, tmp_path: Path) -> None:
    with serve(Settings(data=tmp_path / "other"), FakeEngine) as other, other.client() as client:
        client.get("/speakers")
        scrape(other, lambda page: page("chorus_requests_total") == 1)
    assert scrape(fake_server)("chorus_requests_total") == 0


def test_the_page_is_what_prometheus_reads(fake_server: RunningServer) -> None:
    with fake_server.client() as client:
        answer = client.get("/metrics")
    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert "_created" not in answer.text
