"""ElevenLabs' WebSockets: contexts that do not mix, interruptions, times of characters, and bad messages."""

import asyncio
import random
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from app.engine.embedded import EmbeddedEngine
from app.settings import ApiKeys, Settings
from tests.support.elevenlabs import StreamCaller, stream_caller
from tests.support.fake_engine import FakeEngine
from tests.support.fake_recognizer import FakeRecognizer
from tests.support.fake_server import until
from tests.support.server import RunningServer, serve

TEXT = "The morning was bright and clear. Nobody had opened the door for years. Then the wind turned at last."
OTHER = "A fox went home over the hill. It had seen the river and the sea."


def spoken(server: RunningServer, text: str) -> bytes:
    """A text alone on a socket with one context."""
    with stream_caller(server, "stream-input") as caller:
        caller.say(" ")
        caller.say(text)
        caller.say("")
        caller.until_final()
        return caller.audio[None]


def close_code(caller: StreamCaller) -> int | None:
    with pytest.raises(ConnectionClosed):
        while True:
            caller.next()
    return caller.socket.close_code


def test_a_text_in_pieces_is_spoken_like_the_whole_and_the_socket_closes(embedded_server: RunningServer) -> None:
    with stream_caller(embedded_server, "stream-input") as caller:
        for word in [" ", *(f"{word} " for word in TEXT.split()), ""]:
            caller.say(word)
        caller.until_final()
        assert close_code(caller) == 1000
    assert caller.chars[None] == TEXT
    assert caller.audio[None] == spoken(embedded_server, TEXT)


def test_the_first_sentence_has_the_samples_of_tts(embedded_server: RunningServer) -> None:
    sentence = "The morning was bright and clear."
    with embedded_server.client() as client:
        audio = client.post("/tts", json={"text": sentence, "seed": 5, "format": "pcm"}).content
    assert spoken(embedded_server, sentence) == audio


def test_two_contexts_at_once_are_heard_as_each_alone(embedded_server: RunningServer) -> None:
    with stream_caller(embedded_server) as caller:
        caller.say(" ", "one")
        caller.say(" ", "two")
        for mine, its in zip(TEXT.split(), OTHER.split(), strict=False):
            caller.say(f"{mine} ", "one")
            caller.say(f"{its} ", "two")
        rest = " ".join(TEXT.split()[len(OTHER.split()) :])
        caller.say(rest, "one", flush=True)
        caller.say(None, "two", flush=True)
        caller.say(None, "one", close_context=True)
        caller.say(None, "two", close_context=True)
        for _ in range(2):
            while not caller.next().get("isFinal"):
                pass
    assert caller.audio["one"] == spoken(embedded_server, TEXT)
    assert caller.audio["two"] == spoken(embedded_server, OTHER)
    assert (caller.chars["one"], caller.chars["two"]) == (TEXT, OTHER)


@pytest.mark.slow
def test_fifty_sockets_at_once_mix_nothing(embedded_server: RunningServer) -> None:
    texts = [f"This is socket number {number}." for number in range(50)]
    with ThreadPoolExecutor(50) as pool:
        together = list(pool.map(lambda text: spoken(embedded_server, text), texts))
    alone = [spoken(embedded_server, text) for text in texts[::7]]
    assert together[::7] == alone
    assert len(set(together)) == 50


def cut_at_random(server: RunningServer, number: int) -> dict[str, tuple[str, bytes]]:
    """Five contexts of a socket, interrupted, closed or left open. Returns the text and the audio of each."""
    choose = random.Random(number)
    texts = {f"{number}.{at}": f"This is socket {number}. The context is {at}. {OTHER}" for at in range(5)}
    with stream_caller(server) as caller:
        for context, text in texts.items():
            caller.say(text, context, flush=True)
            if choose.random() < 0.5:
                caller.say("Text that was not flushed", context)
        unended = set(texts)
        closed: set[str] = set()

        def hear() -> None:
            message = caller.next()
            if message.get("isFinal") or "error" in message:
                assert message.get("error") in (None, "system_busy"), message
                unended.discard(message["contextId"])

        for context in choose.sample([*texts], 5 if number % 5 else 3):
            for _ in range(choose.randrange(8)):
                if len(unended - closed) > 1:  # these are spoken now, so something comes
                    hear()
            if context in unended:
                for _ in range(choose.choice([1, 1, 2])):
                    caller.say(None, context, close_context=True)
            closed.add(context)
        while number % 5 and unended:  # the others leave in the middle
            hear()
    return {context: (text, caller.audio[context]) for context, text in texts.items()}


