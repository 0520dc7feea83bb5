"""Requests of more programs that are pointed at OpenAI-like servers, word for word, over a real socket."""

import json
from typing import Any

import httpx
import pytest

from tests.support.server import RunningServer

# Each as its source builds it.
REQUESTS: dict[str, dict[str, Any]] = {
    # danny-avila/LibreChat, TTSService.js at 6aa8eff, openAIProvider; `backend` is for LocalAI.
    "LibreChat": {"input": "Hello.", "model": "tts-1", "voice": "alloy", "backend": "piper"},
    # Mintplex-Labs/anything-llm, TextToSpeech/openAiGeneric: the JavaScript SDK with model, voice and input.
    "AnythingLLM": {"model": "tts-1", "voice": "nova", "input": "Hello."},
    # sfortis/openai_tts, openaitts_engine.py at 917b282, with an extra payload.
    "Home Assistant": {
        "model": "tts-1",
        "input": "Hello.",
        "voice": "shimmer",
        "response_format": "mp3",
        "speed": 1.0,
        "instructions": "Speak calmly.",
        "language": "en",
    },
    # SillyTavern, src/endpoints/openai.js at 91f31e7, custom /generate-voice; the slider goes from 0.25 to 4.
    "SillyTavern, OpenAI compatible": {
        "input": "Hello.",
        "response_format": "mp3",
        "voice": "alloy",
        "speed": 0.25,
        "model": "tts-1",
    },
}


@pytest.mark.parametrize("client_name", REQUESTS)
def test_its_request_is_spoken(embedded_server: RunningServer, client_name: str) -> None:
    headers = {"Content-Type": "application/json", "Authorization": "Bearer none"}
    with httpx.Client(timeout=60) as client:
        url = f"{embedded_server.url}/v1/audio/speech"
        answer = client.post(url, content=json.dumps(REQUESTS[client_name]).encode(), headers=headers)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "audio/mpeg")
    assert len(answer.content) > 1000


def test_home_assistant_finds_the_voices_with_a_limit_that_we_do_not_know(embedded_server: RunningServer) -> None:
    """sfortis/openai_tts, voice_listing.py at 25f6664: beside the speech address, `items`, `data` or `voices`."""
    with embedded_server.client() as client:
        answer = client.get("/v1/audio/voices", params={"limit": 100})
    assert [voice["id"] for voice in answer.json()["voices"]] == ["heart"]
