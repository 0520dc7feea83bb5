import base64
import io
import json
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Any

import httpx
import numpy as np
import pytest
import soundfile

from tests.support.fake_server import release, until
from tests.support.http import check, clone, post, raw_post
from tests.support.metrics import scrape
from tests.support.recogniser import transcribe, word_error_rate
from tests.support.recordings import voice_like, wav
from tests.support.samples import sample_bytes
from tests.support.server import RunningServer
from tests.support.speaking import seconds_of

RATE_HZ = 24_000
TEXT = "The quick brown fox jumps over the lazy dog. Then it sleeps in the warm sun.\n\nNothing more was said about it."
BODY = {"text": TEXT, "seed": 3, "timestamps": "segment"}
BROKEN = {"text": "This one is good. Please wait for it. Then we fail.", "stream": True, "timestamps": "segment"}


def whole(server: RunningServer, **options: Any) -> Any:
    answer = post(server, BODY | options)
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"] == "application/json"
    return answer.json()


def events_of(lines: Iterable[str]) -> Iterator[tuple[str, Any]]:
    """(name, data) of each event."""
    rest = iter(lines)
    for event, data, blank in zip(rest, rest, rest, strict=True):
        assert (event[:7], data[:6], blank) == ("event: ", "data: ", "")
        yield event[7:], json.loads(data[6:])


def streamed(server: RunningServer, **options: Any) -> list[tuple[str, Any]]:
    answer = post(server, BODY | {"stream": True} | options)
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"].split(";")[0] == "text/event-stream"
    return list(events_of(answer.text.splitlines()))


def audio_of(events: Iterable[tuple[str, Any]]) -> bytes:
    return b"".join(base64.b64decode(data["data"]) for name, data in events if name == "audio")


def test_between_its_times_each_segment_is_heard_and_outside_them_nothing(embedded_server: RunningServer) -> None:
    answer = whole(embedded_server, format="wav")
    assert (answer["audio"]["format"], answer["audio"]["media_type"]) == ("wav", "audio/wav")
    samples, rate_hz = soundfile.read(io.BytesIO(base64.b64decode(answer["audio"]["data"])), dtype="float32")
    assert rate_hz == RATE_HZ
    segments = answer["segments"]
    assert [segment["index"] for segment in segments] == [0, 1, 2]
    assert " ".join(segment["text"] for segment in segments) == " ".join(TEXT.split())
    places = [(segment["start_s"] * RATE_HZ, segment["end_s"] * RATE_HZ) for segment in segments]
    bounds = [(round(start), round(end)) for start, end in places]
    np.testing.assert_allclose(places, bounds, atol=1e-6)  # times fall on samples
    assert bounds[0][0] == 0
    assert bounds[-1][1] == len(samples) == round(answer["audio_s"] * RATE_HZ)
    for segment, (start, end) in zip(segments, bounds, strict=True):
        assert word_error_rate(segment["text"], transcribe(samples[start:end], RATE_HZ)) == 0.0
        assert samples[start] == 0 or samples[start - 1] == 0
    pauses = [samples[end:start] for (_, end), (start, _) in pairwise(bounds)]
    assert [len(pause) / RATE_HZ for pause in pauses] == [0.26, 0.6]  # a sentence, a paragraph
    assert not np.concatenate(pauses).any()


def test_the_captions_have_the_times_of_the_segments(embedded_server: RunningServer) -> None:
    answer = whole(embedded_server)
    times = [f"{segment['start_s']:.3f} {segment['end_s']:.3f}" for segment in answer["segments"]]
    srt = [line for line in answer["srt"].splitlines() if " --> " in line]
    assert [line.replace(",", ".").replace(" --> ", " ").replace("00:00:0", "") for line in srt] == times
    assert answer["vtt"].startswith("WEBVTT\n")
    assert [line for line in answer["vtt"].splitlines() if " --> " in line] == [line.replace(",", ".") for line in srt]


@pytest.mark.parametrize("name", ["pcm", "wav"])
def test_times_and_samples_are_the_same_whole_streamed_and_without_times(
    embedded_server: RunningServer, name: str
) -> None:
    answer = whole(embedded_server, format=name)
    plain = post(embedded_server, {"text": TEXT, "seed": 3, "format": name})
    events = streamed(embedded_server, format=name)
    assert sample_bytes(base64.b64decode(answer["audio"]["data"])) == sample_bytes(plain.content)
    assert sample_bytes(audio_of(events)) == sample_bytes(plain.content)
    assert [data for name, data in events if name == "segment"] == answer["segments"]
    assert events[-1] == ("done", {name: value for name, value in answer.items() if name != "audio"})


@pytest.mark.parametrize("name", ["mp3", "opus", "aac", "flac"])
def test_compressed_audio_comes_whole_in_either_form(embedded_server: RunningServer, name: str) -> None:
    plain = post(embedded_server, {"text": TEXT, "seed": 3, "format": name})
    answer = whole(embedded_server, format=name)
    assert sample_bytes(base64.b64decode(answer["audio"]["data"])) == sample_bytes(plain.content)
    assert answer["audio"]["media_type"] == plain.headers["Content-Type"]
    plain_stream = post(embedded_server, {"text": TEXT, "seed": 3, "format": name, "stream": True})
    assert sample_bytes(audio_of(streamed(embedded_server, format=name))) == sample_bytes(plain_stream.content)


