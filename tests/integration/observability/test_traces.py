"""Traces of real requests at a collector, and a server whose collector is absent."""

import asyncio
import contextlib
import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import httpx
import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span as ProtoSpan
from websockets.sync.client import connect

from app import __version__
from app.errors import EngineFailure
from app.server.app import create_app
from app.settings import Settings
from tests.support.collector import CollectedSpan, Collector, running_collector
from tests.support.fake_engine import FakeEngine
from tests.support.fake_recognizer import FakeRecognizer
from tests.support.recordings import voice_like, wav
from tests.support.server import chorus_serve, serve, started
from tests.support.traces import KeptSpans

TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"
CALLER_SPAN = "00f067aa0ba902b7"
TEXT = "Hello there, my friend. How are you?"


@pytest.fixture
def collector() -> Iterator[Collector]:
    with running_collector() as running:
        yield running


def by_name(spans: list[CollectedSpan], *, of: str) -> dict[str, CollectedSpan]:
    """The spans of the request with that id."""
    (request,) = [span for span in spans if span.attributes.get("chorus.request_id") == of]
    return {span.name: span for span in spans if span.trace_id == request.trace_id}


def parents(spans: dict[str, CollectedSpan]) -> dict[str, str]:
    names = {span.span_id: span.name for span in spans.values()}
    return {name: names.get(span.parent_id, span.parent_id) for name, span in spans.items()}


def traced(collector: Collector, data: Path, *requests: dict[str, object], **headers: str) -> list[CollectedSpan]:
    """The spans of `requests` to POST /tts, sent while the server was running and flushed when it ended."""
    with serve(Settings(data=data, otlp_endpoint=collector.url)) as server, server.client() as client:
        for number, body in enumerate(requests):
            client.post("/tts", json=body, headers={"X-Request-Id": f"request-{number}"} | headers)
        client.get("/health")
        client.get("/metrics")
    return collector.spans(
        lambda spans: sum(span.kind == ProtoSpan.SPAN_KIND_SERVER for span in spans) >= len(requests)
    )


def test_a_whole_answer_is_one_trace_of_its_steps(collector: Collector, tmp_path: Path) -> None:
    spans = by_name(traced(collector, tmp_path, {"text": TEXT, "seed": 5}), of="request-0")
    assert parents(spans) == {
        "POST /tts": "",
        "voice": "POST /tts",
        "segment": "POST /tts",
        "synthesize": "POST /tts",
        "queue": "synthesize",
        "first audio": "synthesize",
        "encode": "POST /tts",
        "response": "POST /tts",
    }
    request = spans["POST /tts"]
    assert request.kind == ProtoSpan.SPAN_KIND_SERVER
    assert request.attributes == {
        "http.request.method": "POST",
        "http.route": "/tts",
        "http.response.status_code": 200,
        "chorus.request_id": "request-0",
    }
    synthesis = spans["synthesize"]
    assert synthesis.attributes.pop("chorus.audio_seconds") > 1
    assert synthesis.attributes == {"chorus.engine": "embedded", "chorus.seed": 5, "chorus.segments": 2}
    assert synthesis.events == ["segment spoken"] * 2
    assert not any(span.is_error for span in spans.values())
    resource = request.resource
    assert (resource["service.name"], resource["service.version"]) == ("chorus", __version__)


def test_the_steps_of_a_stream_are_nested_and_in_order(collector: Collector, tmp_path: Path) -> None:
    sent = traced(collector, tmp_path, {"text": f"{TEXT} " * 20, "stream": True, "format": "mp3"})
    spans = by_name(sent, of="request-0")
    ids = {span.span_id: span for span in spans.values()}
    for span in spans.values():
        assert span.began_ns <= span.ended_ns, span.name
        if span.parent_id:
            parent = ids[span.parent_id]
            assert parent.began_ns <= span.began_ns <= span.ended_ns <= parent.ended_ns, span.name
    journey = [spans[name].began_ns for name in ("voice", "segment", "synthesize", "queue", "first audio", "response")]
    assert journey == sorted(journey)
    assert spans["queue"].ended_ns == spans["first audio"].began_ns
    assert spans["first audio"].ended_ns < spans["encode"].began_ns
    encoding = spans["encode"]
    assert 0 < encoding.attributes["chorus.encode_seconds"] * 1e9 < encoding.ended_ns - encoding.began_ns
    assert len(spans["synthesize"].events) == spans["synthesize"].attributes["chorus.segments"] > 1


