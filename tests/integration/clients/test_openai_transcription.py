"""OpenAI's transcriptions and translations through the official SDK (openai-python), over a real socket."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest

from app.errors import EngineFailure
from app.settings import load_settings
from tests.support.fake_engine import FakeEngine
from tests.support.fake_recognizer import FakeRecognizer, segment
from tests.support.http import check
from tests.support.server import RunningServer, serve
from tests.support.transcribing import (
    RECORDING,
    ROUTE,
    TEXT,
    TRANSLATIONS,
    fake,
    release,
    send,
    transcribing,
    until_open,
)

FILE = ("speech.wav", RECORDING)
SRT = "1\n00:00:00,000 --> 00:00:01,000\nGood morning.\n\n2\n00:00:01,500 --> 00:00:03,000\nThe river is wide.\n"
VTT = "WEBVTT\n\n00:00:00.000 --> 00:00:01.000\nGood morning.\n\n00:00:01.500 --> 00:00:03.000\nThe river is wide.\n"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with transcribing(tmp_path_factory.mktemp("data")) as running:
        yield running


@pytest.fixture(scope="module")
def sdk(server: RunningServer) -> Iterator[openai.OpenAI]:
    with client_of(server) as client:
        yield client


def client_of(server: RunningServer, **options: Any) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{server.url}/v1", api_key="none", **({"max_retries": 0} | options))


def translate(sdk: openai.OpenAI, **options: Any) -> Any:
    with pytest.deprecated_call():  # by the SDK; the route is not
        return sdk.audio.translations.create(file=FILE, model="whisper-1", **options)


def test_json_is_the_default_and_has_text_and_usage(sdk: openai.OpenAI) -> None:
    answer = sdk.audio.transcriptions.create(file=FILE, model="whisper-1")
    assert answer.text == TEXT
    assert answer.usage is not None
    assert answer.usage.to_dict() == {"type": "duration", "seconds": 3}  # 2.5 s, rounded up
    assert set(answer.to_dict()) == {"text", "usage"}


@pytest.mark.parametrize(("name", "text"), [("text", f"{TEXT}\n"), ("srt", SRT), ("vtt", VTT)])
def test_texts_and_captions_come_as_they_are(sdk: openai.OpenAI, name: Any, text: str) -> None:
    assert sdk.audio.transcriptions.create(file=FILE, model="whisper-1", response_format=name) == text
    assert translate(sdk, response_format=name) == text


def test_verbose_json_has_segments_unless_other_times_are_chosen(sdk: openai.OpenAI) -> None:
    answer = sdk.audio.transcriptions.create(file=FILE, model="whisper-1", response_format="verbose_json")
    assert (answer.language, answer.duration, answer.text) == ("english", 2.5, TEXT)
    assert answer.words is None
    assert answer.segments is not None
    assert answer.segments[1].to_dict() == {
        "id": 1,
        "seek": 150,
        "start": 1.5,
        "end": 3.0,
        "text": " The river is wide.",
        "tokens": [0, 1, 2, 3],
        "temperature": 0.0,
        "avg_logprob": -0.25,
        "compression_ratio": 1.2,
        "no_speech_prob": 0.02,
    }
    assert answer.usage is not None
    assert (answer.usage.type, answer.usage.seconds) == ("duration", 3)


@pytest.mark.parametrize(
    ("granularities", "has_segments", "has_words"),
    [(["word"], False, True), (["segment"], True, False), (["word", "segment"], True, True)],
)
def test_times_are_those_that_were_chosen(
    server: RunningServer, sdk: openai.OpenAI, granularities: Any, has_segments: bool, has_words: bool
) -> None:
    answer = sdk.audio.transcriptions.create(
        file=FILE, model="whisper-1", response_format="verbose_json", timestamp_granularities=granularities
    )
    assert (answer.segments is not None, answer.words is not None) == (has_segments, has_words)
    assert fake(server).requests[-1].word_timestamps == has_words
    if answer.words is not None:
        assert answer.words[0].to_dict() == {"word": "Good", "start": 0.0, "end": 0.5}
        assert [word.word for word in answer.words] == TEXT.split()


@pytest.mark.parametrize("granularities", [["word"], ["segment", "word"]])
@pytest.mark.parametrize("name", ["json", "text", "srt", "vtt"])
def test_times_of_words_need_verbose_json(sdk: openai.OpenAI, name: Any, granularities: Any) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        sdk.audio.transcriptions.create(
            file=FILE, model="whisper-1", response_format=name, timestamp_granularities=granularities
        )
    assert refused.value.param == "timestamp_granularities"
    assert "verbose_json" in refused.value.message


def test_segments_without_times_may_be_asked_for(sdk: openai.OpenAI) -> None:
    """As OpenAI's server takes them: clients send their default."""
    create = sdk.audio.transcriptions.create
    answer = create(file=FILE, model="whisper-1", response_format="json", timestamp_granularities=["segment"])
    assert answer.text == TEXT