def left_behind(server: RunningServer, *, at_most: tuple[int, int] | None = None) -> tuple[int, int]:
    """File descriptors of this process, and tasks of the server's loop, once no socket is open and, for 300 turns at
    most, once they are `at_most` so many.
    """
    for _ in range(300):
        with server.client() as client:
            metrics = client.get("/metrics").text
        tasks = server.on_loop(lambda: len(asyncio.all_tasks()))
        assert isinstance(tasks, int)
        found = psutil.Process().num_fds(), tasks
        is_idle = "chorus_sockets_open 0.0" in metrics and "chorus_requests_in_flight 0.0" in metrics
        if is_idle and (at_most is None or (found[0] <= at_most[0] and tasks <= at_most[1])):
            return found
        threading.Event().wait(0.02)
    raise AssertionError(f"idle: {is_idle}; {found} descriptors and tasks, where {at_most} were before")


@pytest.mark.slow
def test_contexts_that_are_cut_at_random_mix_nothing_and_leave_nothing_behind(embedded_server: RunningServer) -> None:
    cut_at_random(embedded_server, 1)
    before = left_behind(embedded_server)
    with ThreadPoolExecutor(50) as pool:
        parts = [*pool.map(partial(cut_at_random, embedded_server), range(50))]
    heard = [(text, audio) for part in parts for text, audio in part.values() if audio]
    assert len(heard) > 20
    for text, audio in heard[::5]:
        assert alone(embedded_server, text).startswith(audio)
    left_behind(embedded_server, at_most=before)


def alone(server: RunningServer, text: str) -> bytes:
    """A text that is flushed, on a socket with contexts."""
    with stream_caller(server) as caller:
        caller.say(text, "turn", flush=True)
        caller.say(None, "turn", close_context=True)
        caller.until_final("turn")
        return caller.audio["turn"]


def test_a_context_that_is_closed_without_a_flush_is_silent_at_once(fake_server: RunningServer) -> None:
    """It drops what waits for the engine too, and the other context goes on."""
    with stream_caller(fake_server) as caller:
        caller.say("One two three four. Please wait for me now. And a last one", "cut")
        while not caller.chars["cut"]:
            caller.next()
        until(fake_server, 1)
        caller.say(None, "cut", close_context=True)
        caller.until_final("cut")
        length = len(caller.audio["cut"])
        caller.say("Five six seven eight.", "kept", flush=True)
        caller.say(None, "kept", close_context=True)
        caller.until_final("kept")
    assert len(caller.audio["kept"]) > 0
    assert len(caller.audio["cut"]) == length


def test_a_flushed_context_is_spoken_to_its_end_when_it_is_closed(fake_server: RunningServer) -> None:
    with stream_caller(fake_server) as caller:
        caller.say("One two three four. Five six seven eight.", "turn", flush=True)
        caller.say(None, "turn", close_context=True)
        caller.until_final("turn")
    assert caller.chars["turn"] == "One two three four. Five six seven eight."


def test_closing_a_flushed_context_again_silences_it(fake_server: RunningServer) -> None:
    """pipecat closes a context at the end of a turn, and again when the user interrupts."""
    with stream_caller(fake_server) as caller:
        caller.say("Please wait for me now.", "turn", flush=True)
        caller.say(None, "turn", close_context=True)
        until(fake_server, 1)
        caller.say(None, "turn", close_context=True)
        caller.until_final("turn")
        caller.say(None, "turn", close_context=True)  # of a context that has ended: no error
        caller.say("Five six seven eight.", "next", flush=True)
        caller.say(None, close_socket=True)
        caller.until_final("next")
        assert close_code(caller) == 1000
    assert caller.audio["turn"] == b""


def test_text_for_a_closed_context_opens_another_of_that_name(fake_server: RunningServer) -> None:
    with stream_caller(fake_server) as caller:
        caller.say("Please wait for me now.", "turn", flush=True)
        caller.say(None, "turn", close_context=True)
        caller.say("Five six seven eight.", "turn", flush=True)
        caller.say(None, "turn", close_context=True)
        caller.until_final("turn")
        caller.until_final("turn")
    assert caller.chars["turn"] == "Five six seven eight."


