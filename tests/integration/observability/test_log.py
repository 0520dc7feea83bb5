"""The log of `chorus serve`: lines, JSON objects, and no secrets."""

import contextlib
import hashlib
import json
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from tests.support.recordings import voice_like, wav
from tests.support.server import chorus_serve

KEY = "sesame-open-7f3a"
TEXT = "Zanzibar marmalade velvet."
WORDS = ("zanzibar", "marmalade", "velvet", "sesame")


class Log:
    """`text` is there once the server has ended."""

    def __init__(self) -> None:
        self.text = ""

    @property
    def entries(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.text.splitlines()]

    def about(self, request_id: str) -> list[dict[str, Any]]:
        return [entry for entry in self.entries if entry["request_id"] == request_id]


@contextlib.contextmanager
def logged(data: Path, **environ: str) -> Iterator[tuple[httpx.Client, Log]]:
    log = Log()
    with chorus_serve(data, **environ) as (url, process):
        with httpx.Client(base_url=url, timeout=60) as client:
            yield client, log
        process.terminate()
        assert process.stdout is not None
        log.text = process.stdout.read().decode()
        assert process.wait(120) == 0


@pytest.mark.parametrize("log_format", ["json", "text"])
def test_no_key_and_no_text_of_a_caller_is_in_any_line(tmp_path: Path, log_format: str) -> None:
    """At the most talkative level, through each kind of answer, refusal and error."""
    settings = {"CHORUS_LOG_LEVEL": "debug", "CHORUS_LOG_FORMAT": log_format, "CHORUS_API_KEYS": KEY}
    body = {"text": TEXT, "seed": 1}
    with logged(tmp_path, **settings) as (client, log):
        assert client.post("/tts", json=body, headers={"xi-api-key": "sesame-wrong"}).status_code == 401
        client.headers["Authorization"] = f"Bearer {KEY}"
        assert client.post("/tts", json=body).status_code == 200
        assert client.post("/tts", json=body | {"stream": True, "format": "mp3"}).status_code == 200
        assert client.post("/tts", json=body, params={"text": TEXT}).status_code == 200
        openai = {"model": "tts-1", "voice": "alloy", "input": TEXT, "instructions": TEXT}
        assert client.post("/v1/audio/speech", json=openai).status_code == 200
        assert client.post("/tts", json=body | {"language": TEXT}).status_code == 400
        assert client.post("/tts", json=body | {"seed": TEXT}).status_code == 400
        assert client.post("/tts", json=body | {"speaker_id": TEXT}).status_code == 404
        assert client.post("/tts", json={"text": f"{TEXT} " * 2000}).status_code == 413
        assert client.post("/tts", content=TEXT).status_code == 400
        files = {"reference_audio": ("velvet.wav", TEXT.encode())}
        assert client.post("/voice-clone", data={"text": TEXT}, files=files).status_code in (415, 501)
        assert client.post("/voices", data={"name": "Velvet", "consent": TEXT}, files=files).status_code > 400
    assert "/tts" in log.text
    assert [word for word in WORDS if word in log.text.lower()] == []


def test_the_line_about_an_answer_has_its_figures(tmp_path: Path) -> None:
    with logged(tmp_path, CHORUS_LOG_FORMAT="json") as (client, log):
        body = {"text": "Hello there. How are you?", "seed": 7, "format": "pcm", "stream": True}
        answer = client.post("/tts", json=body, headers={"X-Request-Id": "spoken"})
        client.post("/tts", json={"text": "Hello there.", "speaker_id": "nobody"}, headers={"X-Request-Id": "refused"})
        client.get("/nothing", headers={"X-Request-Id": "nowhere"})
    (spoken,) = log.about("spoken")
    assert spoken["logger"] == "app.access"
    assert (spoken["method"], spoken["path"], spoken["route"]) == ("POST", "/tts", "/tts")
    assert (spoken["status"], spoken["aborted"]) == (200, False)
    assert (spoken["engine"], spoken["seed"], spoken["format"], spoken["stream"]) == ("embedded", 7, "pcm", True)
    assert (spoken["segments"], spoken["characters"], spoken["underruns"]) == (1, 25, 0)
    assert spoken["audio_s"] == spoken["delivered_s"] == round(len(answer.content) / 2 / 24_000, 3)
    assert 0 <= spoken["queue_s"] <= spoken["first_audio_s"] <= spoken["total_s"] <= spoken["seconds"]
    (refused,) = log.about("refused")
    assert (refused["status"], refused["route"]) == (404, "/tts")
    assert "engine" not in refused
    (nowhere,) = log.about("nowhere")
    assert (nowhere["status"], nowhere["route"], nowhere["path"]) == (404, "other", "/nothing")


