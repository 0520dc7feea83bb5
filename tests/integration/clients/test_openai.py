"""The OpenAI dialect through the official SDK (openai-python), over a real socket.

The events of `stream_format` `sse` are those of OpenAI's description (SpeechAudioDeltaEvent, SpeechAudioDoneEvent), for
which the SDK has no types, so its event reader reads them.
"""

import asyncio
import base64
import io
import json
import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import av
import httpx
import numpy as np
import openai
import pytest
import soundfile

from app.engine.scheduler import Request
from app.engine.values import SamplingParams, Voice
from tests.support.fake_server import release, until
from tests.support.http import check, post
from tests.support.recordings import voice_like, wav
from tests.support.requests import prepared
from tests.support.samples import sample_bytes
from tests.support.server import RunningServer

TEXT = "The quick brown fox jumps over the lazy dog."
BODY: dict[str, Any] = {"model": "gpt-4o-mini-tts", "input": TEXT, "voice": "alloy"}
FORMATS = ["mp3", "opus", "aac", "flac", "wav", "pcm"]


@pytest.fixture(scope="module")
def sdk(embedded_server: RunningServer) -> Iterator[openai.OpenAI]:
    with client_of(embedded_server) as client:
        yield client


def client_of(server: RunningServer, **options: Any) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{server.url}/v1", api_key="none", **({"max_retries": 0} | options))


def events_of(raw: bytes) -> list[dict[str, Any]]:
    """Each event's data; the form is "data: {...}" and an empty line."""
    assert raw.endswith(b"\n\n")
    return [json.loads(event.partition(b"data: ")[2]) for event in raw.removesuffix(b"\n\n").split(b"\n\n")]


@pytest.mark.parametrize("name", FORMATS)
def test_every_response_format_is_heard(sdk: openai.OpenAI, name: Any) -> None:
    audio = sdk.audio.speech.create(**BODY, response_format=name, extra_body={"seed": 1}).read()
    if name == "pcm":
        num_samples, rate_hz = len(audio) // 2, 24_000
    else:
        with av.open(io.BytesIO(audio)) as file:
            rate_hz = file.streams.audio[0].rate
            num_samples = sum(frame.samples for frame in file.decode(audio=0))
    assert 1.5 < num_samples / rate_hz < 6


@pytest.mark.parametrize("name", FORMATS)
def test_the_audio_in_the_events_is_that_of_the_plain_answer(embedded_server: RunningServer, name: str) -> None:
    body = BODY | {"response_format": name, "seed": 7}
    plain = post(embedded_server, body, "/v1/audio/speech")
    streamed = post(embedded_server, body | {"stream_format": "sse"}, "/v1/audio/speech")
    assert streamed.headers["Content-Type"].split(";")[0] == "text/event-stream"
    *deltas, done = events_of(streamed.content)
    assert {event["type"] for event in deltas} == {"speech.audio.delta"}
    joined = b"".join(base64.b64decode(event["audio"]) for event in deltas)
    assert sample_bytes(joined) == sample_bytes(plain.content)
    assert done["type"] == "speech.audio.done"


def test_usage_counts_characters_in_and_audio_codes_out(embedded_server: RunningServer) -> None:
    body = BODY | {"response_format": "pcm", "stream_format": "sse", "seed": 7}
    *deltas, done = events_of(post(embedded_server, body, "/v1/audio/speech").content)
    audio_s = sum(len(base64.b64decode(event["audio"])) for event in deltas) / 48_000
    codes = math.ceil(audio_s * 22_050 / 1024)
    assert done["usage"] == {
        "input_tokens": len(TEXT),
        "output_tokens": codes,
        "total_tokens": len(TEXT) + codes,
    }


def test_the_sdk_reads_the_events(sdk: openai.OpenAI) -> None:
    stream = sdk.post(
        "/audio/speech",
        body=BODY | {"stream_format": "sse"},
        cast_to=object,
        stream=True,
        stream_cls=openai.Stream[Any],
    )
    with stream:
        kinds = [event["type"] for event in stream]
    assert kinds[0] == "speech.audio.delta"
    assert kinds[-1] == "speech.audio.done"


