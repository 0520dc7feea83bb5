"""One rule for every dialect: a field that is not known and says who is to speak is refused, others are reported."""

import json
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

from tests.support.elevenlabs import stream_caller
from tests.support.fake_server import fake
from tests.support.server import RunningServer

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
TAKE_VOICE = ("OpenAI", "Coqui", "Coqui's form")
"""Dialects that have a field `voice`."""
HANDLES = {"speaker_embedding": "heart", "gpt_cond_latent": "heart"}
ROUTES: dict[str, tuple[str, str, str, dict[str, Any]]] = {
    "OpenAI": ("POST", "/v1/audio/speech", "json", {"input": "Hi."}),
    "ElevenLabs": ("POST", "/v1/text-to-speech/harald", "json", {"text": "Hi."}),
    "ElevenLabs streamed": ("POST", "/elevenlabs/v1/text-to-speech/harald/stream", "json", {"text": "Hi."}),
    "SillyTavern": ("POST", "/tts_to_audio", "json", {"text": "Hi."}),
    "SillyTavern streamed": ("GET", "/tts_stream", "query", {"text": "Hi."}),
    "SillyTavern's HEAD": ("HEAD", "/sillytavern/tts_stream", "query", {"text": "Hi."}),
    "xtts-streaming-server": ("POST", "/tts_stream", "json", {"text": "Hi.", "language": "en"} | HANDLES),
    "Coqui": ("GET", "/api/tts", "query", {"text": "Hi."}),
    "Coqui's form": ("POST", "/api/tts", "form", {"text": "Hi."}),
    "MaryTTS": ("GET", "/process", "query", {"INPUT_TEXT": "Hi."}),
    "MaryTTS's form": ("POST", "/process", "form", {"INPUT_TEXT": "Hi."}),
}


def send(server: RunningServer, route: str, **fields: Any) -> httpx.Response:
    method, path, form, body = ROUTES[route]
    sent = body | fields
    with server.client() as client:
        if form == "query":
            return client.request(method, path, params=sent)
        content = json.dumps(sent) if form == "json" else urlencode(sent)
        return client.request(method, path, content=content, headers=FORM if form == "form" else {})


def refused_field(answer: httpx.Response) -> str:
    assert answer.status_code == 400, answer.text
    body = answer.json()
    error = body.get("error") or body["detail"]
    assert "would change who speaks" in error["message"]
    return error["param"]


@pytest.mark.parametrize("route", ROUTES)
def test_a_field_that_says_who_speaks_is_refused(fake_server: RunningServer, route: str) -> None:
    fields = ["speaker", "voiceId", "reference_wav", "audio_prompt", *(["voice"] if route not in TAKE_VOICE else [])]
    for field in fields:
        answer = send(fake_server, route, **{field: "harald"})
        if "HEAD" in route:
            assert answer.status_code == 400
        else:
            assert refused_field(answer) == field
    assert fake(fake_server).requests == []


@pytest.mark.parametrize("route", ROUTES)
def test_other_fields_and_empty_ones_are_taken(fake_server: RunningServer, route: str) -> None:
    assert send(fake_server, route, emotion="sad", speaker="", style_wav="calm.wav").status_code == 200


def test_a_body_may_repeat_the_voice_of_the_address(fake_server: RunningServer) -> None:
    assert send(fake_server, "ElevenLabs", voice_id="harald").status_code == 200
    assert refused_field(send(fake_server, "ElevenLabs", voice_id="heart")) == "voice_id"


def test_the_address_of_a_socket_follows_the_rule(fake_server: RunningServer) -> None:
    with stream_caller(fake_server, "stream-input", query="&speaker=harald") as caller:
        assert "would change who speaks" in caller.until_error()["message"]