@pytest.mark.parametrize(("name", "media_type"), [("text", "text/plain"), ("srt", "text/plain"), ("vtt", "text/vtt")])
def test_a_text_has_its_media_type_and_one_charset(server: RunningServer, name: str, media_type: str) -> None:
    answer = send(server, response_format=name)
    assert answer.headers["content-type"] == f"{media_type}; charset=utf-8"


def test_options_reach_the_recogniser(server: RunningServer, sdk: openai.OpenAI) -> None:
    sdk.audio.transcriptions.create(
        file=FILE, model="gpt-4o-transcribe", language="de", prompt="Ada Lovelace", temperature=0.3
    )
    asked = fake(server).requests[-1]
    assert (asked.task, asked.language, asked.prompt, asked.temperature) == ("transcribe", "de", "Ada Lovelace", 0.3)


def test_a_translation_is_english_text(server: RunningServer, sdk: openai.OpenAI) -> None:
    assert translate(sdk, prompt="x", temperature=0.1).text == TEXT
    asked = fake(server).requests[-1]
    assert (asked.task, asked.language, asked.prompt, asked.temperature) == ("translate", None, "x", 0.1)
    verbose = translate(sdk, response_format="verbose_json")
    assert (verbose.language, verbose.duration, verbose.text) == ("english", 2.5, TEXT)
    assert verbose.segments is not None
    assert len(verbose.segments) == 2


def test_a_stream_has_pieces_of_the_text_and_all_of_it_at_the_end(sdk: openai.OpenAI) -> None:
    events = list(sdk.audio.transcriptions.create(file=FILE, model="gpt-4o-mini-transcribe", stream=True))
    *deltas, done = events
    assert [event.type for event in deltas] == ["transcript.text.delta"] * 2
    assert [event.delta for event in deltas] == ["Good morning.", " The river is wide."]  # type: ignore[union-attr]
    assert done.type == "transcript.text.done"
    assert done.text == TEXT
    assert done.usage is not None
    assert done.usage.to_dict() == {
        "type": "tokens",
        "input_tokens": 125,  # 2.5 s of 20 ms
        "output_tokens": 6,
        "total_tokens": 131,
        "input_token_details": {"audio_tokens": 125, "text_tokens": 0},
    }


@pytest.mark.parametrize(
    "texts",
    [(" A", " B"), ("A ", " B "), (" ", "A", " "), ("你好。", "再见。"), ("", " only"), ("A", " ", "B"), ("  ", "  ")],
)
def test_the_pieces_of_a_stream_are_the_text_at_its_end(tmp_path: Path, texts: tuple[str, ...]) -> None:
    segments = [segment(index, text, index, index + 1) for index, text in enumerate(texts)]
    with transcribing(tmp_path, FakeRecognizer(segments)) as server, client_of(server) as client:
        *deltas, done = list(client.audio.transcriptions.create(file=FILE, model="chorus", stream=True))
        whole = client.audio.transcriptions.create(file=FILE, model="chorus")
    assert "".join(event.delta for event in deltas) == done.text == whole.text  # type: ignore[union-attr]


def test_the_first_piece_comes_before_the_rest_is_recognised(tmp_path: Path) -> None:
    waits = asyncio.Event()
    with transcribing(tmp_path, FakeRecognizer(waits=waits)) as server, client_of(server) as client:
        events = iter(client.audio.transcriptions.create(file=FILE, model="chorus", stream=True))
        assert next(events).delta == "Good morning."  # type: ignore[union-attr]
        release(server, waits)
        assert [event.type for event in events] == ["transcript.text.delta", "transcript.text.done"]


def test_a_client_that_leaves_a_stream_cancels_its_transcription(tmp_path: Path) -> None:
    with transcribing(tmp_path, FakeRecognizer(waits=asyncio.Event())) as server:
        with client_of(server) as client:
            stream = client.audio.transcriptions.create(file=FILE, model="chorus", stream=True)
            next(iter(stream))
            stream.close()
        until_open(server, 0)


def test_an_error_in_a_stream_is_an_event_and_then_a_broken_stream(tmp_path: Path) -> None:
    failing = FakeRecognizer(fails=EngineFailure("the recogniser failed"))
    with transcribing(tmp_path, failing) as server:
        with client_of(server) as client:
            events = iter(client.audio.transcriptions.create(file=FILE, model="chorus", stream=True))
            assert next(events).type == "transcript.text.delta"
            with pytest.raises(openai.APIError, match="the recogniser failed"):
                list(events)
        heard = b""
        fields = {"model": "chorus", "stream": "true"}
        with (
            server.client() as plain,
            plain.stream("POST", ROUTE, data=fields, files={"file": FILE}) as answer,
            pytest.raises(httpx.RemoteProtocolError),
        ):
            for part in answer.iter_raw():
                heard += part
    last = heard.removesuffix(b"\n\n").rpartition(b"\n\n")[2]
    assert last.startswith(b"event: error\ndata: ")
    assert json.loads(last.partition(b"data: ")[2])["error"]["code"] == "engine_failure"