def test_auto_mode_speaks_each_message_at_once(fake_server: RunningServer) -> None:
    with stream_caller(fake_server, query="&auto_mode=true") as caller:
        caller.say(" ", "turn")
        caller.say("One two three four. ", "turn")
        while "turn" not in caller.chars or not caller.chars["turn"]:
            caller.next()
        caller.say("Please wait for me now. ", "turn")
        caller.say(None, "turn", close_context=True)
        caller.until_final("turn")
    assert caller.chars["turn"] == "One two three four."


def times(caller: StreamCaller) -> list[dict[str, Any]]:
    return [message["alignment"] for message in caller.messages if message.get("alignment")]


def test_times_count_from_the_sentence_before_or_with_sync_alignment_from_the_start(
    embedded_server: RunningServer,
) -> None:
    found: dict[str, list[dict[str, Any]]] = {}
    for query in ("", "&sync_alignment=true"):
        with stream_caller(embedded_server, query=query) as caller:
            caller.say(TEXT, "turn", flush=True)
            caller.say(None, "turn", close_context=True)
            caller.until_final("turn")
        found[query] = times(caller)
    relative, absolute = found.values()
    assert all(each["charStartTimesMs"][0] == 0 for each in relative)
    ends = [each["charStartTimesMs"][-1] + each["charDurationsMs"][-1] for each in relative]
    assert np.allclose(
        np.cumsum(ends), [each["charStartTimesMs"][-1] + each["charDurationsMs"][-1] for each in absolute], atol=2
    )
    assert abs(sum(ends) - len(caller.audio["turn"]) / 48) < 20


@pytest.mark.slow
def test_words_are_timed_with_sync_alignment_on_a_server_with_a_recogniser(tmp_path: Path) -> None:
    recognizer = FakeRecognizer()
    with serve(Settings(data=tmp_path), EmbeddedEngine, make_recognizer=lambda: recognizer) as server:
        for query, known in (("", []), ("&sync_alignment=true", TEXT.split(". "))):
            with stream_caller(server, query=query) as caller:
                caller.say(TEXT, "turn", flush=True)
                caller.say(None, "turn", close_context=True)
                caller.until_final("turn")
            assert "".join(caller.chars["turn"]) == TEXT
            assert [each.written.strip(".") for each in recognizer.known] == [text.strip(".") for text in known]
    starts = [start for each in times(caller) for start in each["charStartTimesMs"]]
    assert starts == sorted(starts)
    assert abs(starts[-1] - len(caller.audio["turn"]) / 48) < 300


@pytest.mark.parametrize("kind", ["stream-input", "multi-stream-input"])
def test_a_context_without_messages_is_spoken_to_its_end_after_the_inactivity_timeout(
    fake_server: RunningServer, kind: str
) -> None:
    context = None if kind == "stream-input" else "turn"
    with stream_caller(fake_server, kind, query="&inactivity_timeout=0.2") as caller:
        caller.say("One two three four five. And not", context)
        caller.until_final(context)
        assert caller.chars[context] == "One two three four five. And not"
        if context is None:
            assert close_code(caller) == 1000
        else:
            caller.say("One two three.", "next", flush=True)  # the socket goes on
            caller.until_final("next")
    until(fake_server, 0)


@pytest.mark.parametrize("seconds", ["0", "181", "nan", "soon"])
def test_an_inactivity_timeout_beyond_the_bounds_is_refused(fake_server: RunningServer, seconds: str) -> None:
    with stream_caller(fake_server, query=f"&inactivity_timeout={seconds}") as caller:
        assert "inactivity_timeout" in caller.until_error()["message"]


def test_an_unknown_context_cannot_be_flushed_and_the_socket_goes_on(fake_server: RunningServer) -> None:
    with stream_caller(fake_server) as caller:
        for message in ({"flush": True}, {"close_context": True}):
            caller.say(None, "nowhere", **message)
            error = caller.until_error()
            assert (error["error"], error["contextId"]) == ("invalid_parameters", "nowhere")
        caller.say("", "nowhere")  # keeps a socket alive, and opens nothing
        caller.say("Five six seven eight.", "turn", flush=True)
        caller.say(None, close_socket=True)
        caller.until_final("turn")