def test_a_segment_is_told_once_its_audio_is_out(embedded_server: RunningServer) -> None:
    received = 0
    for name, data in streamed(embedded_server, format="pcm"):
        if name == "audio":
            received += len(base64.b64decode(data["data"]))
        elif name == "segment":
            assert received >= data["end_s"] * RATE_HZ * 2


def test_receipts_are_in_the_headers_as_ever(embedded_server: RunningServer) -> None:
    answer = post(embedded_server, BODY)
    assert answer.headers["X-Seed"] == str(answer.json()["seed"]) == "3"
    assert answer.headers["X-Audio-Seconds"] == f"{answer.json()['audio_s']:.3f}"
    stream = post(embedded_server, BODY | {"stream": True})
    assert stream.headers["X-Seed"] == "3"
    assert "X-Audio-Seconds" not in stream.headers


def test_first_audio_leaves_before_the_rest_is_made(fake_server: RunningServer) -> None:
    body = BODY | {"text": "All at once now. Please wait.", "stream": True}
    with fake_server.client() as client, client.stream("POST", "/tts", json=body) as answer:
        events = events_of(answer.iter_lines())
        assert [next(events)[0], next(events)[0]] == ["audio", "segment"]
        release(fake_server)
        assert [name for name, _ in events][-2:] == ["segment", "done"]
    until(fake_server, 0)


def test_an_error_after_the_first_event_is_told_and_breaks_the_stream(fake_server: RunningServer) -> None:
    received: list[tuple[str, Any]] = []
    with fake_server.client() as client, client.stream("POST", "/tts", json=BROKEN | {"format": "pcm"}) as answer:
        assert answer.status_code == 200
        events = events_of(answer.iter_lines())
        received.append(next(events))
        release(fake_server)
        with pytest.raises(httpx.RemoteProtocolError):
            received += events
        request_id = answer.headers["X-Request-Id"]
    # Audio that was made before the fault and not yet taken may be lost with it.
    names = [name for name, _ in received]
    assert (names[:2], names[-1], names.count("error"), "done" in names) == (["audio", "segment"], "error", 1, False)
    error = received[-1][1]["error"]
    assert (error["code"], error["type"], error["request_id"]) == ("engine_failure", "server_error", request_id)
    until(fake_server, 0)
    page = scrape(fake_server, lambda page: page("chorus_requests_total") == 1)
    assert page("chorus_requests_total", route="/tts", status="aborted") == 1
    assert page("chorus_audio_seconds_total") == pytest.approx(seconds_of(audio_of(received)))
    assert page("chorus_first_audio_seconds_count") == 1


@pytest.mark.parametrize("stream", [True, False])
def test_an_error_before_the_first_event_is_a_status(fake_server: RunningServer, stream: bool) -> None:
    body = BODY | {"text": "We fail at once here.", "stream": stream}
    check(post(fake_server, body), 500, "engine_failure")
    until(fake_server, 0)


@pytest.mark.parametrize("text", ["Please wait for this.", "All at once now. Please wait."])
@pytest.mark.parametrize("stream", [True, False])
def test_a_client_that_leaves_frees_its_place(fake_server: RunningServer, text: str, stream: bool) -> None:
    connection = raw_post(fake_server, BODY | {"text": text, "stream": stream})
    until(fake_server, 1)
    connection.close()
    until(fake_server, 0)


def test_what_could_not_be_had_is_told_in_words(fake_server: RunningServer) -> None:
    answer = post(fake_server, BODY | {"text": "Hello 世界 there.", "top_k": 5}).json()
    assert "top_k has no effect on the fake engine" in answer["warnings"]
    assert any("世界" in warning for warning in answer["warnings"])


def test_a_cloned_voice_has_times_too(fake_server: RunningServer) -> None:
    recording = wav(voice_like(3))
    answer = clone(fake_server, recording, timestamps="segment", format="pcm").json()
    assert answer["segments"][0]["text"] == "Hello there."
    assert len(base64.b64decode(answer["audio"]["data"])) == round(answer["audio_s"] * RATE_HZ) * 2
    events = clone(fake_server, recording, timestamps="segment", stream="true", format="pcm", seed="1")
    assert list(events_of(events.text.splitlines()))[-1][0] == "done"
    check(clone(fake_server, recording, timestamps="word"), 501, "transcription_unavailable")


def test_other_times_than_those_of_segments_and_words_are_refused(embedded_server: RunningServer) -> None:
    check(post(embedded_server, BODY | {"timestamps": "letter"}), 400, "invalid_field", "timestamps", "letter")
    assert post(embedded_server, BODY | {"timestamps": None}).headers["Content-Type"] == "audio/wav"


def test_the_documentation_has_every_form_of_an_answer(embedded_server: RunningServer) -> None:
    with embedded_server.client() as client:
        document = client.get("/docs/openapi.json").json()
    for path in ("/tts", "/voice-clone"):
        content = document["paths"][path]["post"]["responses"]["200"]["content"]
        assert {"audio/wav", "audio/mpeg", "audio/ogg", "application/json", "text/event-stream"} <= set(content)
    schema = document["components"]["schemas"]["TimedAnswer"]
    assert set(schema["required"]) == set(whole(embedded_server))
