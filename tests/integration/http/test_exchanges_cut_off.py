"""Exchanges that are cut off between the handler's end and the first turn of the answer's body."""

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from litestar.exceptions import LitestarException

from app.lifecycle import Lifecycle
from app.server.app import create_app
from app.settings import Settings
from tests.support.fake_engine import FakeEngine
from tests.support.fake_recognizer import FakeRecognizer
from tests.support.metrics import Page
from tests.support.server import started
from tests.support.transcribing import RECORDING

TEXT = "Hello there."
OPENAI = {"model": "tts-1", "voice": "alloy", "input": TEXT}
BOUNDARY = "x-cut-off-x"


def form(**fields: str) -> bytes:
    parts = [f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{fields[name]}' for name in fields]
    file = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n'
    return "\r\n".join([*parts, file]).encode() + RECORDING + f"\r\n--{BOUNDARY}--\r\n".encode()


STREAMS = {
    "speech": ("POST", "/tts", json.dumps({"text": TEXT, "stream": True}).encode()),
    "timed speech": ("POST", "/tts", json.dumps({"text": TEXT, "stream": True, "timestamps": "segment"}).encode()),
    "OpenAI's speech": ("POST", "/v1/audio/speech", json.dumps(OPENAI).encode()),
    "OpenAI's events": ("POST", "/v1/audio/speech", json.dumps(OPENAI | {"stream_format": "sse"}).encode()),
    "a transcript": ("POST", "/transcribe?stream=true", RECORDING),
    "OpenAI's transcript": ("POST", "/v1/audio/transcriptions", form(model="whisper-1", stream="true")),
}


class Cut(OSError):
    """A connection that is gone."""


@pytest.mark.parametrize("error", [asyncio.CancelledError, Cut])
@pytest.mark.parametrize("stream", STREAMS)
def test_an_exchange_that_is_cut_off_before_its_body_holds_nothing(
    tmp_path: Path, stream: str, error: type[BaseException]
) -> None:
    method, target, body = STREAMS[stream]
    path, _, query = target.partition("?")
    kind = {"/transcribe": "audio/wav", "/v1/audio/transcriptions": f"multipart/form-data; boundary={BOUNDARY}"}
    headers = {"content-type": kind.get(path, "application/json"), "content-length": str(len(body))}
    scope: dict[str, Any] = {
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        "root_path": "",
        "scheme": "http",
        "server": ("localhost", 80),
        "client": ("127.0.0.1", 1),
        "http_version": "1.1",
        "asgi": {"version": "3.0"},
        "state": {},
    }
    messages = iter([{"type": "http.request", "body": body, "more_body": False}])

    async def receive() -> dict[str, object]:
        for message in messages:
            return message
        return await asyncio.get_running_loop().create_future()

    statuses: list[object] = []

    async def send(message: dict[str, object]) -> None:
        statuses.append(message["status"])
        raise error

    async def scenario() -> None:
        engine, recognizer, lifecycle = FakeEngine(), FakeRecognizer(), Lifecycle()
        app = create_app(Settings(data=tmp_path), engine, recognizer=recognizer, lifecycle=lifecycle)
        async with started(app), httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://x") as client:
            with pytest.raises((error, LitestarException)):  # Litestar wraps an error behind the status
                await app(scope, receive, send)
            assert lifecycle.num_in_flight == 0
            assert engine.stats().admitted_requests == 0
            assert all(each.is_closed for each in recognizer.streams)
            page = Page(await client.get("/metrics"))
        assert statuses == [200]
        assert len(engine.requests) + len(recognizer.streams) == 1
        assert page("chorus_first_audio_seconds_count") == len(engine.requests)
        assert page.labels("chorus_requests_total") == [{"route": path, "status": "aborted"}]

    asyncio.run(scenario())
