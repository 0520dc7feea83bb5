"""Limits of transcription: length, number at a time, memory, time; and clients that leave."""

import asyncio
import io
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import numpy as np
import pytest
import soundfile

from tests.support.fake_recognizer import FakeRecognizer
from tests.support.http import check
from tests.support.marks import slow
from tests.support.recordings import voice_like, wav
from tests.support.server import RunningServer
from tests.support.transcribing import (
    RECORDING,
    ROUTE,
    TEXT,
    TRANSLATIONS,
    fake,
    release,
    send,
    transcribing,
    until_open,
)

PATHS = ["/transcribe", ROUTE, TRANSLATIONS]


def test_a_recording_longer_than_the_limit_is_refused_and_no_longer_one_is_decoded(tmp_path: Path) -> None:
    with transcribing(tmp_path, max_recording_s=3.0) as server:
        assert send(server, "/transcribe", wav(voice_like(2.99))).status_code == 200
        answer = send(server, "/transcribe", wav(voice_like(3.2)))
        check(answer, 413, "recording_too_long", "file", "CHORUS_MAX_RECORDING_S")


def day_of_silence() -> bytes:
    """24 hours in under a megabyte."""
    file = io.BytesIO()
    with soundfile.SoundFile(file, "w", 8_000, 1, format="FLAC", subtype="PCM_16") as written:
        for _ in range(24 * 60):
            written.write(np.zeros(8_000 * 60, np.int16))
    return file.getvalue()


@pytest.mark.parametrize("path", slow("/transcribe"))
def test_a_day_in_a_small_file_is_refused_at_the_limit(tmp_path: Path, path: str) -> None:
    recording = day_of_silence()
    assert len(recording) < 4 * 2**20
    with transcribing(tmp_path, max_upload_mb=8) as server:
        check(send(server, path, recording), 413, "recording_too_long", "file", "7200 s")


def test_an_upload_beyond_the_limit_is_refused(server: RunningServer) -> None:
    check(send(server, "/transcribe", bytes(2**20 + 1)), 413, "body_too_large")


@pytest.mark.parametrize("path", PATHS)
def test_a_full_recogniser_refuses_with_retry_after_and_takes_the_next_one_later(tmp_path: Path, path: str) -> None:
    waits = asyncio.Event()
    recognizer = FakeRecognizer(waits=waits, max_admitted=2, wait_s=47)
    with transcribing(tmp_path, recognizer) as server, server.client() as client:
        with ThreadPoolExecutor(2) as pool:
            held = [pool.submit(send, server, path) for _ in range(2)]
            until_open(server, 2)
            refused = send(server, path)
            check(refused, 503, "queue_full")
            assert refused.headers["Retry-After"] == "47"
            release(server, waits)
            assert [answer.result().status_code for answer in held] == [200, 200]
        assert send(server, path).status_code == 200
        assert client.get("/health").json()["in_flight"] == 0


def test_of_a_hundred_recordings_at_once_each_is_transcribed_or_told_to_come_later(tmp_path: Path) -> None:
    async def ask(url: str) -> list[httpx.Response]:
        async with httpx.AsyncClient(base_url=url, timeout=60, limits=httpx.Limits(max_connections=100)) as client:
            return await asyncio.gather(*(client.post("/transcribe", content=RECORDING) for _ in range(100)))

    with transcribing(tmp_path, FakeRecognizer(max_admitted=8), max_queue=16) as server:
        answers = asyncio.run(ask(server.url))
        assert {answer.status_code for answer in answers} == {200, 503}
        assert all(int(answer.headers["Retry-After"]) > 0 for answer in answers if answer.status_code == 503)
        assert all(answer.json()["text"] == TEXT for answer in answers if answer.status_code == 200)
        assert send(server, "/transcribe").status_code == 200


def test_recordings_under_way_hold_a_bounded_length(tmp_path: Path) -> None:
    """Four times the longest one: 12 s here."""
    waits = asyncio.Event()
    recognizer = FakeRecognizer(waits=waits, max_admitted=100, wait_s=47)
    with (
        transcribing(tmp_path, recognizer, max_recording_s=3.0) as server,
        ThreadPoolExecutor(4) as pool,
    ):
        held = [pool.submit(send, server, "/transcribe", wav(voice_like(2.9))) for _ in range(4)]
        until_open(server, 4)
        refused = send(server, "/transcribe", wav(voice_like(2)))
        check(refused, 503, "queue_full", says="hours of recordings")
        assert refused.headers["Retry-After"] == "47"
        release(server, waits)
        assert [answer.result().status_code for answer in held] == [200] * 4
        assert send(server, "/transcribe", wav(voice_like(2))).status_code == 200


def connect(server: RunningServer, path: str, body: bytes) -> socket.socket:
    """A connection on which a recording of len(RECORDING) bytes is announced, and `body` is sent."""
    host, port = server.url.removeprefix("http://").split(":")
    connection = socket.create_connection((host, int(port)), timeout=30)
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: audio/wav\r\nContent-Length: {len(RECORDING)}\r\n\r\n"
    connection.sendall(head.encode() + body)
    return connection


def until_in_flight(server: RunningServer, number: int) -> None:
    """Ask /health until so many requests are in flight; 2,000 times at most."""
    with server.client() as client:
        for _ in range(2000):
            if client.get("/health").json()["in_flight"] == number:
                return
    raise AssertionError(f"never {number} requests in flight")


@pytest.mark.parametrize("stage", ["uploading", "waiting", "streaming"])
def test_clients_that_leave_give_back_places_and_memory(tmp_path: Path, stage: str) -> None:
    """One place for uploads and for recordings, and memory for four of them: a fifth would be refused."""
    waits = asyncio.Event()
    recognizer = FakeRecognizer(waits=waits, max_admitted=1)
    with transcribing(tmp_path, recognizer, max_recording_s=3.0, max_queue=1) as server:
        for _ in range(5):
            path = "/transcribe?stream=true" if stage == "streaming" else "/transcribe"
            with connect(server, path, RECORDING[:1000] if stage == "uploading" else RECORDING) as connection:
                if stage == "streaming":
                    received = b""
                    while b"morning" not in received:
                        received += (piece := connection.recv(4096))
                        assert piece, received
                elif stage == "waiting":
                    until_open(server, 1)
                until_in_flight(server, 1)
            until_in_flight(server, 0)
        assert all(stream.is_closed for stream in recognizer.streams)
        assert len(recognizer.streams) == (0 if stage == "uploading" else 5)
        release(server, waits)
        assert send(server, "/transcribe").status_code == 200


def test_a_transcription_that_takes_too_long_is_504_and_is_cancelled(tmp_path: Path) -> None:
    with transcribing(tmp_path, FakeRecognizer(waits=asyncio.Event()), request_timeout_s=0.5) as server:
        check(send(server, "/transcribe"), 504, "deadline_exceeded", says="the transcription did not come within 0.5")
        assert fake(server).streams[0].is_closed
