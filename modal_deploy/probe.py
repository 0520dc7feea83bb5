"""Checks of a deployed server, over HTTP as its callers."""

import io
import re
import time
import wave
from collections.abc import Callable, Iterator

import httpx
import msgspec

TEXT = (
    "The morning was bright and the river ran slowly past the old stone mill, as it had done for years.\n\n"
    "Nobody had opened its door since the winter, but today there was smoke above the chimney.\n\n"
    "A long road runs from the harbour to the hills, and travellers tell stories about it."
)
"""Long enough for a recording to clone from."""
SHORT = "Good morning."
START_TIMEOUT_S = 600.0
"""The first request waits for a container to start."""


class Check(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    passed: bool
    detail: str
    seconds: float


class CheckFailed(Exception):
    """The server's answer differs from the expected one."""


def open_client(url: str, key: str | None) -> httpx.Client:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    return httpx.Client(base_url=url, headers=headers, timeout=START_TIMEOUT_S, follow_redirects=True)


def probe(client: httpx.Client) -> Iterator[Check]:
    """Each check as it is done; a failed one does not end the others."""
    recording = b""

    def tts() -> str:
        nonlocal recording
        recording = _expect(client.post("/tts", json={"text": TEXT, "seed": 1}), 200).content
        return f"{_seconds_of(recording):.1f} s of audio"

    def clone() -> str:
        health = client.get("/health").json()
        answer = client.post(
            "/voice-clone",
            data={"text": SHORT, "language": "en"},
            files={"reference_audio": ("recording.wav", recording, "audio/wav")},
        )
        if health.get("engine") == "embedded":
            _expect(answer, 501)
            return "the embedded voice cannot, and says so"
        return f"{_seconds_of(_expect(answer, 200).content):.1f} s of audio"

    def transcribe() -> str:
        health = client.get("/health").json()
        answer = client.post("/transcribe", files={"file": ("recording.wav", recording, "audio/wav")})
        if health.get("recognizer") is None:
            _expect(answer, 501)
            return "no recogniser, and says so (DEPLOY_ASR_MODEL)"
        heard = _words(_expect(answer, 200).json()["text"])
        num_heard = len(_words(TEXT) & heard)
        if 2 * num_heard < len(_words(TEXT)):
            raise CheckFailed(f"{num_heard} of {len(_words(TEXT))} words are heard")
        return f"{health['recognizer']['model']} hears {num_heard} of {len(_words(TEXT))} words"

    checks: dict[str, Callable[[], str]] = {
        "health": lambda: _health(client),
        "a key is needed": lambda: _needs_a_key(client),
        "speakers": lambda: _speakers(client),
        "tts": tts,
        "the same seed is the same audio": lambda: _is_repeatable(client),
        "stream": lambda: _stream(client),
        "clone": clone,
        "transcribe": transcribe,
        "errors": lambda: _errors(client),
    }
    for name, check in checks.items():
        began_at_s = time.perf_counter()
        try:
            detail, passed = check(), True
        except (CheckFailed, httpx.HTTPError, ValueError, KeyError, EOFError, wave.Error) as error:
            detail, passed = str(error) or type(error).__name__, False
        yield Check(name=name, passed=passed, detail=detail, seconds=time.perf_counter() - began_at_s)


def _health(client: httpx.Client) -> str:
    answer = client.get("/health")
    health = answer.json()
    if health.get("status") != "ok":
        raise CheckFailed(f"{answer.status_code}, {health.get('status')}: {health.get('error')}")
    if health.get("storage"):
        raise CheckFailed(health["storage"])
    restored = "restored from a snapshot" if health.get("restored_s") else "started without a snapshot"
    stages = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in health["startup_s"].items())
    return f"{health['engine']} {health['model']} on {health['device']}, {restored}: {stages}"


def _needs_a_key(client: httpx.Client) -> str:
    with open_client(str(client.base_url), None) as stranger:
        error = _expect(stranger.get("/speakers"), 401).json()["error"]
    return str(error["code"])


def _speakers(client: httpx.Client) -> str:
    speakers = _expect(client.get("/speakers"), 200).json()["speakers"]
    if not speakers:
        raise CheckFailed("there are none")
    return f"{len(speakers)}, the first is {speakers[0]['name']}"


def _is_repeatable(client: httpx.Client) -> str:
    first, second = (
        _expect(client.post("/tts", json={"text": SHORT, "seed": 7, "format": "pcm"}), 200).content for _ in range(2)
    )
    if first != second:
        raise CheckFailed(f"{len(first)} and {len(second)} bytes that differ")
    return f"{len(first)} bytes, twice"


def _stream(client: httpx.Client) -> str:
    began_at_s = time.perf_counter()
    first_s, size = 0.0, 0
    with client.stream("POST", "/tts", json={"text": TEXT, "stream": True, "format": "pcm"}) as answer:
        if not answer.is_success:
            answer.read()
            _expect(answer, 200)
        for data in answer.iter_raw():
            first_s = first_s or time.perf_counter() - began_at_s
            size += len(data)
    if not size:
        raise CheckFailed("no audio came")
    return f"first audio after {first_s:.2f} s, {size / 48_000:.1f} s of audio"


def _errors(client: httpx.Client) -> str:
    cases = (
        ({"text": ""}, 400),
        ({"text": SHORT, "speaker_id": "nobody at all"}, 404),
        ({"text": "   "}, 422),
        ({"text": SHORT, "format": "midi"}, 400),
    )
    return ", ".join(
        f"{status} {_expect(client.post('/tts', json=body), status).json()['error']['code']}" for body, status in cases
    )


def _words(text: str) -> set[str]:
    return set(re.findall(r"[a-z']+", text.lower()))


def _expect(answer: httpx.Response, status: int) -> httpx.Response:
    if answer.status_code != status:
        raise CheckFailed(f"{answer.status_code} instead of {status}: {answer.text[:200]}")
    return answer


def _seconds_of(data: bytes) -> float:
    with wave.open(io.BytesIO(data)) as file:
        seconds = file.getnframes() / file.getframerate()
    if not seconds:
        raise CheckFailed("no audio in the answer")
    return seconds
