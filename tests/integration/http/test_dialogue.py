"""`POST /tts` with `turns`, and with `[voice:NAME]` in its text."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.settings import Settings
from tests.support.fake_engine import FakeEngine
from tests.support.fake_server import fake, release, until
from tests.support.http import check, post, raw_post
from tests.support.samples import sample_bytes
from tests.support.server import RunningServer, serve

CLOSE = {"Connection": "close"}
TURNS: list[dict[str, Any]] = [
    {"speaker_id": "heart", "text": "The old grey house stood by the sea."},
    {"speaker_id": "harald", "text": "Who lives there now? I have never seen a light.", "speed": 1.5},
    {"speaker_id": "heart", "text": "Nobody does. Nothing more was said about it."},
]


def pcm(server: RunningServer, **body: Any) -> bytes:
    answer = post(server, {"format": "pcm", "seed": 1} | body)
    assert answer.status_code == 200, answer.text
    return answer.content


@pytest.mark.parametrize("stream", [False, True])
def test_a_dialogue_has_the_bytes_of_its_turns_joined(embedded_server: RunningServer, stream: bool) -> None:
    turns = [{name: value for name, value in turn.items() if name != "speaker_id"} for turn in TURNS]
    assert pcm(embedded_server, turns=turns, stream=stream) == b"".join(
        pcm(embedded_server, **turn, stream=stream) for turn in turns
    )


def test_each_turn_is_spoken_in_its_own_voice_language_and_speed(fake_server: RunningServer) -> None:
    pcm(fake_server, turns=[*TURNS, {"text": "Eins zwei.", "language": "de"}], speaker_id="harald", speed=0.75)
    asked = [(request.voice.id, request.speed, request.sampling.seed) for request in fake(fake_server).requests]
    assert asked == [("heart", 0.75, 1), ("harald", 1.5, 1), ("heart", 0.75, 1), ("harald", 0.75, 1)]
    assert fake(fake_server).requests[-1].sequences[0].language == "de"


@pytest.fixture
def roomy_server(tmp_path: Path) -> Iterator[RunningServer]:
    """With places to spare, so that turns are admitted ahead."""
    with serve(Settings(data=tmp_path), lambda: FakeEngine(max_slots=4, max_queue=12)) as server:
        yield server


def test_turns_are_decoded_together_and_leave_in_order(roomy_server: RunningServer) -> None:
    """The first one waits for the engine, and the second is in it already."""
    turns = [{"text": "One two. Please wait."}, {"text": "Three four five six."}]
    connection = raw_post(roomy_server, {"turns": turns, "format": "pcm", "seed": 1}, CLOSE)
    until(roomy_server, 2)
    release(roomy_server)
    with connection, connection.makefile("rb") as answer:
        head, _, body = answer.read().partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200")
    assert body == b"".join(pcm(roomy_server, **turn) for turn in turns)


def test_a_pause_is_silence_behind_its_turn(embedded_server: RunningServer) -> None:
    texts = ["The fox went home.", "So did I."]
    joined = [pcm(embedded_server, text=text) for text in texts]
    paused = [{"text": text, "pause_ms": 500} for text in texts]
    silence = bytes(2 * 12_000)
    assert pcm(embedded_server, turns=paused) == joined[0] + silence + joined[1] + silence


def test_times_run_through_all_turns(embedded_server: RunningServer) -> None:
    body = {"turns": [{"text": "The fox went home.", "pause_ms": 500}, {"text": "So did I."}], "timestamps": "segment"}
    timed = post(embedded_server, body | {"format": "pcm"}).json()
    first, second = timed["segments"]
    assert (first["index"], second["index"], second["text"]) == (0, 1, "So did I.")
    assert abs(second["start_s"] - first["end_s"] - 0.5) < 0.05
    assert abs(timed["audio_s"] - second["end_s"]) < 0.001
    events = post(embedded_server, body | {"stream": True}).text
    assert [json.loads(event)["index"] for event in _data_of(events, "segment")] == [0, 1]


def _data_of(events: str, name: str) -> list[str]:
    return [each.partition("data: ")[2] for each in events.split("\n\n") if each.startswith(f"event: {name}")]


def test_a_voice_in_the_text_speaks_what_follows(fake_server: RunningServer) -> None:
    text = "Once there was a fox. [voice:heart] Who are you? [VOICE: harald] I am the wolf."
    audio = pcm(fake_server, text=text, speaker_id="harald")
    asked = [
        (request.voice.id, " ".join(each.segment.text for each in request.sequences))
        for request in fake(fake_server).requests
    ]
    assert asked == [("harald", "Once there was a fox."), ("heart", "Who are you?"), ("harald", "I am the wolf.")]
    pieces = ["Once there was a fox. ", " Who are you? ", " I am the wolf."]
    assert audio == b"".join(pcm(fake_server, text=piece) for piece in pieces)


def test_a_voice_in_a_turn_speaks_what_follows_up_to_the_end_of_the_turn(fake_server: RunningServer) -> None:
    turns = [
        {"speaker_id": "harald", "text": "Once there was a fox. [voice:heart] Who are you?", "pause_ms": 500},
        {"speaker_id": "harald", "text": "I am the wolf."},
    ]
    audio = pcm(fake_server, turns=turns)
    asked = [
        (request.voice.id, " ".join(each.segment.text for each in request.sequences))
        for request in fake(fake_server).requests
    ]
    assert asked == [("harald", "Once there was a fox."), ("heart", "Who are you?"), ("harald", "I am the wolf.")]
    first, second, last = (pcm(fake_server, text=text) for text in ("Once there was a fox. ", " Who are you?", "Wolf."))
    assert len(audio) == len(first) + len(second) + 24_000 + 4 * len(last)
    check(post(fake_server, {"turns": [{"text": "[voice:heart] Hi. " * 501}] * 2}), 400, "invalid_field", "turns")


@pytest.mark.parametrize(
    ("markup", "text"), [("plain", "[voice:harald] Hello."), ("ssml", "<speak>[voice:harald] Hello.</speak>")]
)
def test_in_plain_text_and_ssml_it_is_text(fake_server: RunningServer, markup: str, text: str) -> None:
    pcm(fake_server, text=text, markup=markup)
    [request] = fake(fake_server).requests
    assert request.voice.id == "heart"


def test_a_turn_without_sound_is_left_out_with_a_warning(embedded_server: RunningServer) -> None:
    answer = post(embedded_server, {"turns": [{"text": "😀"}, {"text": "Hello."}, {"text": "…"}], "seed": 1})
    assert answer.headers["X-Chorus-Warnings"].count("a turn is left out") == 1
    alone = post(embedded_server, {"text": "Hello.", "seed": 1})
    assert sample_bytes(answer.content) == sample_bytes(alone.content)
    check(post(embedded_server, {"turns": [{"text": "😀"}, {"text": "…"}]}), 422, "nothing_to_speak", "turns")


def test_the_seed_of_a_dialogue_is_told(embedded_server: RunningServer) -> None:
    body = {"turns": [{"text": "Hello."}, {"text": "Good day."}]}
    first = post(embedded_server, body)
    again = post(embedded_server, body | {"seed": int(first.headers["X-Seed"])})
    assert sample_bytes(again.content) == sample_bytes(first.content)


@pytest.mark.parametrize(
    ("body", "status", "code", "param"),
    [
        ({}, 400, "invalid_field", "text"),
        ({"text": "Hi.", "turns": [{"text": "Hi."}]}, 400, "invalid_field", "text"),
        ({"turns": []}, 400, "invalid_field", "turns"),
        ({"turns": [{"text": "Hi."}] * 1001}, 400, "invalid_field", "turns"),
        ({"text": "[voice:heart] Hi. " * 1001}, 400, "invalid_field", "text"),
        ({"turns": [{"text": "Hi."}, {"text": "x" * 1000}]}, 413, "text_too_long", "text"),
        ({"turns": [{"text": "Hi."}, {"text": "Hi.", "speaker_id": "hibari"}]}, 404, "unknown_speaker", "speaker_id"),
        ({"turns": [{"text": "Hi."}, {"text": "Hi.", "language": "tlh"}]}, 400, "unsupported_language", "language"),
        ({"turns": [{"text": "Hi.", "pause_ms": 10_001}]}, 400, "invalid_field", "turns"),
        ({"turns": [{"text": "Hi.", "voice": "heart"}]}, 400, "invalid_field", "voice"),
        ({"text": "[voice:hibari] Hi."}, 404, "unknown_speaker", "speaker_id"),
    ],
)
def test_a_bad_turn_is_an_error_before_any_audio(
    fake_server: RunningServer, body: dict[str, Any], status: int, code: str, param: str
) -> None:
    check(post(fake_server, body), status, code, param)
    assert fake(fake_server).requests == []


def test_an_error_after_the_first_turn_breaks_the_stream(fake_server: RunningServer) -> None:
    body = {"turns": [{"text": "One two."}, {"text": "Please fail."}], "format": "pcm", "seed": 1}
    check(post(fake_server, body), 500, "engine_failure")
    with raw_post(fake_server, body | {"stream": True}, CLOSE) as connection, connection.makefile("rb") as answer:
        received = answer.read()
    assert received.startswith(b"HTTP/1.1 200")
    assert not received.endswith(b"0\r\n\r\n")
    until(fake_server, 0)


def test_a_caller_who_leaves_frees_every_turn(roomy_server: RunningServer) -> None:
    connection = raw_post(roomy_server, {"turns": [{"text": "Please wait."}, {"text": "Please wait."}]})
    until(roomy_server, 2)
    connection.close()
    until(roomy_server, 0)


@pytest.mark.slow
def test_a_thousand_turns_are_spoken(fake_server: RunningServer) -> None:
    turns = [{"text": "A", "speaker_id": "heart" if at % 2 else "harald"} for at in range(1000)]
    answer = post(fake_server, {"turns": turns, "format": "pcm"})
    assert (answer.status_code, len(answer.content)) == (200, 1000 * len(pcm(fake_server, text="A")))
