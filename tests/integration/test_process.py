"""`chorus serve` as a process: how it starts, drains and ends."""

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.support.server import chorus_serve

LONG = "This is a sentence of a long text that goes on and on. " * 300


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
    with chorus_serve(tmp_path) as (url, process), httpx.Client(base_url=url, timeout=60) as client:
        expected = client.post("/tts", json={"text": LONG, "seed": 1, "format": "pcm"}).content
        with ThreadPoolExecutor(1) as pool:
            in_flight = pool.submit(
                httpx.post, f"{url}/tts", json={"text": LONG, "seed": 1, "format": "pcm"}, timeout=60
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
        assert process.wait(30) == 0


def test_a_second_signal_ends_a_drain_that_takes_too_long(tmp_path: Path) -> None:
    with chorus_serve(tmp_path, CHORUS_DRAIN_TIMEOUT_S="600") as (url, process), httpx.Client(base_url=url) as client:
        body = {"text": LONG, "stream": True}
        with client.stream("POST", "/tts", json=body) as answer:
            parts = answer.iter_raw()  # kept: letting go of it would end the request
            next(parts)
            process.send_signal(signal.SIGTERM)
            while httpx.get(f"{url}/health").json()["status"] != "draining":
                pass
            process.send_signal(signal.SIGTERM)
            process.wait(30)


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


def test_a_port_in_use_is_an_error_of_one_line(tmp_path: Path) -> None:
    with chorus_serve(tmp_path) as (url, _):
        ended = chorus("serve", "--port", url.rpartition(":")[2], CHORUS_DATA=str(tmp_path))
    assert ended.returncode == 1
    assert "address already in use" in ended.stderr
    assert len(ended.stderr.strip().splitlines()) == 1