def test_the_sdk_streams_lines_of_events(sdk: openai.OpenAI) -> None:
    with sdk.audio.speech.with_streaming_response.create(**BODY, stream_format="sse") as answer:
        lines = [line for line in answer.iter_lines() if line]
    assert all(line.startswith("data: {") for line in lines)
    assert json.loads(lines[-1].removeprefix("data: "))["usage"]["total_tokens"] > len(TEXT)


def test_an_error_between_events_is_an_event_and_then_a_broken_stream(fake_server: RunningServer) -> None:
    text = "This one is good. Please wait for it. Then we fail."
    body = BODY | {"input": text, "response_format": "pcm", "stream_format": "sse"}
    heard = b""
    with fake_server.client() as client, client.stream("POST", "/v1/audio/speech", json=body) as answer:
        assert answer.status_code == 200
        parts = answer.iter_raw()
        heard += next(parts)
        release(fake_server)
        with pytest.raises(httpx.RemoteProtocolError):
            for part in parts:
                heard += part
    until(fake_server, 0)
    last = heard.removesuffix(b"\n\n").rpartition(b"\n\n")[2]
    assert last.startswith(b"event: error\n")
    assert events_of(heard)[-1]["error"]["code"] == "engine_failure"
    assert b"speech.audio.done" not in heard


def test_the_sdk_raises_on_an_error_between_events(fake_server: RunningServer) -> None:
    body = BODY | {"input": "This one is good. Please wait for it. Then we fail.", "stream_format": "sse"}
    body["response_format"] = "pcm"
    with client_of(fake_server) as client:
        stream = client.post("/audio/speech", body=body, cast_to=object, stream=True, stream_cls=openai.Stream[Any])
        events = iter(stream)
        assert next(events)["type"] == "speech.audio.delta"
        release(fake_server)
        with pytest.raises(openai.APIError, match="could not be spoken"):
            list(events)


def test_an_error_before_the_first_event_is_a_status(fake_server: RunningServer) -> None:
    with client_of(fake_server) as client, pytest.raises(openai.InternalServerError) as failed:
        client.audio.speech.create(**BODY | {"input": "We fail at once."}, stream_format="sse")
    assert failed.value.code == "engine_failure"
    until(fake_server, 0)


def test_a_client_that_leaves_between_events_frees_its_place(fake_server: RunningServer) -> None:
    body = BODY | {"input": "All at once now. Please wait.", "response_format": "pcm", "stream_format": "sse"}
    with fake_server.client() as client, client.stream("POST", "/v1/audio/speech", json=body) as answer:
        next(answer.iter_raw())
    until(fake_server, 0)


def test_the_asynchronous_client_speaks_for_many_at_once(embedded_server: RunningServer) -> None:
    async def scenario() -> list[bytes]:
        async with openai.AsyncOpenAI(base_url=f"{embedded_server.url}/v1", api_key="none") as client:

            async def ask() -> bytes:
                answer = await client.audio.speech.create(**BODY, response_format="pcm", extra_body={"seed": 1})
                return answer.content

            return await asyncio.gather(*(ask() for _ in range(4)))

    answers = asyncio.run(scenario())
    assert len(answers[0]) > 48_000
    assert set(answers) == {answers[0]}


def test_a_refusal_with_retry_after_is_tried_again_by_the_sdk(fake_server: RunningServer) -> None:
    refusals: list[str] = []

    def on_answer(answer: Any) -> None:
        if answer.status_code == 503:
            refusals.append(answer.headers["Retry-After"])
            release(fake_server)

    http_client = openai.DefaultHttpxClient(event_hooks={"response": [on_answer]})
    with (
        fake_server.client() as plain,
        client_of(fake_server, max_retries=3, http_client=http_client) as client,
        ThreadPoolExecutor(4) as pool,
    ):
        held = [pool.submit(plain.post, "/tts", json={"text": "Please wait."}) for _ in range(4)]
        until(fake_server, 4)
        assert client.audio.speech.create(**BODY).content
        assert [answer.result().status_code for answer in held] == [200] * 4
    assert refusals
    assert all(int(seconds) >= 1 for seconds in refusals)


