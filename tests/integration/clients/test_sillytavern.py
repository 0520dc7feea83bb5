"""Requests of SillyTavern's XTTS provider, and its use of the answers, over a real socket.

Source: public/scripts/extensions/tts/xtts.js of SillyTavern/SillyTavern at d72b512, `doExtrasFetch` of
public/scripts/extensions.js at 648e70b, and xtts_api_server/server.py of daswer123/xtts-api-server at d82cff5 for the
shapes. The page asks for everything in the browser, so its origin must be allowed; its key is sent as a bearer token,
but not by the audio element that plays a stream.
"""

import io
import json
from collections.abc import Iterator
from typing import Any, cast

import httpx
import pytest
import soundfile

from app.settings import ApiKeys, Origins, Settings
from tests.support.fake_engine import FakeEngine
from tests.support.fake_server import release, until
from tests.support.http import check
from tests.support.recordings import voice_like, wav
from tests.support.samples import sample_bytes
from tests.support.server import RunningServer, serve

PAGE = "http://localhost:8001"
BOTH = ["", "/sillytavern"]
# A slider that was moved gives its value as text, one that was not as a number.
SETTINGS = {
    "temperature": "0.65",
    "speed": 1,
    "length_penalty": 1.0,
    "repetition_penalty": "5",
    "top_p": 0.85,
    "top_k": "0",
    "enable_text_splitting": True,
    "stream_chunk_size": "100",
}


def post(server: RunningServer, path: str, body: Any, **headers: str) -> httpx.Response:
    headers = {"Content-Type": "application/json", "Cache-Control": "no-cache"} | headers
    with server.client() as client:
        return client.post(path, content=json.dumps(body).encode(), headers=headers)


def get(server: RunningServer, path: str, **query: str) -> httpx.Response:
    with server.client() as client:
        return client.get(path, params=query)


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    settings = Settings(data=tmp_path_factory.mktemp("data"), api_keys=ApiKeys("the-key"), cors_origins=Origins(PAGE))
    with serve(settings, FakeEngine) as server:
        yield server


def test_the_voices_are_an_array_of_what_it_reads(embedded_server: RunningServer) -> None:
    assert get(embedded_server, "/sillytavern/speakers").json() == [
        {"name": "Heart", "voice_id": "heart", "preview_url": ""}
    ]
    assert "speakers" in get(embedded_server, "/speakers").json()  # ours


@pytest.mark.parametrize("prefix", BOTH)
def test_ids_and_languages_are_listed_as_xtts_api_server_lists_them(fake_server: RunningServer, prefix: str) -> None:
    assert get(fake_server, f"{prefix}/speakers_list").json() == ["heart", "harald"]
    assert get(fake_server, f"{prefix}/languages").json() == {"languages": {"English": "en", "German": "de"}}


def test_two_voices_of_one_name_can_be_told_apart(fake_server: RunningServer) -> None:
    with fake_server.client() as client:
        for level in (0.1, 0.2):
            form = {"name": "Heart", "consent": "This is my own voice."}
            client.post("/voices", data=form, files={"reference_audio": ("a.wav", wav(voice_like(4, level)))})
    voices = get(fake_server, "/sillytavern/speakers").json()
    assert len({voice["name"] for voice in voices}) == len(voices) == 4
    assert {voice["name"] for voice in voices if voice["voice_id"] in ("heart", "harald")} == {
        "Heart (heart)",
        "Harald",
    }


@pytest.mark.parametrize("prefix", BOTH)
def test_a_text_becomes_a_wav_file(embedded_server: RunningServer, prefix: str) -> None:
    body = {"text": "Hello there.", "speaker_wav": "heart", "language": "en"}
    answer = post(embedded_server, f"{prefix}/tts_to_audio/", body)
    assert answer.headers["Content-Type"].startswith("audio/")  # it refuses to play anything else
    samples, rate_hz = soundfile.read(io.BytesIO(answer.content))
    assert 0.5 < len(samples) / rate_hz < 3
    assert "X-Chorus-Warnings" not in answer.headers