def test_requests_have_traces_of_their_own_and_probes_none(collector: Collector, tmp_path: Path) -> None:
    spans = traced(collector, tmp_path, {"text": TEXT}, {"text": TEXT}, {"text": TEXT, "speaker_id": "nobody"})
    requests = [span for span in spans if span.kind == ProtoSpan.SPAN_KIND_SERVER]
    assert {span.name for span in requests} == {"POST /tts"}
    assert len({span.trace_id for span in requests}) == len(requests) == 3
    assert {span.trace_id for span in spans} == {span.trace_id for span in requests}
    refused = by_name(spans, of="request-2")
    assert set(refused) == {"POST /tts", "voice", "response"}
    assert (refused["voice"].is_error, refused["voice"].attributes["error.type"]) == (True, "UnknownSpeaker")
    # A caller's fault is no error of the server.
    assert not refused["POST /tts"].is_error


def test_a_socket_is_one_span_with_its_path_and_request_id(collector: Collector, tmp_path: Path) -> None:
    with serve(Settings(data=tmp_path, otlp_endpoint=collector.url)) as server:
        url = server.url.replace("http://", "ws://") + "/ws/tts"
        with connect(url, additional_headers={"X-Request-Id": "socket"}) as socket:
            socket.close()
    (span,) = [span for span in collector.spans(lambda spans: bool(spans)) if not span.parent_id]
    assert (span.name, span.attributes["chorus.request_id"]) == ("WS /ws/tts", "socket")


def test_the_callers_trace_goes_on(collector: Collector, tmp_path: Path) -> None:
    headers = {"traceparent": f"00-{TRACE_ID}-{CALLER_SPAN}-01"}
    spans = by_name(traced(collector, tmp_path, {"text": TEXT}, **headers), of="request-0")
    assert {span.trace_id for span in spans.values()} == {TRACE_ID}
    assert parents(spans)["POST /tts"] == CALLER_SPAN


def test_what_the_caller_does_not_sample_is_not_sent(collector: Collector, tmp_path: Path) -> None:
    with serve(Settings(data=tmp_path, otlp_endpoint=collector.url)) as server, server.client() as client:
        headers = {"traceparent": f"00-{TRACE_ID}-{CALLER_SPAN}-00"}
        assert client.post("/tts", json={"text": TEXT}, headers=headers).status_code == 200
        client.get("/speakers")
    spans = collector.spans(lambda spans: any(span.name == "GET /speakers" for span in spans))
    assert TRACE_ID not in {span.trace_id for span in spans}


def test_an_error_is_marked_where_it_happened_and_at_the_request(collector: Collector, tmp_path: Path) -> None:
    with serve(Settings(data=tmp_path, otlp_endpoint=collector.url), FakeEngine) as server, server.client() as client:
        whole = {"text": "Then we fail."}
        assert client.post("/tts", json=whole, headers={"X-Request-Id": "whole"}).status_code == 500
        stream = {"text": "This one is good. Please wait for it. Then we fail.", "stream": True}
        with client.stream("POST", "/tts", json=stream, headers={"X-Request-Id": "stream"}) as answer:
            parts = answer.iter_raw()
            next(parts)
            server.on_loop(cast("FakeEngine", server.engine).release.set)
            with pytest.raises(httpx.RemoteProtocolError):
                list(parts)
    spans = collector.spans(lambda spans: sum(span.kind == ProtoSpan.SPAN_KIND_SERVER for span in spans) == 2)
    for request_id, status in (("whole", 500), ("stream", 200)):
        trace = by_name(spans, of=request_id)
        assert trace["synthesize"].attributes["error.type"] == "EngineFailure"
        assert trace["synthesize"].is_error and trace["POST /tts"].is_error
        assert trace["POST /tts"].attributes["http.response.status_code"] == status
    assert by_name(spans, of="whole")["POST /tts"].attributes["error.type"] == "500"
    assert by_name(spans, of="stream")["response"].attributes["error.type"] == "aborted"


