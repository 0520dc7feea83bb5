"""xtts-streaming-server's API as pipecat's XTTSService sends it, and that of pipecat-xtts-vllm 0.1.1."""

import base64
from typing import Any

import httpx
import pytest

from tests.support.fake_server import fake
from tests.support.http import check, post
from tests.support.recordings import voice_like, wav
from tests.support.server import RunningServer

RECORDING = wav(voice_like(3.0))


def speech(handles: dict[str, str], **fields: Any) -> dict[str, Any]:
    """As pipecat sends it."""
    return {
        "text": "One two three",
        "language": "en",
        "speaker_embedding": handles["speaker_embedding"],
        "gpt_cond_latent": handles["gpt_cond_latent"],
        "add_wav_header": False,
        "stream_chunk_size": 20,
    } | fields


def clone(server: RunningServer) -> httpx.Response:
    with server.client() as client:
        return client.post("/clone_speaker", files={"wav_file": ("reference.wav", RECORDING)})


def test_a_studio_speaker_speaks(fake_server: RunningServer) -> None:
    with fake_server.client() as client:
        speakers = client.get("/studio_speakers").json()
    assert list(speakers) == ["Heart", "Harald"]
    answer = post(fake_server, speech(speakers["Harald"]), "/tts_stream")
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "audio/pcm")
    assert len(answer.content) > 10_000
    assert fake(fake_server).requests[-1].voice.id == "harald"
    assert "stream_chunk_size has no effect" in answer.headers["X-Chorus-Warnings"]
    assert post(fake_server, speech(speakers["Heart"], add_wav_header=True), "/tts_stream").content[:4] == b"RIFF"


def test_a_clone_speaks_and_the_same_recording_is_cloned_once(fake_server: RunningServer) -> None:
    first, second = clone(fake_server).json(), clone(fake_server).json()
    assert (first, fake(fake_server).num_cloned) == (second, 1)
    assert post(fake_server, speech(first), "/tts_stream").status_code == 200
    assert fake(fake_server).requests[-1].voice.id == "clone of 1"
    with fake_server.client() as client:
        assert client.get("/voices").json()["count"] == 0  # nobody's consent was asked, so nothing is kept


def test_a_conditioning_speaks_at_openais_route(fake_server: RunningServer) -> None:
    body = {"speaker_files": [base64.b64encode(RECORDING).decode()]}
    conditioning = post(fake_server, body, "/v1/tts/conditioning").json()
    asked = {"model": "xtts", "input": "One two three", "response_format": "pcm", "stream": True, "chunk_size": 20}
    answer = post(fake_server, asked | {"language": "en", "speed": 1.0} | conditioning, "/v1/audio/speech")
    assert answer.status_code == 200
    assert fake(fake_server).requests[-1].voice.id == "clone of 1"


def test_an_engine_that_cannot_clone_says_so(embedded_server: RunningServer) -> None:
    check(clone(embedded_server), 501, "cloning_unavailable")


@pytest.mark.parametrize(
    ("fields", "status", "code", "param"),
    [
        ({"gpt_cond_latent": "harald"}, 400, "invalid_field", "speaker_embedding"),
        ({"speaker_embedding": [0.1, 0.2], "gpt_cond_latent": [[0.1]]}, 400, "invalid_field", "gpt_cond_latent"),
        (dict.fromkeys(("speaker_embedding", "gpt_cond_latent"), "hibari"), 404, "unknown_speaker", None),
        (dict.fromkeys(("speaker_embedding", "gpt_cond_latent"), f"clone-{'0' * 16}"), 404, "unknown_speaker", None),
        ({"text": ""}, 400, "invalid_field", "text"),
    ],
)
def test_other_latents_are_refused(
    fake_server: RunningServer, fields: dict[str, Any], status: int, code: str, param: str | None
) -> None:
    heart = {"speaker_embedding": "heart", "gpt_cond_latent": "heart"}
    answer = post(fake_server, speech(heart, **fields), "/tts_stream")
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert param is None or answer.json()["error"]["param"] in (param, "speaker_embedding")


def test_two_handles_of_two_voices_are_refused_at_openais_route(fake_server: RunningServer) -> None:
    handles = {"gpt_cond_latent_b64": "heart", "speaker_embeddings_b64": "harald"}
    check(
        post(fake_server, {"input": "Hi."} | handles, "/v1/audio/speech"), 400, "invalid_field", "gpt_cond_latent_b64"
    )
    both = {"input": "Hi.", "ref_audio": base64.b64encode(RECORDING).decode()} | dict.fromkeys(handles, "heart")
    check(post(fake_server, both, "/v1/audio/speech"), 400, "invalid_field", "gpt_cond_latent_b64")


@pytest.mark.parametrize(
    ("body", "says"),
    [({}, "missing"), ({"speaker_files": ["http://example.com/a.wav"]}, "nothing is ever fetched")],
)
def test_a_conditioning_needs_a_recording(fake_server: RunningServer, body: dict[str, Any], says: str) -> None:
    check(post(fake_server, body, "/v1/tts/conditioning"), 400, "invalid_field", "speaker_files", says)
