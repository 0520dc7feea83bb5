"""One text spoken through `POST /tts`, and the samples of the answer."""

import io
from typing import Any

import httpx
import soundfile

from tests.support.server import RunningServer

TEXT = "The old grey house stood by the sea. Nothing more was said about it. The fox went home!"


def speak(server: RunningServer, **body: Any) -> httpx.Response:
    with server.client() as client:
        return client.post("/tts", json={"text": TEXT, "seed": 1} | body)


def samples_of(answer: httpx.Response) -> Any:
    assert answer.status_code == 200, answer.text
    samples, rate_hz = soundfile.read(io.BytesIO(answer.content))
    assert rate_hz == 24_000
    return samples


def seconds_of(pcm: bytes) -> float:
    return len(pcm) / 2 / 24_000
