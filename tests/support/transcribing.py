"""A server on the fake recogniser, and recordings to send to it."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import httpx

from app.settings import Settings
from tests.support.fake_engine import FakeEngine
from tests.support.fake_recognizer import FakeRecognizer
from tests.support.recordings import voice_like, wav
from tests.support.server import RunningServer, serve

RECORDING = wav(voice_like(2.5))
TEXT = "Good morning. The river is wide."
ROUTE = "/v1/audio/transcriptions"
TRANSLATIONS = "/v1/audio/translations"


@contextmanager
def transcribing(tmp_path: Path, recognizer: FakeRecognizer | None = None, **settings: Any) -> Iterator[RunningServer]:
    """A server whose every recording says TEXT, unless `recognizer` has other segments."""
    settings = {"data": tmp_path, "max_upload_mb": 1} | settings
    with serve(Settings(**settings), FakeEngine, make_recognizer=lambda: recognizer or FakeRecognizer()) as server:
        yield server


def fake(server: RunningServer) -> FakeRecognizer:
    return cast("FakeRecognizer", server.recognizer)


def send(
    server: RunningServer, path: str = ROUTE, recording: bytes = RECORDING, name: str = "speech.wav", **fields: Any
) -> httpx.Response:
    fields = ({"model": "whisper-1"} if path.startswith("/v1") else {}) | fields
    with server.client() as client:
        return client.post(path, data=fields, files={"file": (name, recording)})


def until_open(server: RunningServer, number: int) -> None:
    """Wait for the recogniser to hold so many recordings; 2,000 turns of the server's loop at most."""
    for _ in range(2000):
        if server.on_loop(lambda: fake(server).stats().admitted_requests) == number:
            return
        threading.Event().wait(0.005)
    raise AssertionError(f"never {number} recordings in the recogniser")


def release(server: RunningServer, waits: asyncio.Event) -> None:
    server.on_loop(waits.set)
