"""Uploads that do harm: their cost, and the delay of others."""

import http.client
import select
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import httpx
import psutil
import pytest

from app.isolation import worker
from app.settings import ApiKeys, Settings
from tests.fuzz.sending import send_damaged
from tests.support.fake_engine import FakeEngine
from tests.support.http import check
from tests.support.recordings import voice_like, wav
from tests.support.server import RunningServer, chorus_serve, serve

RECORDING = wav(voice_like(7))


def check_voice(client: httpx.Client, recording: bytes = RECORDING) -> httpx.Response:
    return client.post("/voices/check", files={"reference_audio": ("a.wav", recording)})


def workers(parent: int | None = None) -> list[psutil.Process]:
    return [child for child in psutil.Process(parent).children() if worker.__name__ in child.cmdline()]


def test_a_decoder_that_hangs_is_one_refusal_and_the_next_upload_works(tmp_path: Path) -> None:
    with serve(Settings(data=tmp_path, decode_timeout_s=0.5), FakeEngine) as server, server.client() as client:
        before = set(workers())
        assert check_voice(client).status_code == 200
        (child,) = set(workers()) - before
        child.send_signal(signal.SIGSTOP)
        check(check_voice(client), 415, "unreadable_audio", "reference_audio", "takes longer than 0.5 s")
        assert not child.is_running()
        assert check_voice(client).status_code == 200


def test_a_decoder_that_is_killed_between_two_uploads_is_not_missed(fake_server: RunningServer) -> None:
    before = set(workers())
    with fake_server.client() as client:
        assert check_voice(client).status_code == 200
        (child,) = set(workers()) - before
        child.kill()
        psutil.wait_procs([child], timeout=30)
        assert check_voice(client).status_code == 200


def test_no_decoder_outlives_the_server(tmp_path: Path) -> None:
    with chorus_serve(tmp_path) as (url, process):
        with httpx.Client(base_url=url, timeout=60) as client:
            assert check_voice(client).status_code == 200
        (child,) = workers(process.pid)
        process.kill()
        psutil.wait_procs([child], timeout=30)
        assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE


def test_damaged_recordings_are_answered_and_the_server_goes_on(embedded_server: RunningServer) -> None:
    """A part of `python -m tests.fuzz`."""
    with embedded_server.client() as client:
        statuses, failures = send_damaged(client, num=60, seed=1)
        assert failures == []
        assert sum(statuses.values()) == 60
        assert check_voice(client).status_code == 200


@pytest.fixture
def limited_server(tmp_path: Path) -> Iterator[RunningServer]:
    settings = Settings(data=tmp_path, api_keys=ApiKeys("secret"), max_concurrent_per_key=1, requests_per_minute=3)
    with serve(settings, FakeEngine, clock=lambda: 0.0) as server:
        yield server


def test_checks_of_recordings_count_against_the_limits_of_a_key(limited_server: RunningServer) -> None:
    with limited_server.client() as client:
        client.headers["Authorization"] = "Bearer secret"
        assert [check_voice(client).status_code for _ in range(4)] == [200, 200, 200, 429]


class HalfSent:
    """An upload that stops in its middle, and a connection that stays open."""

    def __init__(self, server: RunningServer, num_bytes: int, announced: int) -> None:
        host, port = server.url.removeprefix("http://").split(":")
        self._connection = socket.create_connection((host, int(port)), timeout=30)
        head = f"POST /voices/check HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Type: application/json\r\n"
        self._connection.sendall(f"{head}Content-Length: {announced}\r\n\r\n".encode() + b" " * num_bytes)

    def answer(self) -> tuple[http.client.HTTPResponse, bytes]:
        response = http.client.HTTPResponse(self._connection)
        response.begin()
        return response, response.read()

    def fileno(self) -> int:
        return self._connection.fileno()

    def close(self) -> None:
        self._connection.close()


def test_uploads_under_way_hold_a_bounded_number_of_bytes_and_give_them_back(tmp_path: Path) -> None:
    """Eight times the largest upload, 1 MiB here: of nine that are nearly as large, one is refused."""
    with serve(Settings(data=tmp_path, max_upload_mb=1), FakeEngine) as server, server.client() as client:
        half_sent = [HalfSent(server, 2**20 - 1000, 2**20) for _ in range(9)]
        answered, _, _ = select.select(half_sent, [], [], 30)
        response, body = answered[0].answer()
        assert response.status == 503
        assert int(response.headers["Retry-After"]) > 0
        assert b'"queue_full"' in body
        for upload in half_sent:
            upload.close()
        # Their bytes are given back as soon as the server has noticed.
        while (answer := check_voice(client)).status_code == 503:
            pass
        assert answer.status_code == 200


def test_an_upload_that_never_ends_is_told_so_in_time(tmp_path: Path) -> None:
    with serve(Settings(data=tmp_path, request_timeout_s=0.3), FakeEngine) as server:
        upload = HalfSent(server, 100, 1000)
        response, body = upload.answer()
        upload.close()
    assert (response.status, response.headers["Connection"]) == (408, "close")
    assert b'"upload_too_slow"' in body


def test_a_client_who_leaves_while_he_uploads_leaves_nothing_behind(fake_server: RunningServer) -> None:
    upload = HalfSent(fake_server, 100, 1000)
    upload.close()
    with fake_server.client() as client:
        assert check_voice(client).status_code == 200
        assert cast("int", client.get("/health").json()["in_flight"]) == 0
