import asyncio
import contextlib
import io
import itertools
import json
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect as connect_raw

from app.http.live import messages as live_messages
from app.settings import ApiKeys, Settings
from tests.support.documents import items
from tests.support.fake_engine import FakeEngine
from tests.support.live import LiveCaller, live_caller
from tests.support.server import RunningServer, serve

DOCS = (Path(__file__).parents[3] / "docs/websocket.md").read_text()
TEXT = "The morning was bright and clear. Nobody had opened the door for years. Then the wind turned at last."
SENTENCES = [
    "The morning was bright and clear.",
    "Nobody had opened the door for years.",
    "Then the wind turned at last.",
]


def tts(server: RunningServer, text: str, seed: int) -> bytes:
    with server.client() as client:
        return client.post("/tts", json={"text": text, "seed": seed, "format": "pcm"}).raise_for_status().content


def talk(server: RunningServer, pieces: list[str], **start: Any) -> tuple[bytes, list[dict[str, Any]]]:
    with live_caller(server) as caller:
        caller.say("start", **start)
        for piece in pieces:
            caller.say("text", text=piece)
        caller.say("end")
        answer = caller.until("done", "error")
        assert caller.close_code() == 1000
        return answer


def admitted(server: RunningServer) -> int:
    with server.client() as client:
        return client.get("/health").json()["queue"]["admitted"]


def wait_until_idle(server: RunningServer) -> None:
    """Asks 200 times at most."""
    for _ in range(200):
        if not admitted(server):
            return
    raise AssertionError("something is still admitted")


def test_the_first_sentence_has_the_samples_of_tts(embedded_server: RunningServer) -> None:
    audio, messages = talk(embedded_server, [TEXT], seed=5)
    (first, *_) = [message for message in messages if message["type"] == "segment_ended"]
    assert first["text"] == SENTENCES[0]
    assert audio[: 2 * round(first["end_s"] * 24_000)] == tts(embedded_server, SENTENCES[0], 5)


def test_the_audio_does_not_depend_on_how_the_text_is_cut(embedded_server: RunningServer) -> None:
    whole = talk(embedded_server, [TEXT], seed=5)
    letters = talk(embedded_server, list(TEXT), seed=5)
    assert letters[0] == whole[0]
    assert letters[1][1:] == whole[1][1:]  # but for the request id in `started`


def test_segments_lie_where_their_messages_say(embedded_server: RunningServer) -> None:
    audio, messages = talk(embedded_server, [TEXT])
    samples = np.frombuffer(audio, "<i2")
    segments = [message for message in messages if message["type"] == "segment_ended"]
    assert [segment["text"] for segment in segments] == SENTENCES
    assert messages[-1]["audio_s"] == segments[-1]["end_s"] == round(len(samples) / 24_000, 6)
    for before, after in itertools.pairwise(segments):
        pause = samples[round(before["end_s"] * 24_000) : round(after["start_s"] * 24_000)]
        assert len(pause) == 0.26 * 24_000
        assert not pause.any()


def test_a_sentence_is_heard_while_the_next_is_written(embedded_server: RunningServer) -> None:
    with live_caller(embedded_server) as caller:
        caller.say("start")
        caller.say("text", text=SENTENCES[0])
        caller.say("text", text=" Nobody had ")
        audio, messages = caller.until("segment_ended")
        assert messages[-1]["text"] == SENTENCES[0]
        assert len(audio) == 2 * round(messages[-1]["end_s"] * 24_000)


def test_flush_speaks_at_once_and_the_conversation_goes_on(embedded_server: RunningServer) -> None:
    with live_caller(embedded_server) as caller:
        caller.say("start")
        caller.say("text", text="There is no end of this")
        caller.say("flush")
        audio, messages = caller.until("flushed")
        assert len(audio) == 2 * round(messages[-1]["audio_s"] * 24_000) > 24_000
        caller.say("text", text="And this comes later")
        caller.say("end")
        _, messages = caller.until("done")
        assert [m["text"] for m in messages if m["type"] == "segment_ended"] == ["And this comes later"]