def test_a_full_server_is_an_internal_server_error_to_a_client_that_does_not_try_again(
    fake_server: RunningServer,
) -> None:
    with client_of(fake_server) as client:
        engine = fake_server.engine
        fake_server.on_loop(lambda: [engine.submit(_waiting(engine)) for _ in range(4)])  # type: ignore[union-attr]
        with pytest.raises(openai.InternalServerError) as refused:
            client.audio.speech.create(**BODY)
    assert (refused.value.status_code, refused.value.code) == (503, "queue_full")


def _waiting(engine: Any) -> Any:
    return Request(
        sequences=prepared(engine, "Please wait."),
        voice=Voice(id="heart"),
        sampling=SamplingParams(seed=0),
    )


@pytest.mark.parametrize(
    ("change", "kind", "code", "param"),
    [
        ({"model": "tts-9"}, openai.NotFoundError, "model_not_found", "model"),
        ({"voice": "nobody"}, openai.NotFoundError, "unknown_speaker", "voice"),
        ({"voice": {"id": "nobody"}}, openai.NotFoundError, "unknown_speaker", "voice"),
        ({"input": ""}, openai.BadRequestError, "invalid_field", "input"),
        ({"speed": 0.2}, openai.BadRequestError, "invalid_field", "speed"),
        ({"speed": 4.1}, openai.BadRequestError, "invalid_field", "speed"),
        ({"response_format": "midi"}, openai.BadRequestError, "invalid_field", "response_format"),
        ({"stream_format": "smoke"}, openai.BadRequestError, "invalid_field", "stream_format"),
        ({"extra_body": {"language": "xx"}}, openai.BadRequestError, "unsupported_language", "language"),
    ],
)
def test_errors_are_those_that_the_sdk_knows(
    sdk: openai.OpenAI, change: dict[str, Any], kind: type[openai.APIStatusError], code: str, param: str
) -> None:
    with pytest.raises(kind) as refused:
        sdk.audio.speech.create(**BODY | change)
    assert (refused.value.code, refused.value.param) == (code, param)
    assert refused.value.type == "invalid_request_error"
    assert refused.value.request_id == refused.value.body["request_id"]  # type: ignore[index]


@pytest.mark.parametrize("text", ["...", "—", "😀", "**", "-", "日本語です"])
@pytest.mark.parametrize("path", ["/v1/audio/speech", "/tts_to_audio"])
def test_a_piece_without_sound_is_a_short_silence_with_a_warning(
    embedded_server: RunningServer, path: str, text: str
) -> None:
    """Clients send their texts sentence by sentence, and one error would end the rest."""
    body = {"text": text} if path == "/tts_to_audio" else BODY | {"input": text, "response_format": "wav"}
    answer = post(embedded_server, body, path)
    assert answer.status_code == 200
    samples, rate_hz = soundfile.read(io.BytesIO(answer.content))
    assert 0.1 < len(samples) / rate_hz < 1.0
    assert not samples.any()
    assert "X-Chorus-Warnings" in answer.headers


def test_a_text_beyond_the_limit_names_input(sdk: openai.OpenAI) -> None:
    with pytest.raises(openai.APIStatusError) as refused:
        sdk.audio.speech.create(**BODY | {"input": "a" * 5001})
    assert (refused.value.status_code, refused.value.code, refused.value.param) == (413, "text_too_long", "input")