def test_an_error_before_the_first_event_is_a_status(tmp_path: Path) -> None:
    failing = FakeRecognizer(segments=(), fails=EngineFailure("the recogniser failed"))
    with (
        transcribing(tmp_path, failing) as server,
        client_of(server) as client,
        pytest.raises(openai.InternalServerError) as failed,
    ):
        client.audio.transcriptions.create(file=FILE, model="chorus", stream=True)
    assert failed.value.code == "engine_failure"


def test_no_speech_is_an_empty_text_in_every_form(tmp_path: Path) -> None:
    with transcribing(tmp_path, FakeRecognizer(segments=())) as server, client_of(server) as client:
        create = client.audio.transcriptions.create
        assert create(file=FILE, model="chorus").text == ""
        verbose = create(file=FILE, model="chorus", response_format="verbose_json", language="de")
        assert (verbose.text, verbose.segments, verbose.language) == ("", [], "german")
        assert create(file=FILE, model="chorus", response_format="verbose_json").language == "unknown"
        assert create(file=FILE, model="chorus", response_format="text") == "\n"
        assert create(file=FILE, model="chorus", response_format="srt") == ""
        assert create(file=FILE, model="chorus", response_format="vtt") == "WEBVTT\n"
        (done,) = list(create(file=FILE, model="chorus", stream=True))
        assert (done.type, done.text) == ("transcript.text.done", "")


def test_the_models_of_the_recogniser_are_listed_and_each_is_found(server: RunningServer, sdk: openai.OpenAI) -> None:
    listed = [model.id for model in sdk.models.list()]
    assert {"whisper-1", "gpt-4o-transcribe", "gpt-4o-mini-transcribe", "fake-whisper", "tts-1"} <= set(listed)
    assert len(listed) == len(set(listed))
    assert [sdk.models.retrieve(model).id for model in listed] == listed
    for model in ("whisper-1", "gpt-4o-transcribe", "fake-whisper", "chorus"):
        assert send(server, model=model).status_code == 200


def test_a_model_of_the_setting_means_the_recogniser_too(tmp_path: Path) -> None:
    name = "Systran/faster-whisper-large-v3"
    settings = load_settings({"CHORUS_MODEL_NAMES": name}, data=tmp_path)
    with serve(settings, FakeEngine, make_recognizer=FakeRecognizer) as server, client_of(server) as client:
        assert client.audio.transcriptions.create(file=FILE, model=name).text == TEXT
        with pytest.deprecated_call():
            assert client.audio.translations.create(file=FILE, model=name).text == TEXT
        with pytest.raises(openai.NotFoundError, match=name):
            client.audio.transcriptions.create(file=FILE, model="whisper-9")


def test_without_a_recogniser_its_models_are_not_listed(fake_server: RunningServer) -> None:
    with client_of(fake_server) as client:
        assert "whisper-1" not in {model.id for model in client.models.list()}
        with pytest.raises(openai.InternalServerError) as refused:
            client.audio.transcriptions.create(file=FILE, model="whisper-1")
    assert (refused.value.status_code, refused.value.code) == (501, "transcription_unavailable")


@pytest.mark.parametrize(
    ("change", "kind", "code", "param"),
    [
        ({"model": "whisper-9"}, openai.NotFoundError, "model_not_found", "model"),
        ({"model": "tts-1"}, openai.NotFoundError, "model_not_found", "model"),
        ({"model": "gpt-4o-transcribe-diarize"}, openai.NotFoundError, "model_not_found", "model"),
        ({"language": "xx"}, openai.BadRequestError, "unsupported_language", "language"),
        ({"temperature": 1.1}, openai.BadRequestError, "invalid_field", "temperature"),
        ({"response_format": "diarized_json"}, openai.BadRequestError, "invalid_field", "response_format"),
        ({"response_format": "srt", "stream": True}, openai.BadRequestError, "invalid_field", "stream"),
        ({"timestamp_granularities": ["line"]}, openai.BadRequestError, "invalid_field", "timestamp_granularities"),
        ({"include": ["everything"]}, openai.BadRequestError, "invalid_field", "include"),
        ({"file": ("a.wav", b"RIFF")}, openai.APIStatusError, "unreadable_audio", "file"),
    ],
)
def test_errors_are_those_that_the_sdk_knows(
    sdk: openai.OpenAI, change: dict[str, Any], kind: type[openai.APIStatusError], code: str, param: str
) -> None:
    with pytest.raises(kind) as refused:
        sdk.audio.transcriptions.create(**{"file": FILE, "model": "whisper-1"} | change)
    assert (refused.value.code, refused.value.param) == (code, param)
    assert refused.value.type == "invalid_request_error"


