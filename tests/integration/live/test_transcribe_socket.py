"""`WS /ws/transcribe` on a real server: the real detector hears speech, and the test drives the recogniser."""

import asyncio
import contextlib
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from websockets.exceptions import ConnectionClosed

from app.asr.installation import HOW_TO_INSTALL
from app.audio.pcm_stream import PcmForm, PcmStream
from app.errors import EngineFailure
from app.http.live import transcribe_messages
from app.settings import ApiKeys, Settings
from tests.support.documents import items
from tests.support.fake_engine import FakeEngine
from tests.support.fake_recognizer import FakeRecognizer
from tests.support.live import LiveCaller, live_caller
from tests.support.opus import Container, recorded
from tests.support.server import RunningServer, serve

DOCS = (Path(__file__).parents[3] / "docs/websocket.md").read_text()
RATE_HZ = 24_000
SILENCE = bytes(2 * RATE_HZ)
"""One second."""
SPOKEN = "Good morning. The river is wide."


@pytest.fixture(scope="module")
def speech(embedded_server: RunningServer) -> bytes:
    """A sentence of the embedded voice, pcm16 at RATE_HZ."""
    with embedded_server.client() as client:
        body = {"text": "The morning was bright and clear.", "seed": 1, "format": "pcm"}
        return client.post("/tts", json=body).raise_for_status().content


@contextlib.contextmanager
def listening(data: Path, recognizer: FakeRecognizer | None, **settings: Any) -> Iterator[RunningServer]:
    make = None if recognizer is None else lambda: recognizer
    with serve(Settings(data=data, **settings), FakeEngine, make_recognizer=make) as server:
        yield server


@pytest.fixture
def recognizer() -> FakeRecognizer:
    return FakeRecognizer()


@pytest.fixture
def server(tmp_path: Path, recognizer: FakeRecognizer) -> Iterator[RunningServer]:
    with listening(tmp_path, recognizer) as server:
        yield server


@contextlib.contextmanager
def caller_of(server: RunningServer, *, start: bool = True, **options: Any) -> Iterator[LiveCaller]:
    with live_caller(server, "/ws/transcribe") as caller:
        if start:
            caller.say("start", **{"sample_rate_hz": RATE_HZ} | options)
        yield caller


def send(caller: LiveCaller, audio: bytes, piece: int = 4800) -> None:
    for at in range(0, len(audio), piece):
        caller.socket.send(audio[at : at + piece])


def test_each_utterance_has_its_text_and_its_time(server: RunningServer, speech: bytes) -> None:
    with caller_of(server) as caller:
        send(caller, SILENCE + speech + SILENCE + speech + SILENCE)
        caller.say("end")
        _, messages = caller.until("done", "error")
        assert caller.close_code() == 1000
    started, *rest, done = messages
    assert (started["type"], started["model"], started["sample_rate_hz"], started["silence_ms"]) == (
        "started",
        "fake-whisper",
        RATE_HZ,
        500,
    )
    finals = [message for message in rest if message["type"] == "final"]
    assert [(final["index"], final["text"], final["language"], final["words"]) for final in finals] == [
        (0, SPOKEN, "en", []),
        (1, SPOKEN, "en", []),
    ]
    speech_s = len(speech) / 2 / RATE_HZ
    assert 0.8 < finals[0]["start_s"] < 1.3
    assert 0.5 + speech_s < finals[0]["end_s"] < 1.2 + speech_s
    assert 1.8 + speech_s < finals[1]["start_s"] < 2.4 + speech_s
    assert [message["start_s"] for message in rest if message["type"] == "speech_started"] == [
        final["start_s"] for final in finals
    ]
    assert done["audio_s"] == pytest.approx(3 + 2 * speech_s, abs=0.04)


