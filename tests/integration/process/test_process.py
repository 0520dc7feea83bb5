import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.support.ports import free_port
from tests.support.server import chorus_serve

LONG = "This is a sentence of a long text that goes on and on. " * 120
MEGABYTES = LONG[: len(LONG) * 5 // 12]
"""7.6 MB of WAV"""


def chorus(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "app", *arguments],
        env=os.environ | environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_sigterm_finishes_what_is_in_flight_refuses_the_rest_and_exits_zero(tmp_path: Path) -> None:
    options = {"CHORUS_DRAIN_TIMEOUT_S": "120"}  # a slow machine speaks for longer than the default
    with chorus_serve(tmp_path, **options) as (url, process), httpx.Client(base_url=url, timeout=120) as client:
        expected = client.post("/tts", json={"text": LONG, "seed": 1, "format": "pcm"}).content
        with ThreadPoolExecutor(1) as pool:
            in_flight = pool.submit(
                httpx.post, f"{url}/tts", json={"text": LONG, "seed": 1, "format": "pcm"}, timeout=120
            )
            while client.get("/health").json()["in_flight"] == 0:
                assert not in_flight.done()
            process.send_signal(signal.SIGTERM)
            while client.get("/health").json()["status"] != "draining":
                assert not in_flight.done()
            refused = httpx.post(f"{url}/tts", json={"text": "Too late."})
            assert (refused.status_code, refused.json()["error"]["code"]) == (503, "draining")
            assert "Retry-After" in refused.headers
            assert httpx.get(f"{url}/health/live").status_code == 200
            assert httpx.get(f"{url}/health/ready").status_code == 503
            answer = in_flight.result()
        assert answer.status_code == 200
        assert answer.content == expected
        client.close()
        assert process.wait(120) == 0


def slow_answer(url: str) -> tuple[socket.socket, bytes, int]:
    """A connection to whose whole answer the head has come: (connection, body so far, length of the body)."""
    address = httpx.URL(url)
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    connection.connect((address.host, address.port))
    body = json.dumps({"text": MEGABYTES, "format": "wav"}).encode()
    connection.sendall(
        b"POST /tts HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        b"Content-Length: %d\r\n\r\n%s" % (len(body), body)
    )
    received = b""
    while b"\r\n\r\n" not in received:
        received += connection.recv(4096)
    head, _, content = received.partition(b"\r\n\r\n")
    found = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
    assert found
    return connection, content, int(found[1])


def test_sigterm_waits_for_a_slow_reader_of_a_whole_answer(tmp_path: Path) -> None:
    """The reader takes longer than the 5 s that uvicorn would give it."""
    with chorus_serve(tmp_path, CHORUS_DRAIN_TIMEOUT_S="60") as (url, process):
        connection, content, length = slow_answer(url)
        with connection:
            process.send_signal(signal.SIGTERM)
            wait_for_health(url, "draining")
            pause = threading.Event()
            step = length // 60
            while data := connection.recv(step):
                content += data
                pause.wait(len(data) / length * 8)  # eight seconds for all of it
        assert len(content) == length
        assert process.wait(120) == 0


def test_what_the_drain_timeout_cuts_off_is_logged_and_the_status_says_so(tmp_path: Path) -> None:
    with chorus_serve(tmp_path, CHORUS_DRAIN_TIMEOUT_S="0.2") as (url, process):
        connection, _, _ = slow_answer(url)
        with connection:
            process.send_signal(signal.SIGTERM)
            output, _ = process.communicate(timeout=120)
        assert process.returncode == 1
        assert b"1 requests are cut off: CHORUS_DRAIN_TIMEOUT_S (0.2 s) has passed" in output
        assert b"POST /tts -> 200 (aborted)" in output


def wait_for_health(url: str, status: str) -> None:
    with httpx.Client(base_url=url, timeout=60) as client:
        while client.get("/health").json()["status"] != status:
            pass


def test_a_request_whose_body_is_still_coming_is_in_flight_and_is_answered(tmp_path: Path) -> None:
    body = json.dumps({"text": "Hello there.", "format": "pcm"}).encode()
    with chorus_serve(tmp_path) as (url, process), socket.socket() as connection:
        address = httpx.URL(url)
        connection.connect((address.host, address.port))
        connection.sendall(
            b"POST /tts HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
            b"Content-Length: %d\r\n\r\n%s" % (len(body), body[:10])
        )
        with httpx.Client(base_url=url, timeout=60) as client:
            while client.get("/health").json()["in_flight"] != 1:
                pass
        process.send_signal(signal.SIGTERM)
        wait_for_health(url, "draining")
        connection.sendall(body[10:])
        received = b""
        while data := connection.recv(65536):
            received += data
        assert received.startswith(b"HTTP/1.1 200 ")
        assert process.wait(120) == 0


@pytest.mark.parametrize(
    ("hosts", "reached"),
    [
        ("::", ["127.0.0.1", "::1"]),
        ("[::1]", ["::1"]),
        ("localhost", ["127.0.0.1", "::1"]),
        (" 127.0.0.1, [::1] ", ["127.0.0.1", "::1"]),
        ("0.0.0.0,::", ["127.0.0.1", "::1"]),
    ],
)
def test_every_address_of_the_setting_answers_and_the_first_is_printed(
    tmp_path: Path, hosts: str, reached: list[str]
) -> None:
    if not has_ipv6():
        pytest.skip("this machine has no IPv6")
    wyoming = free_port()
    with chorus_serve(tmp_path, reached=reached[0], CHORUS_HOST=hosts, CHORUS_WYOMING_PORT=str(wyoming)) as (
        url,
        process,
    ):
        port = httpx.URL(url).port
        for host in reached:
            shown = f"[{host}]" if ":" in host else host
            assert httpx.get(f"http://{shown}:{port}/health/live").status_code == 200
            with socket.create_connection((host, wyoming), timeout=30) as connection:
                connection.sendall(b'{"type": "ping"}\n')
                assert b"pong" in connection.recv(4096)
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=120)
        assert f"Open {url}" in output.decode()
        assert process.returncode == 0