def test_the_line_about_a_clone_says_if_consent_was_stated_and_from_which_recordings(tmp_path: Path) -> None:
    """The embedded voice refuses to clone, which a log tells too."""
    recording = wav(voice_like(3))
    with logged(tmp_path, CHORUS_LOG_FORMAT="json") as (client, log):
        for id, consent in (("stated", {"consent": TEXT}), ("silent", {})):
            form, files = {"text": "Hello."} | consent, {"reference_audio": ("a.wav", recording)}
            client.post("/voice-clone", data=form, files=files, headers={"X-Request-Id": id})
    (stated,), (silent,) = log.about("stated"), log.about("silent")
    assert (stated["consent"], silent["consent"]) == (True, False)
    assert stated["recordings"] == silent["recordings"] == [hashlib.sha256(recording).hexdigest()]
    assert "Zanzibar" not in log.text


def test_a_stream_that_its_caller_leaves_is_told_with_what_it_got(tmp_path: Path) -> None:
    with logged(tmp_path, CHORUS_LOG_FORMAT="json") as (client, log):
        body = {"text": "This goes on and on. " * 200, "stream": True, "format": "pcm"}
        with client.stream("POST", "/tts", json=body, headers={"X-Request-Id": "left"}) as answer:
            next(answer.iter_raw())
    left = log.about("left")[-1]
    assert (left["status"], left["aborted"]) == (200, True)
    assert left["delivered_s"] < 200
    assert "total_s" not in left


def test_a_line_for_people_stays_a_line(tmp_path: Path) -> None:
    with logged(tmp_path, CHORUS_LOG_FORMAT="text") as (client, log):
        client.post("/tts", json={"text": "Hello there."}, headers={"X-Request-Id": "mine"})
    (line,) = [line for line in log.text.splitlines() if "[mine]" in line]
    assert re.fullmatch(r"[\d:]{8} INFO    \[mine\] POST /tts -> 200 in \d+\.\d{3} s", line)


def test_what_uvicorn_says_is_an_object_too(tmp_path: Path) -> None:
    with logged(tmp_path, CHORUS_LOG_FORMAT="json") as (client, log):
        at = urlsplit(str(client.base_url))
        with socket.create_connection((at.hostname, at.port)) as connection:
            connection.sendall(b"this is no HTTP\r\n\r\n")
            assert b"400" in connection.recv(1000)
    said = {entry["message"]: entry for entry in log.entries if entry["logger"].startswith("uvicorn")}
    assert said["Invalid HTTP request received."]["level"] == "warning"
    assert any(entry["message"].startswith("starting on http://127.0.0.1:") for entry in log.entries)


def test_pythons_own_warnings_are_lines_of_the_log() -> None:
    program = (
        "import warnings; from app.observability.log import configure_logging; configure_logging('info', 'json');"
        "warnings.warn('old habits', stacklevel=1)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    entry = json.loads(done.stderr)
    assert (entry["level"], entry["logger"]) == ("warning", "py.warnings")
    assert "old habits" in entry["message"]


def test_the_log_is_the_same_after_somebody_has_opened_the_docs(tmp_path: Path) -> None:
    with logged(tmp_path, CHORUS_LOG_FORMAT="json") as (client, log):
        assert client.get("/docs/openapi.json").status_code == 200
        client.get("/speakers", headers={"X-Request-Id": "after"})
    (after,) = log.about("after")
    assert (after["level"], after["logger"], after["path"]) == ("info", "app.access", "/speakers")


def test_opening_the_docs_does_not_change_the_level_of_the_log(tmp_path: Path) -> None:
    with logged(tmp_path, CHORUS_LOG_FORMAT="text", CHORUS_LOG_LEVEL="warning") as (client, log):
        assert client.get("/docs/openapi.json").status_code == 200
        assert client.get("/speakers").status_code == 200
    assert "/speakers" not in log.text


FORGERY = "%0a13:00:00%20ERROR%20%20%20[-]%20forged%0d%1b[31m%c2%9b31m%e2%80%a8%e2%80%ae%c2%85"


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_a_caller_writes_no_line_of_the_log(tmp_path: Path, log_format: str) -> None:
    """By a path, a name of a voice, a header, or the path of a WebSocket."""
    with logged(tmp_path, CHORUS_LOG_FORMAT=log_format, CHORUS_LOG_LEVEL="debug") as (client, log):
        client.get(f"/nothing{FORGERY}")
        client.get(f"/voices/{FORGERY}")
        client.post("/tts", json={"text": "Hello.", "speaker_id": unquote(FORGERY)})
        odd = {"User-Agent": "a\x1b[31m\x9b", "X-Request-Id": "a\x9bb", "Origin": "http://a\x9b", "Host": "x\x85"}
        client.post("/tts", json={"text": "Hello."}, headers={n: v.encode("latin-1") for n, v in odd.items()})
        with pytest.raises(InvalidStatus), connect(f"{client.base_url.copy_with(scheme='ws')}/ws/{FORGERY}"):
            pass
    lines = log.text.split("\n")[:-1]
    assert "forged" in log.text
    assert all(line.isprintable() for line in lines)
    if log_format == "text":
        assert [line for line in lines if line.startswith("13:00:00")] == []
    else:
        assert len(log.entries) == len(lines)