def test_a_sixth_context_is_refused_alone(fake_server: RunningServer) -> None:
    with stream_caller(fake_server) as caller:
        for number in range(6):
            caller.say(" ", f"context {number}")
        error = caller.until_error()
        assert (error["error"], error["contextId"]) == ("too_many_concurrent_requests", "context 5")
        caller.say("Five six seven eight.", "context 0", flush=True)
        caller.say(None, "context 0", close_context=True)
        caller.until_final("context 0")
        caller.say(" ", "context 5")
        caller.say("Five six seven eight.", "context 5", flush=True)
        caller.say(None, "context 5", close_context=True)
        caller.until_final("context 5")


def test_an_error_of_a_context_ends_that_context_only(fake_server: RunningServer) -> None:
    with stream_caller(fake_server) as caller:
        caller.say("Please fail for me now.", "bad", flush=True)
        assert caller.until_error()["contextId"] == "bad"
        caller.say("x" * 1001, "long")
        error = caller.until_error()
        assert (error["error"], error["contextId"]) == ("max_character_limit_exceeded", "long")
        caller.say("Five six seven eight.", "good", flush=True)
        caller.say(None, "good", close_context=True)
        caller.until_final("good")


def test_text_without_sound_is_a_warning(embedded_server: RunningServer) -> None:
    with stream_caller(embedded_server) as caller:
        caller.say("😀", "turn", flush=True)
        caller.say(None, "turn", close_context=True)
        final = caller.until_final("turn")
    assert "nothing that can be spoken" in final["warnings"][0]


@pytest.mark.parametrize(
    ("path", "messages", "says"),
    [
        ("stream-input", [{"text": "Please wait for me."}, {"text": ""}, {"text": "More."}], "nothing may follow"),
        ("stream-input", [{"flush": True}], "text: it is missing"),
        ("stream-input", [{"text": 5}], "no message of this protocol"),
        ("multi-stream-input", [{"text": "Hi", "context": "x" * 201}], "no message of this protocol"),
        ("multi-stream-input?auto_mode=maybe", [], "the query does not fit"),
        ("multi-stream-input?seed=-1", [], "the query does not fit"),
        ("multi-stream-input?language_code=tlh", [], "speaks en"),
    ],
)
def test_a_bad_message_is_an_error_and_the_reason_of_the_end(
    fake_server: RunningServer, path: str, messages: list[dict[str, Any]], says: str
) -> None:
    kind, _, query = path.partition("?")
    with stream_caller(fake_server, kind, query=f"&{query}") as caller:
        for message in messages:
            caller.say(**message)
        error = caller.until_error()
        assert says in error["message"]
        assert close_code(caller) == error["code"] == 1008
        assert says in (caller.socket.close_reason or "")


def test_an_unknown_voice_is_an_error_before_any_text(fake_server: RunningServer) -> None:
    with stream_caller(fake_server, voice="hibari") as caller:
        assert caller.until_error()["error"] == "voice_not_found"
        assert close_code(caller) == 1008


@pytest.mark.slow
def test_a_key_comes_in_a_header_or_in_the_first_message(tmp_path: Any) -> None:
    with serve(Settings(data=tmp_path, api_keys=ApiKeys("secret")), FakeEngine) as server:
        with stream_caller(server, additional_headers={"xi-api-key": "secret"}) as caller:
            caller.say("Five six seven eight.", "turn", flush=True)
            caller.say(None, close_socket=True)
            caller.until_final("turn")
        with stream_caller(server) as caller:
            caller.say("Five six seven eight.", "turn", flush=True, xi_api_key="secret")
            caller.say(None, close_socket=True)
            caller.until_final("turn")
        with stream_caller(server) as caller:
            caller.say(" ", "turn", xi_api_key="wrong")
            assert caller.until_error()["error"] == "invalid_api_key"
            assert close_code(caller) == 1008


def test_a_socket_that_leaves_frees_the_engine(fake_server: RunningServer) -> None:
    with stream_caller(fake_server) as caller:
        caller.say("Please wait for me now.", "turn", flush=True)
        until(fake_server, 1)
    until(fake_server, 0)


def test_a_path_beside_them_is_404(fake_server: RunningServer) -> None:
    with pytest.raises(InvalidStatus) as refused, stream_caller(fake_server, "input"):
        pass
    assert refused.value.response.status_code == 404