def test_no_text_and_no_key_is_in_a_trace(collector: Collector, tmp_path: Path) -> None:
    bodies = [
        {"text": "Zanzibar marmalade."},
        {"text": "Zanzibar.", "speaker_id": "marmalade"},
        {"text": "\u4e16 marmalade"},
    ]
    spans = traced(collector, tmp_path, *bodies, Authorization="Bearer marmalade")
    told = str(spans).lower()
    assert "zanzibar" not in told
    assert "marmalade" not in told


def test_without_the_setting_neither_sdk_nor_exporter_is_imported(tmp_path: Path) -> None:
    program = """
import asyncio, sys, httpx, pathlib
from app.server.app import create_app
from app.settings import Settings
from tests.support.fake_engine import FakeEngine
from tests.support.server import started

async def ask():
    app = create_app(Settings(data=pathlib.Path(sys.argv[1])), FakeEngine())
    async with started(app), httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://x") as client:
        return (await client.post("/tts", json={"text": "Hello there."})).status_code

assert asyncio.run(ask()) == 200
print([name for name in sys.modules if name.startswith(tuple(sys.argv[2:]))])
"""
    tracing = ["opentelemetry.sdk", "opentelemetry.exporter", "google.protobuf", "app.observability.otlp"]
    command = [sys.executable, "-c", program, str(tmp_path), *tracing]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_collector_that_refuses_costs_traces_and_one_line(
    collector: Collector, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    collector.status = 400
    with (
        caplog.at_level(logging.INFO),
        serve(Settings(data=tmp_path, otlp_endpoint=collector.url), FakeEngine) as server,
        server.client() as client,
    ):
        for _ in range(600):  # more than one batch, which is sent as soon as it is full
            assert client.get("/speakers").status_code == 200
        collector.wait_until_it_refused()
    assert collector.num_refused > 1
    others = ("app.access", "app.server.app")
    said = [record.getMessage() for record in caplog.records if not record.name.startswith(others)]
    lost = f"the collector at {collector.url.removeprefix('http://')} does not take traces; they are lost until it does"
    assert [line for line in said if "trace" in line or "span" in line.lower() or "export" in line] == [lost]


def test_a_collector_that_is_down_holds_neither_requests_nor_the_end_up(tmp_path: Path) -> None:
    """Nothing listens there. The lines are all that the process wrote."""
    with running_collector() as gone:
        endpoint = gone.url.replace("http://", "http://somebody:marmalade@")
    settings = {"CHORUS_OTLP_ENDPOINT": endpoint, "CHORUS_LOG_FORMAT": "json", "CHORUS_ENGINE": "embedded"}
    with chorus_serve(tmp_path, **settings) as (url, process):
        answer = httpx.post(f"{url}/tts", json={"text": TEXT}, headers={"X-Request-Id": "mine"}, timeout=60)
        assert answer.status_code == 200
        process.terminate()
        assert process.stdout is not None
        lines = [json.loads(line) for line in process.stdout.read().decode().splitlines()]
        assert process.wait(120) == 0
    said = [line["message"] for line in lines if "trace" in line["message"]]
    assert said[0].startswith("the collector at 127.0.0.1:")
    assert len(said) <= 2  # and perhaps that the last ones could not be sent
    assert "marmalade" not in str(lines)
    (access,) = [line for line in lines if line["request_id"] == "mine"]
    assert len(access["trace_id"]) == 32


@pytest.mark.parametrize("endpoint", ["127.0.0.1:4318", "ftp://127.0.0.1", "http:// "])
def test_an_endpoint_that_is_no_url_is_refused_at_the_start(endpoint: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "app", "serve"],
        env={"CHORUS_OTLP_ENDPOINT": endpoint, "CHORUS_DATA": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert done.returncode != 0
    assert "CHORUS_OTLP_ENDPOINT" in done.stderr


def test_spans_of_two_servers_do_not_mix(collector: Collector, tmp_path: Path) -> None:
    with contextlib.ExitStack() as stack:
        other = stack.enter_context(running_collector())
        for name, at in (("one", collector), ("two", other)):
            server = stack.enter_context(serve(Settings(data=tmp_path / name, otlp_endpoint=at.url), FakeEngine))
            client = stack.enter_context(server.client())
            client.get("/speakers", headers={"X-Request-Id": name})
        stack.pop_all().close()
        for name, at in (("one", collector), ("two", other)):
            spans = at.spans(lambda spans: bool(spans))
            assert {span.attributes["chorus.request_id"] for span in spans if span.kind == 2} == {name}


def test_a_provider_that_is_handed_in_gets_the_spans_of_its_app_only(tmp_path: Path) -> None:
    kept = {"one": KeptSpans(), "two": KeptSpans()}

    async def ask(name: str) -> None:
        app = create_app(Settings(data=tmp_path / name), FakeEngine(), tracer_provider=kept[name].provider)
        async with started(app), httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://x") as client:
            answer = await client.post("/tts", json={"text": "Hello there."}, headers={"X-Request-Id": name})
            assert answer.status_code == 200

    async def ask_both() -> None:
        await asyncio.gather(ask("one"), ask("two"))

    asyncio.run(ask_both())
    for name, each in kept.items():
        requests = [span for span in each.spans if span.parent is None]
        assert [(span.attributes or {})["chorus.request_id"] for span in requests] == [name]
        assert "synthesize" in {span.name for span in each.spans}


def test_a_transcription_is_one_trace_of_its_steps(collector: Collector, tmp_path: Path) -> None:
    settings = Settings(data=tmp_path, otlp_endpoint=collector.url)
    with serve(settings, FakeEngine, make_recognizer=FakeRecognizer) as server, server.client() as client:
        headers = {"X-Request-Id": "request-0", "Content-Type": "audio/wav"}
        assert client.post("/transcribe", content=wav(voice_like(2.5)), headers=headers).status_code == 200
    spans = by_name(
        collector.spans(lambda spans: any(span.kind == ProtoSpan.SPAN_KIND_SERVER for span in spans)), of="request-0"
    )
    assert parents(spans) == {
        "POST /transcribe": "",
        "decode": "POST /transcribe",
        "transcribe": "POST /transcribe",
        "queue": "transcribe",
        "window": "transcribe",
        "response": "POST /transcribe",
    }
    assert spans["transcribe"].attributes == {
        "chorus.audio_seconds": 2.5,
        "chorus.speech_seconds": 2.5,
        "chorus.segments": 2,
    }
    work = {"chorus.turns": 2, "chorus.encode_seconds": 0.03, "chorus.decode_seconds": 0.05}
    assert spans["window"].attributes == work
    queue, window = spans["queue"], spans["window"]
    assert spans["decode"].ended_ns <= spans["transcribe"].began_ns <= queue.began_ns
    assert (queue.ended_ns - queue.began_ns, window.ended_ns - window.began_ns) == (10_000_000, 80_000_000)
    assert queue.ended_ns == window.began_ns


def test_a_transcription_that_breaks_marks_its_span_with_its_length(collector: Collector, tmp_path: Path) -> None:
    settings = Settings(data=tmp_path, otlp_endpoint=collector.url)
    broken = FakeRecognizer(fails=EngineFailure("the model is gone"))
    with serve(settings, FakeEngine, make_recognizer=lambda: broken) as server, server.client() as client:
        headers = {"X-Request-Id": "request-0", "Content-Type": "audio/wav"}
        assert client.post("/transcribe", content=wav(voice_like(2.5)), headers=headers).status_code == 500
    spans = by_name(
        collector.spans(lambda spans: any(span.kind == ProtoSpan.SPAN_KIND_SERVER for span in spans)), of="request-0"
    )
    assert set(spans) == {"POST /transcribe", "decode", "transcribe", "response"}
    told = {"chorus.audio_seconds": 2.5, "chorus.segments": 2, "error.type": "EngineFailure"}
    assert spans["transcribe"].attributes == told
