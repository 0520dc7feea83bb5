"""An alias of a voice that was deleted is unknown on every route and socket: no other voice speaks in its place."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.settings import load_settings
from tests.support.elevenlabs import StreamCaller, dialogue_caller, lines, stream_caller
from tests.support.fake_engine import FakeEngine
from tests.support.fake_server import fake
from tests.support.live import live_caller
from tests.support.recordings import voice_like, wav
from tests.support.server import RunningServer, serve
from tests.support.voices import save

HI = "Hi there."
HANDLES = dict.fromkeys(("gpt_cond_latent_b64", "speaker_embeddings_b64"), "nova")
ROUTES: dict[str, tuple[str, str, dict[str, Any]]] = {
    "tts": ("POST", "/tts", {"text": HI, "speaker_id": "nova"}),
    "turns": ("POST", "/tts", {"turns": [{"text": HI}, {"text": HI, "speaker_id": "nova"}]}),
    "a voice in the text": ("POST", "/tts", {"text": f"{HI} [voice:nova] {HI}"}),
    "OpenAI": ("POST", "/v1/audio/speech", {"input": HI, "voice": "nova"}),
    "OpenAI's object": ("POST", "/v1/audio/speech", {"input": HI, "voice": {"id": "nova"}}),
    "a handle at OpenAI's": ("POST", "/v1/audio/speech", {"input": HI} | HANDLES),
    "ElevenLabs": ("POST", "/v1/text-to-speech/nova", {"text": HI}),
    "ElevenLabs streamed": ("POST", "/v1/text-to-speech/nova/stream", {"text": HI}),
    "ElevenLabs with times": ("POST", "/v1/text-to-speech/nova/with-timestamps", {"text": HI}),
    "ElevenLabs' dialogue": ("POST", "/v1/text-to-dialogue", {"inputs": lines(("heart", HI), ("nova", HI))}),
    "SillyTavern": ("POST", "/tts_to_audio", {"text": HI, "speaker_wav": "nova"}),
    "SillyTavern's stream": ("GET", "/tts_stream", {"text": HI, "speaker_wav": "nova"}),
    "xtts-streaming-server": (
        *("POST", "/tts_stream"),
        {"text": HI, "language": "en", "speaker_embedding": "nova", "gpt_cond_latent": "nova"},
    ),
    "Coqui": ("GET", "/api/tts", {"text": HI, "speaker_id": "nova"}),
    "MaryTTS": ("GET", "/process", {"INPUT_TEXT": HI, "VOICE": "nova"}),
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """`nova` is an alias of `Ada`, who was saved, heard, and deleted."""
    with serving(tmp_path_factory.mktemp("data")) as server:
        id = save(server, wav(voice_like(3))).json()["id"]
        assert send(server, "OpenAI").status_code == 200
        assert fake(server).requests[-1].voice.id == id
        delete(server, id)
        yield server


def serving(data: Path) -> AbstractContextManager[RunningServer]:
    return serve(load_settings({"CHORUS_VOICE_ALIASES": "nova=Ada"}, data=data, asr_model="off"), FakeEngine)


def delete(server: RunningServer, id: str) -> None:
    with server.client() as client:
        assert client.delete(f"/voices/{id}").status_code == 204


def send(server: RunningServer, route: str) -> httpx.Response:
    method, path, fields = ROUTES[route]
    with server.client() as client:
        return client.get(path, params=fields) if method == "GET" else client.post(path, json=fields)


@pytest.mark.parametrize("route", ROUTES)
def test_a_route_speaks_in_no_other_voice(server: RunningServer, route: str) -> None:
    num_before = len(fake(server).requests)
    answer = send(server, route)
    assert (answer.status_code, "nova" in answer.text) == (404, True), answer.text
    assert len(fake(server).requests) == num_before


def test_a_text_of_a_batch_fails_alone(server: RunningServer) -> None:
    body = {"items": [{"input": HI, "voice": "nova"}, {"input": HI}]}
    with server.client() as client:
        first, second = client.post("/v1/audio/speech/batch", json=body).json()["results"]
    assert (first["status"], "nova" in first["error"], second["status"]) == ("error", True, "success")


SOCKETS: list[tuple[Callable[..., AbstractContextManager[StreamCaller]], str, dict[str, Any]]] = [
    (stream_caller, "stream-input", {"voice": "nova"}),
    (stream_caller, "multi-stream-input", {"voice": "nova"}),
    (dialogue_caller, "stream-input", {}),
    (dialogue_caller, "multi-stream-input", {}),
]


@pytest.mark.parametrize(("call", "kind", "options"), SOCKETS)
def test_elevenlabs_sockets_speak_in_no_other_voice(
    server: RunningServer,
    call: Callable[..., AbstractContextManager[StreamCaller]],
    kind: str,
    options: dict[str, Any],
) -> None:
    num_before = len(fake(server).requests)
    with call(server, kind, **options) as caller:
        if not options:
            caller.say(voices=["heart", "nova"], inputs=lines(("heart", HI)), flush=True)
        assert "nova" in caller.until_error()["message"]
    assert len(fake(server).requests) == num_before


def test_a_conversation_speaks_in_no_other_voice(server: RunningServer) -> None:
    with live_caller(server) as caller:
        caller.say("start", speaker_id="nova")
        assert caller.next()["error"]["code"] == "unknown_speaker"


def test_a_conversation_ends_with_the_voice_that_is_deleted_meanwhile(tmp_path: Path) -> None:
    with serving(tmp_path) as server, live_caller(server) as caller:
        id = save(server, wav(voice_like(3))).json()["id"]
        caller.say("start", speaker_id="nova")
        for _ in range(2):
            caller.say("text", text="One two three four.")
            caller.say("flush")
            _, messages = caller.until("flushed", "error")
            if messages[-1]["type"] == "flushed":
                delete(server, id)
        assert messages[-1]["error"]["code"] == "unknown_speaker"
        assert {request.voice.id for request in fake(server).requests} == {id}