@pytest.mark.parametrize(("asked", "used"), [(0.25, 0.5), (4.0, 2.0)])
def test_a_speed_beyond_the_voice_is_the_nearest_it_has_and_says_so(
    embedded_server: RunningServer, asked: float, used: float
) -> None:
    body = BODY | {"response_format": "pcm", "seed": 1}
    beyond = post(embedded_server, body | {"speed": asked}, "/v1/audio/speech")
    at_the_end = post(embedded_server, body | {"speed": used}, "/v1/audio/speech")
    assert f"speed {asked:g} is beyond the voice: {used:g} is used" in beyond.headers["X-Chorus-Warnings"]
    assert "X-Chorus-Warnings" not in at_the_end.headers
    assert beyond.content == at_the_end.content


def test_null_is_as_good_as_nothing(embedded_server: RunningServer) -> None:
    body = BODY | {"seed": 1, "response_format": "pcm"}
    optional = ("speed", "instructions", "stream_format", "language", "temperature", "top_k", "top_p")
    nothing = post(embedded_server, body, "/v1/audio/speech")
    null = post(embedded_server, body | dict.fromkeys(optional), "/v1/audio/speech")
    assert nothing.content == null.content
    assert "X-Chorus-Warnings" not in null.headers
    default = post(embedded_server, BODY | {"response_format": None}, "/v1/audio/speech")
    assert default.headers["Content-Type"] == "audio/mpeg"


def test_fields_that_nobody_knows_are_taken_and_named(embedded_server: RunningServer) -> None:
    extras = {"backend": "x", "gr\u00fc\u00dfe\r\nX-Evil: 1": 2} | {f"field{n}": n for n in range(20)}
    answer = post(embedded_server, BODY | extras, "/v1/audio/speech")
    assert answer.status_code == 200
    warnings = answer.headers["X-Chorus-Warnings"]
    assert "backend has no effect" in warnings
    assert "14 more fields" in warnings
    assert "X-Evil" not in answer.headers
    assert len(warnings) < 1000


@pytest.mark.parametrize("voice", ["marin", {"id": "alloy"}, "heart", {"id": "heart"}])
def test_a_voice_is_a_name_or_an_object(sdk: openai.OpenAI, voice: Any) -> None:
    assert sdk.audio.speech.create(**BODY | {"voice": voice}).content


def test_a_saved_voice_speaks(fake_server: RunningServer) -> None:
    with fake_server.client() as client:
        form = {"name": "Anna", "consent": "This is my own voice."}
        saved = client.post("/voices", data=form, files={"reference_audio": ("a.wav", wav(voice_like(4)))}).json()
        listed = client.get("/v1/audio/voices").json()["voices"]
    assert {"id": saved["id"], "name": "Anna"} in listed
    with client_of(fake_server) as sdk:
        for voice in (saved["id"], {"id": saved["id"]}):
            audio = sdk.audio.speech.create(**BODY | {"voice": voice}, response_format="pcm").content
            assert np.abs(np.frombuffer(audio, np.int16)).max() > 1000
    assert {request.voice.id for request in fake_server.engine.requests} == {saved["id"]}  # type: ignore[union-attr]


def test_a_model_is_found_by_its_name_and_no_other(sdk: openai.OpenAI) -> None:
    assert sdk.models.retrieve("tts-1").id == "tts-1"
    assert [sdk.models.retrieve(model.id) for model in sdk.models.list()] == sdk.models.list().data
    with pytest.raises(openai.NotFoundError) as unknown:
        sdk.models.retrieve("whisper-1")
    assert (unknown.value.code, unknown.value.param) == ("model_not_found", "model")


def test_without_a_text_the_field_is_named(embedded_server: RunningServer) -> None:
    body = {name: value for name, value in BODY.items() if name != "input"}
    check(post(embedded_server, body, "/v1/audio/speech"), 400, "invalid_field", "input")


def test_without_a_model_and_a_voice_the_first_voice_speaks(embedded_server: RunningServer) -> None:
    fields = {"response_format": "pcm", "seed": 1}
    named = post(embedded_server, BODY | fields, "/v1/audio/speech")
    bare = post(embedded_server, {"input": TEXT} | fields, "/v1/audio/speech")
    assert bare.content == named.content