@pytest.mark.parametrize("path", ["/tts_stream", "/tts_stream/", "/sillytavern/tts_stream/"])
def test_an_address_alone_is_a_stream(fake_server: RunningServer, path: str) -> None:
    query = {"text": "All at once now. Please wait.", "speaker_wav": "harald", "language": "de"}
    with fake_server.client() as client, client.stream("GET", path, params=query) as answer:
        assert (answer.status_code, answer.headers["Content-Type"]) == (200, "audio/wav")
        parts = answer.iter_raw()
        assert next(parts).startswith(b"RIFF")
        release(fake_server)
        assert len(b"".join(parts)) >= 2 * 0.2 * 24_000
    (asked,) = cast("FakeEngine", fake_server.engine).requests
    assert asked.voice.id == "harald"
    assert {sequence.language for sequence in asked.sequences} == {"de"}


def test_a_stream_that_fails_in_the_middle_breaks(fake_server: RunningServer) -> None:
    query = {"text": "This one is good. Please wait for it. Then we fail."}
    with fake_server.client() as client, client.stream("GET", "/tts_stream/", params=query) as answer:
        parts = answer.iter_raw()
        next(parts)
        release(fake_server)
        with pytest.raises(httpx.RemoteProtocolError):
            list(parts)
    until(fake_server, 0)


def test_settings_are_accepted_and_mix_no_callers(fake_server: RunningServer) -> None:
    answer = post(fake_server, "/sillytavern/set_tts_settings", SETTINGS)
    assert answer.status_code == 200
    assert "not kept" in answer.json()["message"]
    assert post(fake_server, "/sillytavern/tts_to_audio/", {"text": "Hello."}).status_code == 200
    (asked,) = cast("FakeEngine", fake_server.engine).requests
    assert (asked.speed, asked.sampling.temperature, asked.sampling.top_k) == (1.0, None, None)


def test_options_in_the_body_are_this_requests(fake_server: RunningServer) -> None:
    body = {"text": "Hello.", "speed": 1.5, "temperature": 0.5, "seed": 3, "top_p": None}
    assert post(fake_server, "/tts_to_audio/", body).headers["X-Seed"] == "3"
    (asked,) = cast("FakeEngine", fake_server.engine).requests
    assert (asked.speed, asked.sampling.temperature) == (1.5, 0.5)


def test_fields_of_other_servers_are_taken_and_named(embedded_server: RunningServer) -> None:
    body = {"text": "Hello.", "speaker_wav": "heart", "language": "en", "save_path": "/etc/passwd"}
    answer = post(embedded_server, "/tts_to_audio/", body)
    assert answer.status_code == 200
    assert answer.headers["X-Chorus-Warnings"] == "save_path has no effect on the embedded engine"
    streamed = get(embedded_server, "/tts_stream", text="Hello.", emotion="sad")
    assert "emotion has no effect" in streamed.headers["X-Chorus-Warnings"]


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "/srv/x.wav", "/etc/passwd", "..", "", ".wav", "heart/../heart", "heart\x00", "hart"]
)
def test_a_speaker_is_an_id_and_never_a_path(embedded_server: RunningServer, name: str) -> None:
    body = {"text": "Hello.", "speaker_wav": name, "language": "en"}
    for answer in (
        post(embedded_server, "/tts_to_audio/", body),
        get(embedded_server, "/sillytavern/tts_stream/", text="Hello.", speaker_wav=name),
    ):
        check(answer, 404, "unknown_speaker", "speaker_wav")


def test_a_known_speaker_may_end_like_a_file(embedded_server: RunningServer) -> None:
    body = {"text": "Hello.", "seed": 1}
    with_ending = post(embedded_server, "/tts_to_audio/", body | {"speaker_wav": "heart.wav"})
    without = post(embedded_server, "/tts_to_audio/", body | {"speaker_wav": "heart"})
    assert sample_bytes(with_ending.content) == sample_bytes(without.content)


def test_bad_input_is_refused_as_everywhere(embedded_server: RunningServer) -> None:
    check(post(embedded_server, "/tts_to_audio/", {"text": ""}), 400, "invalid_field", "text")
    check(post(embedded_server, "/tts_to_audio/", {"text": "Hi.", "speed": 9}), 400, "invalid_field", "speed")
    check(post(embedded_server, "/tts_to_audio/", {"text": "a" * 5001}), 413, "text_too_long", "text")
    check(post(embedded_server, "/tts_to_audio/", []), 400, "invalid_body")
    check(post(embedded_server, "/sillytavern/set_tts_settings", []), 400, "invalid_body")
    check(get(embedded_server, "/tts_stream"), 400, "invalid_field", "text")
    check(get(embedded_server, "/tts_stream", text=""), 400, "invalid_field", "text")
    check(get(embedded_server, "/tts_stream", text="a" * 5001), 413, "text_too_long", "text")
    check(get(embedded_server, "/tts_stream", text="Hi.", language="xx"), 400, "unsupported_language", "language")