def test_an_unknown_format_names_the_known_ones(server: RunningServer) -> None:
    says = "known are json, text, srt, verbose_json, vtt"
    check(send(server, response_format="doc"), 400, "invalid_field", "response_format", says)
    check(send(server, TRANSLATIONS, response_format="doc"), 400, "invalid_field", "response_format", says)


def test_without_a_model_the_field_is_named(server: RunningServer) -> None:
    for path in (ROUTE, TRANSLATIONS):
        check(send(server, path, model=""), 400, "invalid_field", "model")


def test_a_body_that_is_no_form_is_told_to_be_one(server: RunningServer) -> None:
    with server.client() as client:
        for path in (ROUTE, TRANSLATIONS):
            check(client.post(path, json={"model": "whisper-1"}), 400, "invalid_body", says="multipart/form-data")


def test_fields_without_effect_are_named(sdk: openai.OpenAI) -> None:
    answer = sdk.audio.transcriptions.with_raw_response.create(
        file=FILE,
        model="gpt-4o-transcribe",
        include=["logprobs"],
        chunking_strategy={"type": "server_vad", "threshold": 0.5},
        keywords=["Chorus"],
        extra_body={"hotwords": "Ada", "later_list": ["a", "b"]},
    )
    warnings = answer.headers["X-Chorus-Warnings"]
    for name in ("include", "chunking_strategy[type]", "keywords", "hotwords", "later_list"):
        assert f"{name} has no effect" in warnings
    assert (
        "X-Chorus-Warnings"
        not in sdk.audio.transcriptions.with_raw_response.create(
            file=FILE, model="whisper-1", language="en", prompt="", response_format="json", temperature=0
        ).headers
    )


def test_an_empty_field_is_as_good_as_none(server: RunningServer) -> None:
    answer = send(server, language="", prompt="", response_format="", temperature="", stream="")
    assert (answer.status_code, answer.json()["text"]) == (200, TEXT)


@pytest.mark.parametrize("name", ["timestamp_granularities", "timestamp_granularities[]"])
def test_a_list_may_be_sent_with_and_without_brackets(server: RunningServer, name: str) -> None:
    answer = send(server, response_format="verbose_json", **{name: ["word", "segment"]})
    assert {"words", "segments"} <= set(answer.json())


def test_a_field_that_is_no_list_is_taken_once(server: RunningServer) -> None:
    check(send(server, language=["de", "en"]), 400, "invalid_field", "language", "once")


@pytest.mark.parametrize("names", [["hotwords", "hotwords[]"], ["hotwords[]", "hotwords"], ["hotwords"] * 2])
def test_an_unknown_field_may_come_several_times_and_is_named(server: RunningServer, names: list[str]) -> None:
    answer = send(server, **{name: ["a", "b"] for name in names})
    assert answer.status_code == 200
    assert answer.headers["X-Chorus-Warnings"].count("hotwords has no effect") == 1


def test_a_field_that_is_no_list_is_taken_without_brackets(server: RunningServer) -> None:
    check(send(server, **{"language[]": "de"}), 400, "invalid_field", "language", "without []")


def test_the_asynchronous_client_transcribes_for_many_at_once(server: RunningServer) -> None:
    async def scenario() -> list[str]:
        async with openai.AsyncOpenAI(base_url=f"{server.url}/v1", api_key="none") as client:

            async def ask() -> str:
                return (await client.audio.transcriptions.create(file=FILE, model="whisper-1")).text

            return await asyncio.gather(*(ask() for _ in range(8)))

    assert asyncio.run(scenario()) == [TEXT] * 8


def test_a_refusal_with_retry_after_is_tried_again_by_the_sdk(tmp_path: Path) -> None:
    waits = asyncio.Event()
    refusals: list[str] = []
    with transcribing(tmp_path, FakeRecognizer(waits=waits, max_admitted=1)) as server:

        def on_answer(answer: Any) -> None:
            if answer.status_code == 503:
                refusals.append(answer.headers["Retry-After"])
                release(server, waits)

        http_client = openai.DefaultHttpxClient(event_hooks={"response": [on_answer]})
        with client_of(server) as first, client_of(server, max_retries=3, http_client=http_client) as second:
            stream = iter(first.audio.transcriptions.create(file=FILE, model="chorus", stream=True))
            next(stream)
            assert second.audio.transcriptions.create(file=FILE, model="chorus").text == TEXT
            assert len(list(stream)) == 2
    assert refusals