def test_a_piece_without_sound_is_a_short_silence_and_a_warning(embedded_server: RunningServer) -> None:
    with live_caller(embedded_server) as caller:
        caller.say("start")
        caller.say("text", text="日本語です。")
        caller.say("flush")
        audio, messages = caller.until("flushed")
        assert 0.1 < len(audio) / 48_000 < 1.0
        assert not any(audio)
        assert "no sound" in next(message for message in messages if message["type"] == "warning")["message"]


def test_after_cancelled_nothing_of_before_is_heard(embedded_server: RunningServer) -> None:
    with live_caller(embedded_server) as caller:
        caller.say("start", seed=1)
        for _ in range(20):
            caller.say("text", text=f"{TEXT} ")
        caller.until("segment_started")
        caller.say("cancel")
        caller.until("cancelled")
        caller.say("text", text="Now for something else.")
        caller.say("end")
        audio, messages = caller.until("done")
        assert [m["text"] for m in messages if m["type"] == "segment_ended"] == ["Now for something else."]
        (segment,) = [m for m in messages if m["type"] == "segment_ended"]
        assert len(audio) == 2 * (round(segment["end_s"] * 24_000) - round(segment["start_s"] * 24_000))
    wait_until_idle(embedded_server)


def test_cancel_gives_back_what_waits_for_the_engine(fake_server: RunningServer) -> None:
    with live_caller(fake_server) as caller:
        caller.say("start")
        caller.say("text", text="You wait for this one. And you wait for another one. ")
        caller.say("cancel")
        caller.until("cancelled")
        assert admitted(fake_server) == 0
        caller.say("text", text="This one is spoken.")
        caller.say("end")
        _, messages = caller.until("done")
        assert [m["text"] for m in messages if m["type"] == "segment_ended"] == ["This one is spoken."]


def test_cancel_works_after_end(fake_server: RunningServer) -> None:
    with live_caller(fake_server) as caller:
        caller.say("start")
        caller.say("text", text="You wait for this one.")
        caller.say("end")
        caller.say("cancel")
        caller.until("cancelled")
        caller.say("text", text="It goes on all the same.")
        caller.say("end")
        assert caller.until("done")[0]


def test_a_client_that_leaves_gives_everything_back(fake_server: RunningServer) -> None:
    with live_caller(fake_server) as caller:
        caller.say("start")
        caller.say("text", text="You wait for this one. And you wait for another one. ")
        caller.say("text", text="More")
    wait_until_idle(fake_server)


