import asyncio
import gc
import json
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from app.server.app import create_app
from app.settings import Settings
from tests.support.fake_engine import FakeEngine
from tests.support.fake_server import release, until
from tests.support.http import raw_post
from tests.support.server import RunningServer, serve, started


def test_streamed_samples_equal_those_of_the_whole_answer(embedded_server: RunningServer) -> None:
    body = {"text": "One sentence here. And another one there.\n\nA new paragraph.", "format": "pcm", "seed": 3}
    with embedded_server.client() as client:
        whole = client.post("/tts", json=body)
        streamed = client.post("/tts", json=body | {"stream": True})
    assert whole.content == streamed.content
    assert float(whole.headers["X-Audio-Seconds"]) == pytest.approx(len(whole.content) / 48_000, abs=1e-3)
    assert "X-Audio-Seconds" not in streamed.headers


def test_first_audio_leaves_before_the_rest_is_made(fake_server: RunningServer) -> None:
    with (
        fake_server.client() as client,
        client.stream("POST", "/tts", json={"text": "All at once now. Please wait.", "stream": True}) as answer,
    ):
        parts = answer.iter_raw()
        assert next(parts)
        release(fake_server)
        assert b"".join(parts)
    until(fake_server, 0)


def test_an_error_before_the_first_byte_is_a_status(fake_server: RunningServer) -> None:
    with fake_server.client() as client:
        answer = client.post("/tts", json={"text": "We fail at once here.", "stream": True})
    assert answer.status_code == 500
    assert answer.json()["error"]["code"] == "engine_failure"
    until(fake_server, 0)


def test_an_error_after_the_first_byte_breaks_the_stream(fake_server: RunningServer) -> None:
    with (
        fake_server.client() as client,
        client.stream(
            "POST", "/tts", json={"text": "This one is good. Please wait for it. Then we fail.", "stream": True}
        ) as answer,
    ):
        assert answer.status_code == 200
        parts = answer.iter_raw()
        next(parts)
        release(fake_server)
        with pytest.raises(httpx.RemoteProtocolError):
            list(parts)
    until(fake_server, 0)


@pytest.mark.parametrize("stream", [True, False])
def test_a_client_that_leaves_before_the_first_audio_frees_its_place(fake_server: RunningServer, stream: bool) -> None:
    connection = raw_post(fake_server, {"text": "Please wait for this.", "stream": stream})
    until(fake_server, 1)
    connection.close()
    until(fake_server, 0)


def test_a_client_that_leaves_between_chunks_frees_its_place(fake_server: RunningServer) -> None:
    connection = raw_post(fake_server, {"text": "All at once now. Please wait.", "stream": True})
    assert connection.recv(100)
    connection.close()
    until(fake_server, 0)


def test_a_client_that_leaves_in_the_middle_of_a_chunk_frees_its_place(embedded_server: RunningServer) -> None:
    text = "This is a sentence of a long text that goes on and on. " * 80
    connection = raw_post(embedded_server, {"text": text, "stream": True})
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    assert connection.recv(100)
    connection.close()
    with embedded_server.client() as client:
        for _ in range(2000):
            state = client.get("/health").json()
            if state["queue"]["admitted"] == 0 and state["slots"]["busy"] == 0 and state["in_flight"] == 0:
                return
            threading.Event().wait(0.005)
    raise AssertionError(state)


def test_the_request_beyond_slots_and_queue_is_refused_and_served_later(fake_server: RunningServer) -> None:
    with fake_server.client() as client, ThreadPoolExecutor(4) as pool:
        held = [pool.submit(client.post, "/tts", json={"text": f"Please wait {n}."}) for n in range(4)]
        until(fake_server, 4)
        refused = client.post("/tts", json={"text": "One too many."})
        assert (refused.status_code, refused.json()["error"]["code"]) == (503, "queue_full")
        assert int(refused.headers["Retry-After"]) >= 1
        release(fake_server)
        assert [answer.result().status_code for answer in held] == [200] * 4
        assert client.post("/tts", json={"text": "One too many."}).status_code == 200


@pytest.mark.parametrize("text", ["Please wait for ever.", "All at once now. Please wait for ever."])
def test_audio_that_does_not_come_in_time_is_a_504(tmp_path: Path, text: str) -> None:
    with serve(Settings(data=tmp_path, request_timeout_s=0.2), FakeEngine) as server, server.client() as client:
        answer = client.post("/tts", json={"text": text})
        assert (answer.status_code, answer.json()["error"]["code"]) == (504, "deadline_exceeded")
        until(server, 0)


def test_a_client_that_leaves_inside_send_has_been_cleaned_up_after_when_the_app_returns(tmp_path: Path) -> None:
    """No socket here: the moment between the app's return and the garbage collector cannot be seen from outside."""

    async def scenario() -> tuple[int, int]:
        engine = FakeEngine()
        app = create_app(Settings(data=tmp_path), engine)
        asked = json.dumps({"text": "All at once now. And a second sentence.", "stream": True}).encode()
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
        async with started(app):
            gc.disable()
            try:
                await app(scope, receive, send)
                return len(engine.requests), engine.stats().admitted_requests
            finally:
                gc.enable()

    assert asyncio.run(scenario()) == (1, 0)


def test_health_answers_while_the_voice_is_busy(embedded_server: RunningServer) -> None:
    text = "This is a sentence of a long text that goes on and on. " * 80
    with embedded_server.client() as client, ThreadPoolExecutor(1) as pool:
        speaking = pool.submit(client.post, "/tts", json={"text": text})
        busy = 0
        while not speaking.done():
            state = client.get("/health")
            assert state.status_code == 200
            busy = max(busy, state.json()["slots"]["busy"])
        assert busy > 0
        assert speaking.result().status_code == 200


def test_what_cannot_be_spoken_or_obeyed_is_reported(fake_server: RunningServer) -> None:
    with fake_server.client() as client:
        answer = client.post("/tts", json={"text": "Hello 世界 there.", "top_k": 5, "temperature": 0.5})
    warnings = answer.headers["X-Chorus-Warnings"]
    assert "top_k has no effect" in warnings
    assert "temperature" not in warnings
    assert "%E4%B8%96%E7%95%8C" in warnings


def test_a_hundred_callers_each_hear_what_they_hear_alone(embedded_server: RunningServer) -> None:
    async def scenario() -> tuple[list[bytes], list[bytes]]:
        bodies = [{"text": f"This is for caller {n}.", "seed": n, "format": "pcm"} for n in range(100)]
        limits = httpx.Limits(max_connections=100)
        async with httpx.AsyncClient(base_url=embedded_server.url, timeout=120, limits=limits) as client:

            async def ask(body: dict[str, object]) -> bytes:
                for _ in range(50):
                    answer = await client.post("/tts", json=body)
                    if answer.status_code == 200:
                        return answer.content
                    assert answer.status_code == 503
                    await asyncio.sleep(float(answer.headers["Retry-After"]))
                raise AssertionError("refused fifty times")

            together = await asyncio.gather(*(ask(body) for body in bodies))
            alone = [await ask(body) for body in bodies]
        return together, alone

    together, alone = asyncio.run(scenario())
    assert together == alone
    assert len(set(alone)) == 100