@pytest.mark.slow
@pytest.mark.parametrize("container", ["webm", "ogg"])
def test_opus_is_heard_as_pcm_is(server: RunningServer, speech: bytes, container: Container) -> None:
    samples = np.frombuffer(SILENCE + speech + SILENCE + speech + SILENCE, "<i2").astype(np.float32) / 32_768
    with caller_of(server, format="opus") as caller:
        send(caller, recorded(samples, RATE_HZ, container), piece=777)
        caller.say("end")
        _, messages = caller.until("done", "error")
        assert caller.close_code() == 1000
    assert messages[0]["format"] == "opus"
    finals = [message for message in messages if message["type"] == "final"]
    assert [final["text"] for final in finals] == [SPOKEN, SPOKEN]
    speech_s = len(speech) / 2 / RATE_HZ
    assert 0.8 < finals[0]["start_s"] < 1.3
    assert 1.8 + speech_s < finals[1]["start_s"] < 2.4 + speech_s
    assert messages[-1]["audio_s"] == pytest.approx(3 + 2 * speech_s, abs=0.1)


@pytest.mark.slow
def test_the_text_of_opus_so_far_comes_with_flush(server: RunningServer, speech: bytes) -> None:
    opus = recorded(np.frombuffer(speech + SILENCE, "<i2").astype(np.float32) / 32_768, RATE_HZ, "webm")
    with caller_of(server, format="opus", partials=False) as caller:
        send(caller, opus[: len(opus) * 2 // 3])
        caller.say("flush")
        _, messages = caller.until("flushed")
        assert [message["type"] for message in messages] == ["started", "speech_started", "final", "flushed"]


@pytest.mark.parametrize("audio", [SILENCE, b"\x1aE\xdf\xa3" + bytes(5000)])
def test_opus_that_is_none_is_told_and_closed(server: RunningServer, audio: bytes) -> None:
    with caller_of(server, format="opus") as caller:
        caller.socket.send(audio)
        _, (*_, error) = caller.until("error", "done")
        assert (error["error"]["code"], error["error"]["param"]) == ("unreadable_audio", "format")
        assert caller.close_code() == 1008


def test_partial_texts_come_before_the_end(server: RunningServer, speech: bytes) -> None:
    with caller_of(server) as caller:
        send(caller, speech)
        _, (*_, partial) = caller.until("partial")
        assert (partial["index"], partial["text"]) == (0, SPOKEN)
        assert partial["start_s"] < partial["end_s"]


def test_flush_is_answered_behind_the_final_text(server: RunningServer, speech: bytes) -> None:
    with caller_of(server, partials=False) as caller:
        send(caller, speech)
        caller.say("flush")
        _, messages = caller.until("flushed")
        assert [message["type"] for message in messages] == ["started", "speech_started", "final", "flushed"]
        assert messages[-1]["audio_s"] == pytest.approx(len(speech) / 2 / RATE_HZ, abs=0.04)
        caller.say("end")
        assert caller.until("done")[1][-1]["type"] == "done"


def test_options_reach_the_recogniser(server: RunningServer, recognizer: FakeRecognizer, speech: bytes) -> None:
    with caller_of(server, language="German", prompt="Ada", task="translate", words=True, partials=False) as caller:
        send(caller, speech + SILENCE)
        caller.say("end")
        _, messages = caller.until("done")
    request = recognizer.requests[-1]
    assert (request.language, request.prompt, request.task, request.word_timestamps) == ("de", "Ada", "translate", True)
    (final,) = [message for message in messages if message["type"] == "final"]
    assert [word["text"] for word in final["words"]] == ["Good", "morning.", "The", "river", "is", "wide."]
    assert all(word["start_s"] >= final["start_s"] - 0.4 for word in final["words"])


def test_silence_and_noise_have_no_text(server: RunningServer, recognizer: FakeRecognizer) -> None:
    noise = np.random.default_rng(1).normal(0, 300, 3 * RATE_HZ).astype("<i2").tobytes()
    with caller_of(server) as caller:
        send(caller, SILENCE * 3 + noise + SILENCE)
        caller.say("end")
        _, messages = caller.until("done")
    assert [message["type"] for message in messages] == ["started", "done"]
    assert recognizer.requests == []


@pytest.mark.parametrize("piece", [1, 333, 1024 * 1024])
def test_audio_may_be_cut_anywhere(server: RunningServer, recognizer: FakeRecognizer, piece: int) -> None:
    tone = (8000 * np.sin(np.arange(2_000))).astype("<i2").tobytes()
    with caller_of(server) as caller:
        send(caller, tone, piece)
        caller.say("end")
        assert caller.until("done")[1][-1]["audio_s"] == pytest.approx(2000 / RATE_HZ, abs=0.04)


def test_a_file_that_comes_faster_than_it_is_spoken_is_heard_whole(server: RunningServer, speech: bytes) -> None:
    with caller_of(server, partials=False) as caller:
        for _ in range(10):
            caller.socket.send(speech + SILENCE)
        caller.say("end")
        _, messages = caller.until("done")
    assert [message["index"] for message in messages if message["type"] == "final"] == list(range(10))


@pytest.mark.parametrize(
    ("first", "message"),
    [
        ("nonsense", "no message of this protocol"),
        ("{}", "no message of this protocol"),
        ('{"type": "flush"}', "first message"),
        (b"\x00\x01", "first message"),
        ('{"type": "start", "sample_rate_hz": 0}', "sample_rate_hz"),
        ('{"type": "start", "sample_rate_hz": 1e9}', "sample_rate_hz"),
        ('{"type": "start", "silence_ms": 1}', "silence_ms"),
        ('{"type": "start", "format": "mp3"}', "format"),
        ('{"type": "start", "speed": 1}', "speed"),
        ('{"type": "start", "language": "tlh"}', "en, de"),
        ('{"type": "start", "task": "summarise"}', "task"),
        ("[" * 50_000, "no message of this protocol"),
    ],
)
def test_what_cannot_be_understood_is_told_and_closed(server: RunningServer, first: Any, message: str) -> None:
    with caller_of(server, start=False) as caller:
        caller.socket.send(first)
        _, (*_, error) = caller.until("error", "started")
        assert message in error["error"]["message"]
        assert error["error"]["request_id"]
        assert caller.close_code() == 1008


@pytest.mark.parametrize("then", ['{"type": "start"}', '{"type": "cancel"}', "nonsense"])
def test_what_does_not_fit_later_is_told_too(server: RunningServer, then: str) -> None:
    with caller_of(server) as caller:
        caller.socket.send(then)
        _, (*_, error) = caller.until("error")
        assert error["error"]["code"] == "invalid_field"
        assert caller.close_code() == 1008


def test_audio_after_end_is_an_error_not_silence(tmp_path: Path, speech: bytes) -> None:
    recognizer = FakeRecognizer(waits=asyncio.Event())
    with listening(tmp_path, recognizer) as server, caller_of(server) as caller:
        send(caller, speech)
        caller.say("end")
        caller.socket.send(SILENCE)
        _, (*_, error) = caller.until("error", "done")
        assert "may follow" in error["error"]["message"]
        assert caller.close_code() == 1008


def test_a_message_of_more_than_a_mebibyte_is_closed_with_1009(server: RunningServer) -> None:
    with caller_of(server) as caller:
        caller.until("started")
        caller.socket.send(bytes(1024 * 1024 + 1))
        assert caller.close_code() == 1009


def test_without_a_recogniser_the_command_that_adds_one_is_told(tmp_path: Path) -> None:
    with listening(tmp_path, None) as server, caller_of(server) as caller:
        _, (error,) = caller.until("error", "started")
        assert (error["error"]["code"], error["error"]["message"]) == ("transcription_unavailable", HOW_TO_INSTALL)


def test_a_full_recogniser_is_told_with_the_time_to_come_back(tmp_path: Path) -> None:
    with listening(tmp_path, FakeRecognizer(max_admitted=0)) as server, caller_of(server) as caller:
        _, (error,) = caller.until("error", "started")
        assert error["error"]["code"] == "queue_full"
        assert error["retry_after_s"] >= 1
        assert caller.close_code() == 1013


def test_a_failure_of_the_model_is_told_and_never_looks_like_the_end(tmp_path: Path, speech: bytes) -> None:
    recognizer = FakeRecognizer(fails=EngineFailure("the model failed"))
    with listening(tmp_path, recognizer) as server, caller_of(server) as caller:
        with contextlib.suppress(ConnectionClosed):
            send(caller, speech + SILENCE)
            caller.say("end")
        _, (*_, error) = caller.until("done", "error")
        assert error["error"]["code"] == "engine_failure"
        assert caller.close_code() == 1011


def test_a_client_that_leaves_cancels_its_request(tmp_path: Path, speech: bytes) -> None:
    recognizer = FakeRecognizer(waits=asyncio.Event())
    with listening(tmp_path, recognizer) as server:
        with caller_of(server) as caller:
            send(caller, speech + SILENCE)
            caller.until("speech_started")
            while not server.on_loop(lambda: len(recognizer.streams)):
                pass
        for _ in range(1000):
            if cast("bool", server.on_loop(lambda: recognizer.streams[0].is_closed)):
                return
    raise AssertionError("the request goes on")


def test_one_socket_too_many_is_refused(tmp_path: Path) -> None:
    with listening(tmp_path, FakeRecognizer(), max_sockets=1) as server, caller_of(server) as first:
        first.until("started")
        with caller_of(server) as second:
            _, (error,) = second.until("error", "started")
            assert "CHORUS_MAX_SOCKETS" in error["error"]["message"]
            assert second.close_code() == 1013


def test_a_client_without_a_start_is_not_waited_for(tmp_path: Path) -> None:
    with (
        listening(tmp_path, FakeRecognizer(), client_timeout_s=0.2) as server,
        caller_of(server, start=False) as caller,
    ):
        assert "no first message came" in caller.until("error")[1][-1]["error"]["message"]


@pytest.mark.parametrize(("key", "answer"), [(None, "error"), ("bad-key", "error"), ("good-key", "started")])
def test_a_key_is_asked_for(tmp_path: Path, key: str | None, answer: str) -> None:
    settings: dict[str, Any] = {"api_keys": ApiKeys("good-key")}
    with listening(tmp_path, FakeRecognizer(), **settings) as server, caller_of(server, api_key=key) as caller:
        _, (message,) = caller.until("started", "error")
        assert message["type"] == answer
        if answer == "error":
            assert message["error"]["code"] == "invalid_api_key"


def test_a_page_of_another_site_may_not_listen(server: RunningServer) -> None:
    with live_caller(server, "/ws/transcribe", origin="http://evil.example") as caller:
        assert caller.next()["error"]["code"] == "origin_not_allowed"
        assert caller.close_code() == 1008


def test_four_callers_are_transcribed_at_the_same_time(server: RunningServer, speech: bytes) -> None:
    with contextlib.ExitStack() as stack:
        callers = [stack.enter_context(caller_of(server, partials=False)) for _ in range(4)]
        for at in range(0, len(speech), 4800):
            for caller in callers:
                caller.socket.send(speech[at : at + 4800])
        for caller in callers:
            caller.socket.send(json.dumps({"type": "end"}))
        for caller in callers:
            assert [m["text"] for m in caller.until("done")[1] if m["type"] == "final"] == [SPOKEN]


def test_the_documented_client_prints_the_text(server: RunningServer, speech: bytes) -> None:
    _, code = re.findall(r"```python\n(.*?)```", DOCS, re.DOTALL)
    assert len(code.splitlines()) <= 34
    code = code.replace("ws://127.0.0.1:8000", server.url.replace("http", "ws"))
    at_16_khz = PcmStream(PcmForm(rate_hz=RATE_HZ, width=2, channels=1)).convert(speech + SILENCE).astype("<i2")
    read = subprocess.run(
        [sys.executable, "-c", code], input=at_16_khz.tobytes(), capture_output=True, check=True, timeout=60
    )
    assert read.stdout.decode().strip() == SPOKEN


def test_the_documented_messages_are_the_messages() -> None:
    def documented(title: str) -> dict[str, set[str]]:
        section = DOCS.split(f"### {title}")[1].split("\n### ")[0]
        messages = [re.match(r"`(\w+)`(?: \((.*?)\))?: ", item) for item in items(section)]
        return {found[1]: set(re.findall(r"`(\w+)`", found[2] or "")) for found in messages if found}

    def defined(union: Any) -> dict[str, set[str]]:
        return {kind.__struct_config__.tag: set(kind.__struct_fields__) for kind in union.__args__}

    assert documented("Messages to the server") == defined(transcribe_messages.Message)
    assert documented("Messages of the server") == defined(transcribe_messages.ServerMessage)
