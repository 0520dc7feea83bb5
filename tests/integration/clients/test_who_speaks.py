"""One rule for every dialect: a field that is not known and says who is to speak is refused, others are reported."""

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

from tests.support.elevenlabs import StreamCaller, dialogue_caller, lines, stream_caller
from tests.support.fake_server import fake
from tests.support.live import live_caller
from tests.support.server import RunningServer

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
TAKE_VOICE = ("OpenAI", "vllm-omni's batch", "Coqui", "Coqui's form")
"""Dialects that have a field `voice`."""
HANDLES = {"speaker_embedding": "heart", "gpt_cond_latent": "heart"}
ROUTES: dict[str, tuple[str, str, str, dict[str, Any]]] = {
    "OpenAI": ("POST", "/v1/audio/speech", "json", {"input": "Hi."}),
    "vllm-omni's batch": ("POST", "/v1/audio/speech/batch", "json", {"items": [{"input": "Hi."}]}),
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


SOCKETS: dict[str, tuple[Callable[..., AbstractContextManager[StreamCaller]], str, dict[str, Any]]] = {
    "text-to-speech": (stream_caller, "stream-input", {"text": "Hi there. "}),
    "text-to-speech with contexts": (stream_caller, "multi-stream-input", {"text": "Hi there. "}),
    "text-to-dialogue": (dialogue_caller, "stream-input", {"voices": ["heart"]}),
    "text-to-dialogue with contexts": (dialogue_caller, "multi-stream-input", {"voices": ["heart"]}),
}


@pytest.mark.parametrize("name", SOCKETS)
def test_the_address_of_a_socket_follows_the_rule(fake_server: RunningServer, name: str) -> None:
    call, kind, _ = SOCKETS[name]
    with call(fake_server, kind, query="&speaker=harald") as caller:
        assert "would change who speaks" in caller.until_error()["message"]


@pytest.mark.parametrize("place", ["message", "voice_settings"])
@pytest.mark.parametrize("name", SOCKETS)
def test_a_message_of_a_socket_follows_the_rule(fake_server: RunningServer, name: str, place: str) -> None:
    call, kind, first = SOCKETS[name]
    for field in ("voice", "voiceId", "speaker_embedding", "reference_wav"):
        with call(fake_server, kind) as caller:
            caller.say(**first | ({field: "harald"} if place == "message" else {place: {field: "harald"}}))
            error = caller.until_error()
        assert f"{field}: this would change who speaks" in error["message"]
    assert fake(fake_server).requests == []


@pytest.mark.parametrize("name", SOCKETS)
def test_other_fields_of_a_message_are_reported_behind_the_audio(fake_server: RunningServer, name: str) -> None:
    call, kind, first = SOCKETS[name]
    with call(fake_server, kind) as caller:
        settings = {"stability": 0.5, "mood": "calm", "speed": 1.5, "speaker": ""}
        caller.say(**first, emotion="sad", voice="", voice_settings=settings)
        text = {"text": "One two."} if "speech" in name else {"inputs": lines(("heart", "One two."), mood="sad")}
        caller.say(**text, flush=True, voice_settings={"speed": 2})
        caller.say(**{"text": ""} if name == "text-to-speech" else {"close_socket": True})
        warnings = caller.until_final("default" if "contexts" in name else None)["warnings"]
    names = ["emotion", "voice", "voice_settings.mood", "voice_settings.speaker", "voice_settings.stability"]
    names.append("voice_settings.speed behind the first message of a context")
    names += ["mood"] if "dialogue" in name else []
    assert warnings == [f"{field} has no effect" for field in names]
    assert {request.speed for request in fake(fake_server).requests} == {1.5}


@pytest.mark.parametrize("message", ["start", "text", "flush", "cancel", "end"])
def test_a_conversation_refuses_every_unknown_field(fake_server: RunningServer, message: str) -> None:
    with live_caller(fake_server) as caller:
        if message != "start":
            caller.say("start")
            caller.until("started")
        caller.say(message, **({"text": "Hi."} if message == "text" else {}), emotion="sad")
        _, messages = caller.until("error")
    assert "emotion" in messages[-1]["error"]["message"]
