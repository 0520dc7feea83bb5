"""ElevenLabs' WebSockets of `text-to-dialogue`: each line in its voice, turns, ends, times, and bad messages."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from websockets.exceptions import ConnectionClosed

from app.engine.embedded import EmbeddedEngine
from app.settings import ApiKeys, Settings
from tests.support.elevenlabs import StreamCaller, dialogue_caller, lines, stream_caller
from tests.support.fake_engine import FakeEngine
from tests.support.fake_recognizer import FakeRecognizer
from tests.support.fake_server import fake, until
from tests.support.server import RunningServer, serve

TEXT = "The morning was bright and clear. Nobody had opened the door for years. Then the wind turned at last."
LINES = [("heart", "Who lives there now?"), ("harald", "Nobody has for many years."), ("heart", "I see.")]
VOICES = ["heart", "harald"]


def close_code(caller: StreamCaller) -> int | None:
    with pytest.raises(ConnectionClosed):
        while True:
            caller.next()
    return caller.socket.close_code


def spoken_by(server: RunningServer) -> list[tuple[str, str]]:
    return [
        (request.voice.id, " ".join(each.segment.text for each in request.sequences))
        for request in fake(server).requests
    ]


def test_each_line_is_spoken_in_its_voice_and_the_end_of_a_turn_is_told(fake_server: RunningServer) -> None:
    with dialogue_caller(fake_server) as caller:
        caller.say(context="turn", voices=VOICES)
        caller.say(context="turn", inputs=lines(*LINES), flush=True)
        caller.say(context="turn", close_context=True)
        caller.until_final("turn")
    assert spoken_by(fake_server) == LINES
    assert [name for message in caller.messages for name in message if name.startswith("is_final")] == [
        "is_final_audio_for_turn",
        "is_final",
    ]
    assert len(caller.audio["turn"]) > 1000


def test_text_in_pieces_is_heard_as_on_the_socket_for_one_voice(embedded_server: RunningServer) -> None:
    with stream_caller(embedded_server, "stream-input") as alone:
        alone.say(TEXT)
        alone.say("")
        alone.until_final()
    with dialogue_caller(embedded_server, "stream-input", query="&seed=5&sync_alignment=true") as caller:
        caller.say(voices=["heart"])
        for word in TEXT.split(" "):
            caller.say(inputs=lines(("heart", f"{word} ")))
        caller.say(close_socket=True)
        caller.until_final()
        assert close_code(caller) == 1000
    assert caller.audio[None] == alone.audio[None]
    assert caller.chars[None] == TEXT


def test_another_voice_or_a_new_turn_ends_an_unfinished_sentence(fake_server: RunningServer) -> None:
    with dialogue_caller(fake_server) as caller:
        caller.say(context="turn", voices=VOICES, inputs=lines(("heart", "Who lives ")))
        caller.say(context="turn", inputs=lines(("harald", "Nobody does ")))
        caller.say(context="turn", inputs=lines(("harald", "not for years "), ("harald", "I say"), new_turn=True))
        caller.say(context="turn", close_context=True)
        caller.until_final("turn")
    assert spoken_by(fake_server) == [
        ("heart", "Who lives"),
        ("harald", "Nobody does"),
        ("harald", "not for years"),
        ("harald", "I say"),
    ]


def test_two_contexts_speak_at_once_in_their_own_voices(fake_server: RunningServer) -> None:
    with dialogue_caller(fake_server) as caller:
        for context, voice in (("one", "heart"), ("two", "harald")):
            caller.say(context=context, voices=[voice])
        for context, voice in (("one", "heart"), ("two", "harald")):
            caller.say(context=context, inputs=lines((voice, f"This is context {context}.")), flush=True)
        caller.say(close_socket=True)
        for _ in range(2):
            while not caller.next().get("is_final"):
                pass
        assert close_code(caller) == 1000
    assert sorted(spoken_by(fake_server)) == [("harald", "This is context two."), ("heart", "This is context one.")]


def test_closing_speaks_text_that_was_not_flushed_and_closing_again_is_silence(fake_server: RunningServer) -> None:
    with dialogue_caller(fake_server) as caller:
        caller.say(context="turn", voices=VOICES, inputs=lines(("heart", "Please wait for")))
        caller.say(context="turn", close_context=True)
        until(fake_server, 1)
        caller.say(context="turn", close_context=True)
        caller.until_final("turn")
        caller.say(context="turn", close_context=True)  # of a context that has ended: no error
        caller.say(context="turn", keep_alive=True)
        caller.say(context="next", voices=VOICES, inputs=lines(("harald", "Five six seven")))
        caller.say(close_socket=True)
        caller.until_final("next")
    assert caller.audio["turn"] == b""
    assert spoken_by(fake_server)[-1] == ("harald", "Five six seven")


def test_closing_the_socket_behind_its_context_silences_nothing(fake_server: RunningServer) -> None:
    with dialogue_caller(fake_server) as caller:
        caller.say(context="turn", voices=VOICES, inputs=lines(("heart", "Five six seven")))
        caller.say(context="turn", close_context=True)
        caller.say(close_socket=True)
        caller.until_final("turn")
    assert len(caller.audio["turn"]) > 1000


def test_voices_for_a_closed_context_open_another_of_that_name(fake_server: RunningServer) -> None:
    with dialogue_caller(fake_server) as caller:
        caller.say(context="turn", voices=VOICES, inputs=lines(("heart", "Please wait for me now.")))
        caller.say(context="turn", close_context=True)
        caller.say(context="turn", voices=VOICES, inputs=lines(("harald", "Five six seven.")))
        caller.say(context="turn", close_context=True)
        caller.until_final("turn")
        caller.until_final("turn")
    assert spoken_by(fake_server)[-1] == ("harald", "Five six seven.")


def test_voices_that_are_refused_leave_the_closed_context_of_that_name_to_speak(fake_server: RunningServer) -> None:
    with dialogue_caller(fake_server) as caller:
        caller.say(context="turn", voices=VOICES, inputs=lines(("heart", "Please wait for me now.")))
        caller.say(context="turn", close_context=True)
        caller.say(context="turn", voices=["hibari"])
        assert "no speaker 'hibari'" in caller.until_error()["message"]
        fake_server.on_loop(fake(fake_server).release.set)
        caller.until_final("turn")
    assert len(caller.audio["turn"]) > 1000


def test_with_an_inactivity_timeout_another_context_may_follow_one_that_the_client_closed(
    fake_server: RunningServer,
) -> None:
    with dialogue_caller(fake_server, "stream-input", query="&inactivity_timeout=20") as caller:
        for words in ("Five six seven.", "Eight nine ten."):
            caller.say(voices=["heart"], inputs=lines(("heart", words)))
            caller.say(close_context=True)
            caller.until_final()
    assert [text for _, text in spoken_by(fake_server)] == ["Five six seven.", "Eight nine ten."]


def test_an_audio_tag_in_pieces_is_not_read_aloud_and_is_reported(fake_server: RunningServer) -> None:
    with dialogue_caller(fake_server) as caller:
        caller.say(context="turn", voices=VOICES)
        for piece in ["[lau", "ghs] One two ", "[", "whispers softly", "] three [not", " a tag: 4] five"]:
            caller.say(context="turn", inputs=lines(("heart", piece)))
        caller.say(context="turn", inputs=lines(("harald", "Six [")), flush=True)
        caller.say(context="turn", close_context=True)
        final = caller.until_final("turn")
    assert [text for _, text in spoken_by(fake_server)] == ["One two three [not a tag: 4] five", "Six ["]
    assert final["warnings"] == [
        "an audio tag is left out: [laughs]",
        "an audio tag is left out: [whispers softly]",
    ]


def told_times(caller: StreamCaller) -> list[dict[str, Any]]:
    """The alignments, in seconds of their context: each counts from the end of the audio before it."""
    found: list[dict[str, Any]] = []
    num_bytes = 0
    for message in caller.messages:
        if alignment := message.get("alignment"):
            starts = [num_bytes / 48 + start for start in alignment["char_start_times_ms"]]
            found.append(alignment | {"chars": "".join(alignment["chars"]), "starts_ms": starts})
        num_bytes += len(message.get("audio") or "") * 3 // 4 - (message.get("audio") or "").count("=")
    return found


def test_times_count_from_the_audio_before_them_and_come_only_with_sync_alignment(
    embedded_server: RunningServer,
) -> None:
    for query in ("", "&sync_alignment=true"):
        with dialogue_caller(embedded_server, query=query) as caller:
            caller.say(context="turn", voices=["heart"], inputs=lines(("heart", TEXT)), flush=True)
            caller.say(context="turn", close_context=True)
            caller.until_final("turn")
        times = told_times(caller)
        if not query:
            assert times == []
    assert "".join(each["chars"] for each in times) == TEXT
    starts = [start for each in times for start in each["starts_ms"]]
    assert np.all(np.diff(starts) > -2)
    ends = [each["starts_ms"][-1] + each["char_durations_ms"][-1] for each in times]
    assert abs(starts[0]) < 2
    assert abs(ends[-1] - len(caller.audio["turn"]) / 48) < 20


@pytest.mark.slow
def test_words_are_timed_with_sync_alignment_on_a_server_with_a_recogniser(tmp_path: Path) -> None:
    recognizer = FakeRecognizer()
    with serve(Settings(data=tmp_path), EmbeddedEngine, make_recognizer=lambda: recognizer) as server:
        with dialogue_caller(server, query="&sync_alignment=true") as caller:
            caller.say(context="turn", voices=["heart"], inputs=lines(("heart", TEXT)), flush=True)
            caller.say(context="turn", close_context=True)
            caller.until_final("turn")
        assert caller.chars["turn"] == TEXT
        assert len(recognizer.known) == len(TEXT.split(". "))
    starts = [start for each in told_times(caller) for start in each["starts_ms"]]
    assert starts == sorted(starts)


REFUSED: dict[str, tuple[list[dict[str, Any]], str]] = {
    "text before voices": ([{"inputs": lines(("heart", "Hi."))}], "`voices` open one"),
    "a flush before voices": ([{"flush": True}], "`voices` open one"),
    "a life sign before voices": ([{"keep_alive": True}], "`voices` open one"),
    "an end before voices": ([{"close_context": True}], "`voices` open one"),
    "a voice that was not named": (
        [{"voices": ["heart"]}, {"inputs": lines(("harald", "Hi."))}],
        "'harald' is not one of `voices`",
    ),
    "voices twice": ([{"voices": ["heart"]}, {"voices": ["harald"]}], "only the first message"),
    "an unknown voice": ([{"voices": ["heart", "hibari"]}], "no speaker 'hibari'"),
    "text behind the end": (
        [
            {"voices": ["heart"], "inputs": lines(("heart", "Please wait for me."))},
            {"close_context": True},
            {"inputs": lines(("heart", "More."))},
        ],
        "nothing may follow",
    ),
    "too much text": ([{"voices": ["heart"], "inputs": lines(("heart", "x" * 1001))}], "1001 characters"),
    "a field that says who speaks": ([{"voices": ["heart"], "speaker": "harald"}], "would change who speaks"),
    "such a field of a line": (
        [{"voices": ["heart"]}, {"inputs": lines(("heart", "Hi."), speaker_wav="a.wav")}],
        "would change who speaks",
    ),
    "such a field of the settings": (
        [{"voices": ["heart"], "voice_settings": {"voice_id": "harald"}}],
        "would change who speaks",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_refused_message_ends_its_context_only(fake_server: RunningServer, name: str) -> None:
    messages, says = REFUSED[name]
    with dialogue_caller(fake_server) as caller:
        for message in messages:
            caller.say(context="bad", **message)
        error = caller.until_error()
        assert says in error["message"]
        assert (error["context_id"], error["code"]) == ("bad", 1008)
        assert caller.audio["bad"] == b""
        caller.say(context="good", voices=VOICES, inputs=lines(("harald", "Five six seven.")), flush=True)
        caller.say(context="good", close_context=True)
        caller.until_final("good")


@pytest.mark.parametrize(
    ("messages", "says"),
    [
        ([{"inputs": lines(("heart", "Hi."))}], "`voices` open one"),
        ([{"voices": []}], "no message of this protocol"),
        ([{"voices": [f"voice {number}" for number in range(11)]}], "no message of this protocol"),
        ([{"voices": ["heart"], "inputs": [{"text": "Hi."}]}], "missing required field `voice_id`"),
        ([{"voices": ["heart"], "inputs": lines(*[("heart", "Hi.")] * 101)}], "no message of this protocol"),
    ],
)
def test_a_bad_message_ends_the_socket_with_one_context(
    fake_server: RunningServer, messages: list[dict[str, Any]], says: str
) -> None:
    with dialogue_caller(fake_server, "stream-input") as caller:
        for message in messages:
            caller.say(**message)
        error = caller.until_error()
        assert says in error["message"]
        assert close_code(caller) == error["code"] == 1008
    assert fake(fake_server).requests == []


def test_a_voice_by_its_name_in_any_case_is_found(fake_server: RunningServer) -> None:
    with dialogue_caller(fake_server, "stream-input") as caller:
        caller.say(voices=["HARALD"], inputs=lines(("HARALD", "Five six seven.")))
        caller.say(close_socket=True)
        caller.until_final()
    assert spoken_by(fake_server) == [("harald", "Five six seven.")]


@pytest.mark.slow
def test_a_key_comes_in_the_first_message(tmp_path: Path) -> None:
    with serve(Settings(data=tmp_path, api_keys=ApiKeys("secret")), FakeEngine) as server:
        with dialogue_caller(server, "stream-input") as caller:
            caller.say(voices=["heart"], xi_api_key="secret", inputs=lines(("heart", "Five six seven.")))
            caller.say(close_socket=True)
            caller.until_final()
        with dialogue_caller(server, "stream-input") as caller:
            caller.say(voices=["heart"], xi_api_key="wrong")
            assert caller.until_error()["error"] == "invalid_api_key"


def test_a_context_without_messages_is_spoken_to_its_end(fake_server: RunningServer) -> None:
    with dialogue_caller(fake_server, query="&inactivity_timeout=0.2") as caller:
        caller.say(context="turn", voices=["heart"], inputs=lines(("heart", "Five six seven")))
        caller.until_final("turn")
    assert spoken_by(fake_server) == [("heart", "Five six seven")]


def test_a_dialogue_that_leaves_frees_the_engine(fake_server: RunningServer) -> None:
    with dialogue_caller(fake_server) as caller:
        caller.say(context="turn", voices=["heart"], inputs=lines(("heart", "Please wait for me now.")), flush=True)
        until(fake_server, 1)
    until(fake_server, 0)
