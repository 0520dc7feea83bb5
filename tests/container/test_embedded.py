"""The embedded voice in a container, through its published port."""

import io

import httpx
import pytest
import soundfile

from tests.support.container import RunningContainer
from tests.support.http import check
from tests.support.recogniser import transcribe, word_error_rate
from tests.support.recordings import voice_like, wav

TEXT = "The quick brown fox jumps over the lazy dog. Then it goes to sleep in the warm sun."


def test_what_is_said_is_heard(embedded: RunningContainer) -> None:
    with embedded.client() as client:
        answer = client.post("/tts", json={"text": TEXT})
    assert answer.status_code == 200, answer.text
    samples, rate_hz = soundfile.read(io.BytesIO(answer.content), dtype="float32")
    assert word_error_rate(TEXT, transcribe(samples, rate_hz)) < 0.1


def test_audio_comes_through_the_port_while_the_rest_is_being_made(embedded: RunningContainer) -> None:
    body = {"text": TEXT * 40, "stream": True, "format": "pcm", "seed": 1}
    with embedded.client() as client, client.stream("POST", "/tts", json=body) as answer:
        parts = answer.iter_raw()
        first = next(parts)
        assert httpx.get(f"{embedded.url}/health").json()["in_flight"] == 1
        rest = list(parts)
    with embedded.client() as client:
        whole = client.post("/tts", json=body | {"stream": False}).content
    assert first + b"".join(rest) == whole


@pytest.mark.parametrize("format_", ["wav", "mp3", "opus", "aac", "flac"])
def test_an_uploaded_recording_is_decoded_and_measured(embedded: RunningContainer, format_: str) -> None:
    """The image has another Python than most test environments, and with it another version of PyAV."""
    with embedded.client() as client:
        spoken = client.post("/tts", json={"text": TEXT, "format": format_}).raise_for_status()
        files = {"reference_audio": (f"spoken.{format_}", spoken.content)}
        answer = client.post("/voices/check", files=files)
    assert answer.status_code == 200, answer.text
    (recording,) = answer.json()["recordings"]
    assert abs(recording["seconds"] - float(spoken.headers["X-Audio-Seconds"])) < 0.2  # lossy formats pad


def test_cloning_is_refused_and_says_how_to_have_it(embedded: RunningContainer) -> None:
    with embedded.client() as client:
        files = {"reference_audio": ("a.wav", wav(voice_like(3)))}
        check(client.post("/voice-clone", data={"text": TEXT}, files=files), 501, "cloning_unavailable")
        # Larger than what multipart keeps in memory: it goes by way of /tmp, on a read-only root too.
        files = {"reference_audio": ("a.wav", wav(voice_like(60)))}
        check(client.post("/voice-clone", data={"text": TEXT}, files=files), 501, "cloning_unavailable")