def test_the_page_may_ask_before_it_sends_and_read_what_comes(guarded: RunningServer) -> None:
    asking = {
        "Origin": PAGE,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,cache-control,content-type",
    }
    with guarded.client() as client:
        allowed = client.options("/sillytavern/tts_to_audio/", headers=asking)
        refused = client.options("/sillytavern/tts_to_audio/", headers=asking | {"Origin": "http://evil.example"})
    assert allowed.status_code == 204
    assert allowed.headers["Access-Control-Allow-Origin"] == PAGE
    sent = {name.strip().lower() for name in allowed.headers["Access-Control-Allow-Headers"].split(",")}
    assert {"authorization", "cache-control", "content-type"} <= sent
    assert refused.status_code == 400
    assert "Access-Control-Allow-Origin" not in refused.headers
    spoken = post(
        guarded, "/sillytavern/tts_to_audio/", {"text": "Hello."}, Origin=PAGE, Authorization="Bearer the-key"
    )
    assert (spoken.status_code, spoken.headers["Access-Control-Allow-Origin"]) == (200, PAGE)
    assert "x-chorus-warnings" in spoken.headers["Access-Control-Expose-Headers"].lower()
    unknown = post(guarded, "/sillytavern/tts_to_audio/", {"text": "Hello."}, Origin=PAGE)
    assert (unknown.status_code, unknown.headers["Access-Control-Allow-Origin"]) == (401, PAGE)


def test_an_audio_element_has_no_key_to_send(guarded: RunningServer) -> None:
    check(get(guarded, "/sillytavern/tts_stream/", text="Hello."), 401, "invalid_api_key")


@pytest.mark.parametrize(("site", "status"), [("cross-site", 403), ("same-site", 200), ("same-origin", 200)])
def test_an_audio_element_of_another_site_does_not_make_the_engine_work(
    fake_server: RunningServer, site: str, status: int
) -> None:
    """A browser sends no `Origin` for it, so no list of origins can tell a good page from a bad one."""
    for path in ("/tts_stream", "/sillytavern/tts_stream/"):
        with fake_server.client() as client:
            answer = client.get(path, params={"text": "Hello."}, headers={"Sec-Fetch-Site": site})
        assert answer.status_code == status


@pytest.mark.parametrize("origin", [PAGE, "null", f"{PAGE}.evil.example"])
def test_by_default_no_page_of_another_origin_may_read(fake_server: RunningServer, origin: str) -> None:
    with fake_server.client() as client:
        answer = client.get("/sillytavern/speakers", headers={"Origin": origin})
    assert "Access-Control-Allow-Origin" not in answer.headers


def test_an_origin_that_only_begins_like_an_allowed_one_is_not_allowed(guarded: RunningServer) -> None:
    with guarded.client() as client:
        for origin in ("null", f"{PAGE}.evil.example", "http://localhost:80010", "https://localhost:8001"):
            answer = client.get("/health", headers={"Origin": origin})
            assert "Access-Control-Allow-Origin" not in answer.headers, origin


@pytest.mark.parametrize("path", ["/tts_stream", "/tts_stream/", "/sillytavern/tts_stream"])
def test_head_of_a_route_that_speaks_answers_without_speaking(fake_server: RunningServer, path: str) -> None:
    engine = fake_server.engine
    assert isinstance(engine, FakeEngine)
    with fake_server.client() as client:
        for query, status in (
            ({"text": "Hello."}, 200),
            ({"text": "Please wait.", "speaker_wav": "harald", "language": "de"}, 200),
            ({"text": "Hello.", "speaker_wav": "nobody"}, 404),
            ({"text": "Hello.", "language": "fr"}, 400),
            ({"text": "x" * 20_001}, 413),
            ({}, 400),
        ):
            answer = client.head(path, params=query)
            assert (answer.status_code, answer.content) == (status, b""), query
            if status == 200:
                assert answer.headers["content-type"] == "audio/wav"
    assert engine.requests == []