@pytest.mark.parametrize("name", ["wav", "mp3", "opus", "aac", "flac"])
def test_each_turn_is_a_file_in_every_format(embedded_server: RunningServer, name: str) -> None:
    with live_caller(embedded_server) as caller:
        caller.say("start", format=name)
        for sentence in SENTENCES[:2]:
            caller.say("text", text=sentence)
            caller.say("flush")
            audio, messages = caller.until("flushed")
            (segment,) = [m for m in messages if m["type"] == "segment_ended"]
            with av.open(io.BytesIO(audio)) as file:
                num_samples = sum(frame.samples * 24_000 // frame.sample_rate for frame in file.decode(audio=0))
            # The second turn begins with the pause; codecs add up to 0.1 s of their own.
            assert -1e-5 <= num_samples / 24_000 - (segment["end_s"] - segment["start_s"]) <= 0.4


@pytest.mark.parametrize(
    ("first", "param", "message"),
    [
        ("nonsense", None, "no message of this protocol"),
        ('{"type": "text", "text": "Hello"}', "type", "first message"),
        ('{"type": "shout"}', None, "shout"),
        ('{"type": "start", "speakr_id": "heart"}', None, "speakr_id"),
        ('{"type": "start", "speed": 9}', None, "speed"),
        ('{"type": "start", "seed": NaN}', None, "no message of this protocol"),
        ("[" * 50_000, None, "no message of this protocol"),
        (b"\x00\x01", None, "text frames"),
        ('{"type": "start", "language": "fr"}', "language", "speaks en"),
        ('{"type": "start", "speaker_id": "../../etc/passwd"}', "speaker_id", "no speaker"),
    ],
)
def test_what_cannot_be_understood_is_told_and_closed(
    embedded_server: RunningServer, first: Any, param: str | None, message: str
) -> None:
    with live_caller(embedded_server) as caller:
        caller.socket.send(first)
        _, (*_, error) = caller.until("error")
        assert message in error["error"]["message"]
        assert error["error"]["param"] == param
        assert error["error"]["request_id"]
        assert caller.close_code() == 1008


@pytest.mark.parametrize(
    ("then", "code"),
    [
        ({"type": "start"}, "invalid_field"),
        ({"type": "text", "text": "x" * 5001}, "text_too_long"),
        ({"type": "text"}, "invalid_field"),
    ],
)
def test_what_does_not_fit_later_is_told_too(embedded_server: RunningServer, then: dict[str, Any], code: str) -> None:
    with live_caller(embedded_server) as caller:
        caller.say("start")
        caller.socket.send(json.dumps(then))
        _, (*_, error) = caller.until("error")
        assert error["error"]["code"] == code
        assert caller.close_code() == 1008


def test_a_message_of_more_than_a_mebibyte_is_closed_with_1009(embedded_server: RunningServer) -> None:
    with live_caller(embedded_server) as caller:
        caller.say("start")
        caller.until("started")
        caller.socket.send("x" * (1024 * 1024 + 1))
        assert caller.close_code() == 1009


def test_text_after_end_is_an_error_not_silence(fake_server: RunningServer) -> None:
    with live_caller(fake_server) as caller:
        caller.say("start")
        caller.say("text", text="You wait for this one.")
        caller.say("end")
        caller.say("text", text="Too late.")
        _, (*_, error) = caller.until("error")
        assert "may follow" in error["error"]["message"]
        assert caller.close_code() == 1008
    wait_until_idle(fake_server)


def test_a_failure_in_the_middle_is_told_and_never_looks_like_the_end(fake_server: RunningServer) -> None:
    with live_caller(fake_server) as caller:
        caller.say("start")
        caller.say("text", text="All is well here. This will fail for sure. ")
        caller.say("end")
        audio, messages = caller.until("done", "error")
        assert audio
        assert messages[-1]["error"]["code"] == "engine_failure"
        assert caller.close_code() == 1011


def test_a_full_server_says_when_to_come_back(fake_server: RunningServer) -> None:
    def crowd(callers: list[LiveCaller]) -> None:
        for caller in callers:
            caller.say("start")
            caller.say("text", text="You wait for this one. ")
            caller.say("flush")
            caller.until("started")

    with (
        live_caller(fake_server) as a,
        live_caller(fake_server) as b,
        live_caller(fake_server) as c,
        live_caller(fake_server) as d,
        live_caller(fake_server) as late,
    ):
        crowd([a, b, c, d])
        while admitted(fake_server) < 4:
            pass
        late.say("start")
        late.say("text", text="Nobody hears this one. ")
        late.say("flush")
        _, (*_, error) = late.until("error")
        assert error["error"]["code"] == "queue_full"
        assert error["retry_after_s"] >= 1
        assert late.close_code() == 1013
    wait_until_idle(fake_server)


def test_one_socket_too_many_is_refused_and_a_closed_one_makes_room(tmp_path: Path) -> None:
    with serve(Settings(data=tmp_path, max_sockets=1), FakeEngine) as server:
        with live_caller(server) as first:
            first.say("start")
            first.until("started")
            with server.client() as client:
                assert "chorus_sockets_open 1.0" in client.get("/metrics").text
            with live_caller(server) as second:
                second.say("start")
                _, (error,) = second.until("error")
                assert "CHORUS_MAX_SOCKETS" in error["error"]["message"]
                assert second.close_code() == 1013
            first.say("end")
            first.until("done")
        with live_caller(server) as third:
            third.say("start")
            assert third.until("started", "error")[1][-1]["type"] == "started"


def test_who_says_nothing_is_not_waited_for(tmp_path: Path) -> None:
    with (
        serve(Settings(data=tmp_path, client_timeout_s=0.2), FakeEngine) as server,
        live_caller(server) as caller,
    ):
        _, (error,) = caller.until("error")
        assert "no first message came" in error["error"]["message"]


def test_sockets_that_say_nothing_are_bounded_and_keep_no_conversation_out(tmp_path: Path) -> None:
    with serve(Settings(data=tmp_path, max_sockets=4), FakeEngine) as server, contextlib.ExitStack() as stack:
        speaking = [stack.enter_context(live_caller(server)) for _ in range(2)]
        for caller in speaking:
            caller.say("start")
            caller.until("started")
        silent = [stack.enter_context(live_caller(server)) for _ in range(6)]
        for refused in silent[2:]:
            (error,) = refused.until("error")[1]
            assert "CHORUS_MAX_SOCKETS" in error["error"]["message"]
            assert error["retry_after_s"] >= 1
            assert refused.close_code() == 1013
        with server.client() as client:
            assert "chorus_sockets_open 4.0" in client.get("/metrics").text
        for caller in (*speaking, silent[0]):
            if caller is silent[0]:
                caller.say("start")
            caller.say("text", text="This is heard.")
            caller.say("end")
            caller.until("done")
        late = stack.enter_context(live_caller(server))
        late.say("start")
        assert late.until("started", "error")[1][-1]["type"] == "started"


def test_who_stops_reading_is_let_go(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Nothing is read from the socket, with small buffers, until the server has given up on it.

    Neither side pings, so that nothing else can end the connection.
    """
    with serve(Settings(data=tmp_path, client_timeout_s=0.3, max_text_chars=20_000), FakeEngine) as server:
        host, port = server.url.removeprefix("http://").split(":")
        raw = socket.socket()
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        raw.connect((host, int(port)))
        with connect_raw(f"ws://{host}:{port}/ws/tts", sock=raw, max_queue=1, ping_interval=None) as quiet:
            quiet.send(json.dumps({"type": "start", "format": "wav"}))
            quiet.send(json.dumps({"type": "text", "text": "word " * 3900}))
            quiet.send(json.dumps({"type": "end"}))
            while "the client of /ws/tts stopped reading; giving up" not in caplog.text:
                admitted(server)
            wait_until_idle_for_long(server)


def wait_until_idle_for_long(server: RunningServer) -> None:
    for _ in range(3000):
        if not admitted(server):
            return
    raise AssertionError("the silent client holds its slot")


def test_fifty_sockets_at_once_hear_what_each_hears_alone(embedded_server: RunningServer) -> None:
    words = ("river", "garden", "letter", "harbour", "window", "chimney", "supper", "traveller", "mountain", "evening")
    texts = [
        f"Here is caller number {n} with a {words[n % 10]}. There is a {words[n // 10]} too. That is all."
        for n in range(50)
    ]

    async def one(number: int) -> tuple[bytes, list[Any]]:
        async with connect(f"{embedded_server.url.replace('http', 'ws')}/ws/tts") as link:
            await link.send(json.dumps({"type": "start", "seed": number}))
            for word in re.findall(r"\S+\s*", texts[number]):
                await link.send(json.dumps({"type": "text", "text": word}))
            await link.send(json.dumps({"type": "end"}))
            audio, messages = b"", []
            async for heard in link:
                if isinstance(heard, bytes):
                    audio += heard
                else:
                    messages.append(json.loads(heard))
            return audio, messages[1:]

    async def everybody() -> list[tuple[bytes, list[Any]]]:
        return await asyncio.gather(*(one(number) for number in range(50)))

    together = asyncio.run(everybody())
    assert all(messages[-1]["type"] == "done" for _, messages in together)
    alone = [asyncio.run(one(number)) for number in range(50)]
    assert together == alone
    assert len({audio for audio, _ in alone}) == 50


def test_the_documented_client_speaks_what_it_is_given(embedded_server: RunningServer) -> None:
    code, _ = re.findall(r"```python\n(.*?)```", DOCS, re.DOTALL)
    assert len(code.splitlines()) <= 34
    code = code.replace("ws://127.0.0.1:8000", embedded_server.url.replace("http", "ws"))
    spoken = subprocess.run(
        [sys.executable, "-c", code], input=TEXT.encode(), capture_output=True, check=True, timeout=60
    )
    assert len(spoken.stdout) > 2 * 24_000 * 5
    assert b"'type': 'done'" in spoken.stderr


def test_the_documented_messages_are_the_messages() -> None:
    def documented(title: str) -> dict[str, set[str]]:
        section = DOCS.split(f"## {title}")[1].split("\n## ")[0]
        messages = [re.match(r"`(\w+)`(?: \((.*?)\))?: ", item) for item in items(section)]
        return {found[1]: set(re.findall(r"`(\w+)`", found[2] or "")) for found in messages if found}

    def defined(union: Any) -> dict[str, set[str]]:
        return {kind.__struct_config__.tag: set(kind.__struct_fields__) for kind in union.__args__}

    assert documented("Client messages") == defined(live_messages.Message)
    assert documented("Server messages") == defined(live_messages.ServerMessage)


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    settings = Settings(data=tmp_path_factory.mktemp("data"), api_keys=ApiKeys("good-key"), max_concurrent_per_key=1)
    with serve(settings, FakeEngine) as server:
        yield server


@pytest.mark.parametrize("key", [None, "", "bad-key"])
def test_without_a_valid_key_nothing_is_spoken(guarded: RunningServer, key: str | None) -> None:
    with live_caller(guarded) as caller:
        caller.say("start", api_key=key)
        _, (error,) = caller.until("started", "error")
        assert error["error"]["code"] == "invalid_api_key"
        assert caller.close_code() == 1008


def test_a_key_comes_in_a_header_or_in_the_first_message(guarded: RunningServer) -> None:
    for headers, fields in (({"Authorization": "Bearer good-key"}, {}), ({}, {"api_key": "good-key"})):
        with live_caller(guarded, additional_headers=headers) as caller:
            caller.say("start", **fields)
            caller.say("text", text="This is heard.")
            caller.say("end")
            assert caller.until("done", "error")[1][-1]["type"] == "done"
            assert caller.close_code() == 1000


def test_a_conversation_takes_one_of_its_key_s_places_until_it_closes(guarded: RunningServer) -> None:
    with live_caller(guarded) as first:
        first.say("start", api_key="good-key")
        first.until("started")
        with live_caller(guarded) as second:
            second.say("start", api_key="good-key")
            _, (error,) = second.until("started", "error")
            assert error["error"]["code"] == "too_many_concurrent_requests"
            assert error["retry_after_s"] >= 1
            assert second.close_code() == 1013
        first.say("end")
        first.until("done")
        assert first.close_code() == 1000
    with live_caller(guarded) as third:
        third.say("start", api_key="good-key")
        assert third.until("started", "error")[1][-1]["type"] == "started"


@pytest.mark.parametrize(
    ("origin", "outcome"), [("http://evil.example", "error"), ("null", "error"), ("OWN", "started"), (None, "started")]
)
def test_a_page_of_another_site_may_not_open_a_socket(
    fake_server: RunningServer, origin: str | None, outcome: str
) -> None:
    with live_caller(fake_server, origin=fake_server.url if origin == "OWN" else origin) as caller:
        if outcome == "started":
            caller.say("start")
        _, (message,) = caller.until("started", "error")
        assert message["type"] == outcome
        if outcome == "error":
            assert message["error"]["code"] == "origin_not_allowed"
            assert caller.close_code() == 1008


def test_who_writes_too_far_ahead_is_asked_to_pause_and_is_still_heard(fake_server: RunningServer) -> None:
    with live_caller(fake_server) as caller:
        caller.say("start")
        for _ in range(30):
            caller.say("text", text="You wait for this sentence of forty letters. ")
        _, messages = caller.until("pause")
        assert messages[0]["max_pending_chars"] == 1000
        caller.say("cancel")
        kinds = [message["type"] for message in caller.until("cancelled")[1]]
        if "resume" not in kinds:
            caller.until("resume")
        caller.say("text", text="This is heard.")
        caller.say("end")
        caller.until("done")
        assert caller.close_code() == 1000


def test_who_does_not_pause_is_refused_in_words(fake_server: RunningServer) -> None:
    with live_caller(fake_server) as caller:
        caller.say("start")
        with contextlib.suppress(ConnectionClosed):
            for _ in range(150):
                caller.say("text", text="You wait for this sentence of forty letters. ")
        _, (*_, error) = caller.until("error")
        assert error["error"]["code"] == "text_too_long"
        assert caller.close_code() == 1008
    wait_until_idle(fake_server)


def test_who_leaves_with_much_unspoken_gives_everything_back(fake_server: RunningServer) -> None:
    with live_caller(fake_server) as caller:
        caller.say("start")
        for _ in range(50):
            caller.say("text", text="You wait for this sentence of forty letters. ")
        caller.until("pause")
    wait_until_idle(fake_server)