def has_ipv6() -> bool:
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


def test_a_second_signal_ends_a_drain_that_takes_too_long(tmp_path: Path) -> None:
    with chorus_serve(tmp_path, CHORUS_DRAIN_TIMEOUT_S="600") as (url, process), httpx.Client(base_url=url) as client:
        body = {"text": LONG, "stream": True}
        with client.stream("POST", "/tts", json=body) as answer:
            parts = answer.iter_raw()  # kept: a collected generator would end the request
            next(parts)
            process.send_signal(signal.SIGTERM)
            while httpx.get(f"{url}/health").json()["status"] != "draining":
                pass
            process.send_signal(signal.SIGTERM)
            process.wait(120)


@pytest.mark.parametrize(
    ("environ", "says"),
    [
        ({"CHORUS_DATA": "/dev/null/data"}, "data directory '/dev/null/data' cannot be written"),
        ({"CHORUS_PROT": "80"}, "did you mean CHORUS_PORT?"),
        ({"CHORUS_PORT": "eighty"}, "CHORUS_PORT='eighty'"),
        ({"CHORUS_ENGINE": "xtts"}, "CHORUS_ENGINE=xtts"),
        (
            {"CHORUS_API_KEYS_FILE": "/nowhere/callers.toml"},
            "CHORUS_API_KEYS_FILE='/nowhere/callers.toml' cannot be used",
        ),
        ({"CHORUS_REQUESTS_PER_MINUTE": "60"}, "CHORUS_REQUESTS_PER_MINUTE limits each key, and there are none"),
    ],
)
def test_a_server_that_cannot_start_says_why_in_one_line(environ: dict[str, str], says: str) -> None:
    ended = chorus("serve", **environ)
    assert ended.returncode == 1
    assert says in ended.stderr
    assert len(ended.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("host", "says"),
    [
        (
            "192.0.2.1",
            "cannot listen on 192.0.2.1 for HTTP: cannot assign requested address; CHORUS_HOST takes addresses",
        ),
        ("127.0.0.1, nowhere.invalid", "cannot listen on nowhere.invalid for HTTP: "),
        (" , ", "CHORUS_HOST=' , ' names no address"),
    ],
)
def test_an_address_that_is_none_of_this_machine_is_named(tmp_path: Path, host: str, says: str) -> None:
    ended = chorus("serve", CHORUS_DATA=str(tmp_path), CHORUS_HOST=host, CHORUS_PORT="0")
    assert ended.returncode == 1
    assert says in ended.stderr
    assert len(ended.stderr.strip().splitlines()) == 1


def test_a_port_in_use_is_an_error_of_one_line(tmp_path: Path) -> None:
    with chorus_serve(tmp_path) as (url, _):
        ended = chorus("serve", "--port", url.rpartition(":")[2], CHORUS_DATA=str(tmp_path))
    assert ended.returncode == 1
    assert "address already in use" in ended.stderr
    assert len(ended.stderr.strip().splitlines()) == 1
