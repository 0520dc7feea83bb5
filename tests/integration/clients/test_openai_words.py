"""Times of words and verdicts in the events of `POST /v1/audio/speech`."""

import base64
import json
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import openai
import pytest

from app.engine.embedded import EmbeddedEngine
from app.settings import Settings
from tests.support.fake_recognizer import FakeRecognizer
from tests.support.http import check, post
from tests.support.server import RunningServer, serve
from tests.support.transcribing import fake

ROUTE = "/v1/audio/speech"
FIRST, SECOND = "The quick fox jumps over 24 lazy dogs.", "Then it sleeps in the warm sun."
BODY: dict[str, Any] = {
    "input": f"{FIRST} {SECOND}", "voice": "heart", "seed": 3, "response_format": "pcm", "stream_format": "sse",
}  # fmt: skip


@pytest.fixture(scope="module")
def speaking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    settings = Settings(data=tmp_path_factory.mktemp("data"))
    with serve(settings, EmbeddedEngine, make_recognizer=FakeRecognizer) as server:
        yield server


def events(server: RunningServer, **fields: Any) -> list[dict[str, Any]]:
    answer = post(server, BODY | fields, ROUTE)
    assert answer.status_code == 200, answer.text
    return [json.loads(event.removeprefix("data: ")) for event in answer.text.strip().split("\n\n")]


def audio(found: list[dict[str, Any]]) -> bytes:
    return b"".join(base64.b64decode(event["audio"]) for event in found if event["type"] == "speech.audio.delta")


def test_the_words_of_each_segment_come_behind_its_audio_with_the_times_of_the_whole_answer(
    speaking: RunningServer,
) -> None:
    found = events(speaking, timestamps="word")
    spoken = [event["words"] for event in found if event["type"] == "speech.audio.words"]
    assert [" ".join(word["word"] for word in words) for words in spoken] == [FIRST, SECOND]
    sent_s = 0.0
    for event in found:
        if event["type"] == "speech.audio.delta":
            sent_s += len(base64.b64decode(event["audio"])) / 48_000
        elif event["type"] == "speech.audio.words":
            assert event["words"][-1]["end"] <= sent_s
    words = [word for each in spoken for word in each]
    assert all(one["start"] < one["end"] <= other["start"] for one, other in pairwise(words))
    assert words[-1]["end"] == pytest.approx(sent_s, abs=0.3)
    assert {word["probability"] for word in words} == {0.95}
    assert [event["type"] for event in found][-1] == "speech.audio.done"


def test_the_audio_is_that_of_an_answer_without_times_which_asks_nothing_of_the_recogniser(
    speaking: RunningServer,
) -> None:
    timed = events(speaking, timestamps="word")
    num_before = len(fake(speaking).known)
    plain = events(speaking)
    assert audio(plain) == audio(timed)
    assert {event["type"] for event in plain} == {"speech.audio.delta", "speech.audio.done"}
    assert "checks" not in plain[-1]
    assert len(fake(speaking).known) == num_before


def test_the_last_event_has_the_verdict_of_each_segment(speaking: RunningServer) -> None:
    fake(speaking).hears_faults({SECOND: 1})
    done = events(speaking, check="report")[-1]
    assert [(each["index"], each["verdict"]) for each in done["checks"]] == [(0, "passed"), (1, "failed")]
    assert done["checks"][1]["faults"][0]["text"] == "Then"


def test_the_sdk_reads_the_words(speaking: RunningServer) -> None:
    body = BODY | {"timestamps": "word"}
    with openai.OpenAI(base_url=f"{speaking.url}/v1", api_key="none", max_retries=0) as client:
        stream = client.post("/audio/speech", body=body, cast_to=object, stream=True, stream_cls=openai.Stream[Any])
        kinds = [event["type"] for event in stream]
    assert kinds.count("speech.audio.words") == 2


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"stream_format": "audio"}, "timestamps"),
        ({"stream_format": None}, "timestamps"),
        ({"timestamps": "sentence"}, "timestamps"),
    ],
)
def test_times_that_no_event_could_carry_are_refused(
    speaking: RunningServer, fields: dict[str, Any], param: str
) -> None:
    check(post(speaking, BODY | {"timestamps": "word"} | fields, ROUTE), 400, "invalid_field", param)


def test_without_a_recogniser_words_are_refused(embedded_server: RunningServer) -> None:
    check(post(embedded_server, BODY | {"timestamps": "word"}, ROUTE), 501, "transcription_unavailable")
