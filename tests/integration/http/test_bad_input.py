"""Answers to bad input over a real socket: a status, a code, the field, and a remedy."""

import base64
import gzip
import io
import re
import socket
from typing import Any

import httpx
import numpy as np
import pytest
import soundfile

from tests.support.http import check, clone, post
from tests.support.recordings import voice_like, wav
from tests.support.samples import sample_bytes
from tests.support.server import RunningServer


@pytest.mark.parametrize(
    ("body", "status", "code", "param", "says"),
    [
        ({"text": ""}, 400, "invalid_field", "text", "length >= 1"),
        ({"text": " \n\t "}, 422, "nothing_to_speak", "text", "nothing"),
        ({"text": "😀🎉👍🏽"}, 422, "nothing_to_speak", "text", "nothing"),
        ({"text": "\x00\x01\x07"}, 422, "nothing_to_speak", "text", "nothing"),
        ({"text": "-- ... --"}, 422, "nothing_to_speak", "text", "nothing"),
        ({"text": "日本語です"}, 422, "nothing_to_speak", "text", "日本語"),
        (b'{"text": "a \\ud800 b"}', 400, "invalid_json", None, "JSON"),
        ({"text": 5}, 400, "invalid_field", "text", "str"),
        ({"text": "hi", "speed": "fast"}, 400, "invalid_field", "speed", "float"),
        ({"text": "hi", "speed": 0}, 400, "invalid_field", "speed", "0.5"),
        ({"text": "hi", "speed": 100}, 400, "invalid_field", "speed", "2.0"),
        (b'{"text": "hi", "speed": NaN}', 400, "invalid_json", None, "JSON"),
        ({"text": "hi", "volume": 2}, 400, "invalid_field", "volume", "unknown field"),
        ({}, 400, "invalid_field", "text", "missing"),
        ([], 400, "invalid_body", None, "object"),
        (b"not json", 400, "invalid_json", None, "JSON"),
        (b'{"text": "a\xff"}', 400, "invalid_json", None, "JSON"),
        (b"[" * 100_000, 400, "invalid_json", None, "JSON"),
        (b'{"text": "hi", "seed": ' + b"9" * 5000 + b"}", 400, "invalid_body", None, "out of range"),
        ({"text": "hi", "stream": 0}, 400, "invalid_field", "stream", "bool"),
        ({"text": "hi", "speed": "1.5"}, 400, "invalid_field", "speed", "float"),
        ({"text": "hi", "seed": 5.5}, 400, "invalid_field", "seed", "int"),
        ({"text": "hi", "format": "WAV"}, 400, "invalid_field", "format", "wav, pcm, mp3"),
        (b"", 400, "invalid_body", None, "object"),
        (b"\xff\xfe", 400, "invalid_json", None, "JSON"),
        ({"text": "hi", "language": "xx"}, 400, "unsupported_language", "language", "en"),
        ({"text": "hi", "language": "fr"}, 400, "unsupported_language", "language", "XTTS"),
        ({"text": "hi", "speaker_id": "hart"}, 404, "unknown_speaker", "speaker_id", "heart"),
        ({"text": "hi", "format": "midi"}, 400, "invalid_field", "format", "midi"),
        ({"text": "hi", "seed": -1}, 400, "invalid_field", "seed", ">= 0"),
        ({"text": "a" * 5001}, 413, "text_too_long", "text", "5000"),
    ],
)
def test_tts_says_what_is_wrong(
    embedded_server: RunningServer, body: Any, status: int, code: str, param: str | None, says: str
) -> None:
    check(post(embedded_server, body), status, code, param, says)


@pytest.mark.parametrize(
    ("body", "status", "code", "param"),
    [
        ({"model": "tts-1", "voice": "alloy"}, 400, "invalid_field", "input"),
        ({"model": "tts-9", "input": "hi", "voice": "alloy"}, 404, "model_not_found", "model"),
        ({"model": "tts-1", "input": "hi", "voice": "nobody"}, 404, "unknown_speaker", "voice"),
        (
            {"model": "tts-1", "input": "hi", "voice": "alloy", "response_format": "midi"},
            400,
            "invalid_field",
            "response_format",
        ),
    ],
)
def test_openai_route_says_what_is_wrong(
    embedded_server: RunningServer, body: Any, status: int, code: str, param: str
) -> None:
    answer = post(embedded_server, body, "/v1/audio/speech")
    check(answer, status, code, param)
    assert answer.json()["error"]["type"] == "invalid_request_error"


def test_unknown_routes_and_methods_have_the_same_error_shape(embedded_server: RunningServer) -> None:
    with embedded_server.client() as client:
        check(client.get("/nowhere"), 404, "not_found", says="/nowhere")
        check(client.get("/tts"), 405, "method_not_allowed", says="GET")


def test_the_clients_own_request_id_comes_back(embedded_server: RunningServer) -> None:
    with embedded_server.client() as client:
        answer = client.post("/tts", json={"text": ""}, headers={"X-Request-Id": "mine-1"})
        check(answer, 400, "invalid_field", "text")
        assert answer.headers["X-Request-Id"] == "mine-1"
        strange = client.post("/tts", json={"text": ""}, headers={"X-Request-Id": "a b\tc"})
        assert strange.headers["X-Request-Id"] != "a b\tc"


# --- uploads


@pytest.mark.parametrize(
    ("recording", "status", "code", "says"),
    [
        (b"", 415, "unreadable_audio", ""),
        (b"this is a text file, not a recording of anybody", 415, "unreadable_audio", ""),
        (wav(np.zeros(24_000 * 4)), 422, "unusable_reference", "silen"),
        (wav(np.sign(np.sin(np.arange(24_000 * 4) / 20))), 422, "unusable_reference", "clip"),
        (wav(voice_like(0.5)), 422, "unusable_reference", "0.5"),
        (wav(np.tile(voice_like(10)[::3], 360), 8_000), 413, "body_too_large", "CHORUS_MAX_UPLOAD_MB"),
    ],
    ids=["empty", "text", "silent", "clipped", "too short", "an hour"],
)
def test_unusable_recordings_are_refused(
    embedded_server: RunningServer, recording: bytes, status: int, code: str, says: str
) -> None:
    answer = clone(embedded_server, recording)
    check(answer, status, code, answer.json()["error"]["param"], says)


def test_of_an_hour_in_a_small_file_only_the_first_seconds_are_decoded(embedded_server: RunningServer) -> None:
    file = io.BytesIO()
    with soundfile.SoundFile(file, "w", 8_000, 1, format="OGG", subtype="VORBIS") as writer:
        for _ in range(360):  # in pieces: libsndfile overflows its stack on an hour at once
            writer.write(voice_like(10)[::3])
    answer = clone(embedded_server, file.getvalue())
    check(answer, 501, "cloning_unavailable", says="`chorus download`")  # the recording itself is accepted


def test_a_good_recording_is_refused_by_an_engine_that_cannot_clone(embedded_server: RunningServer) -> None:
    check(clone(embedded_server, wav(voice_like(4))), 501, "cloning_unavailable", says="XTTS")


def test_a_good_recording_is_spoken_with_by_an_engine_that_can(fake_server: RunningServer) -> None:
    answer = clone(fake_server, wav(voice_like(4)), format="flac", seed="5")
    assert answer.status_code == 200, answer.text
    assert (answer.headers["Content-Type"], answer.headers["X-Seed"]) == ("audio/flac", "5")


def test_clone_takes_json_with_base64(fake_server: RunningServer) -> None:
    recording = base64.b64encode(wav(voice_like(4))).decode()
    good = post(fake_server, {"text": "Hello.", "reference_audio": [recording]}, "/voice-clone")
    assert good.status_code == 200, good.text
    bad = post(fake_server, {"text": "Hello.", "reference_audio": ["%%%"]}, "/voice-clone")
    check(bad, 400, "invalid_field", "reference_audio", "base64")


@pytest.mark.parametrize(
    ("fields", "param"), [({"speed": "0"}, "speed"), ({"volume": "1"}, "volume"), ({"text": ""}, "text")]
)
def test_clone_fields_are_checked_like_those_of_tts(
    fake_server: RunningServer, fields: dict[str, str], param: str
) -> None:
    check(clone(fake_server, wav(voice_like(4)), **fields), 400, "invalid_field", param)


def test_clone_json_that_is_no_json_is_refused(fake_server: RunningServer) -> None:
    for body in (b"{", b'{"text": "\xff"}', b"[" * 100_000):
        assert post(fake_server, body, "/voice-clone").status_code == 400


def test_a_clone_field_that_is_sent_twice_is_refused(fake_server: RunningServer) -> None:
    files = [("text", (None, "One.")), ("text", (None, "Two.")), ("reference_audio", ("a.wav", wav(voice_like(4))))]
    with fake_server.client() as client:
        check(client.post("/voice-clone", files=files), 400, "invalid_field", "text", "once")


def test_clone_without_a_recording_names_the_field(fake_server: RunningServer) -> None:
    with fake_server.client() as client:
        answer = client.post("/voice-clone", data={"text": "Hello."}, files={"other": b"x"})
        check(answer, 400, "invalid_field", "other")
        answer = client.post("/voice-clone", files={"text": (None, "Hello.")})
        check(answer, 400, "invalid_field", "reference_audio")


# Litestar leaves the part it had begun to the garbage collector, which closes it.
@pytest.mark.filterwarnings("ignore:.*SpooledTemporaryFile:pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("chunked", [False, True], ids=["announced", "chunked"])
def test_a_gigabyte_is_refused_without_reading_it_all(fake_server: RunningServer, chunked: bool) -> None:
    host, port = fake_server.url.removeprefix("http://").split(":")
    announced = b"Transfer-Encoding: chunked" if chunked else b"Content-Length: 1073741824"
    head = b"POST /voice-clone HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=b\r\n" + announced
    part = b'--b\r\nContent-Disposition: form-data; name="reference_audio"; filename="a"\r\n\r\n'
    block = b"\0" * 65536
    sent = 0
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        connection.sendall(head + b"\r\n\r\n")
        connection.setblocking(True)
        answer = b""
        try:
            data = part
            while sent < 2**30:
                connection.sendall(b"%x\r\n%s\r\n" % (len(data), data) if chunked else data)
                sent += len(data)
                data = block
        except OSError:
            pass  # the server has closed its side, as expected
        try:
            while received := connection.recv(65536):
                answer += received
        except OSError:
            pass
    assert sent < 64 * 2**20
    assert answer == b"" or b" 413 " in answer.split(b"\r\n")[0]


@pytest.mark.parametrize("digit", "²¹⁷₃①⑳③")
def test_digits_that_are_no_numbers_are_spoken(embedded_server: RunningServer, digit: str) -> None:
    for text in (f"Page/{digit}", f"x{digit}", f"{digit}rd of May"):
        assert post(embedded_server, {"text": text}).status_code == 200, text


@pytest.mark.parametrize("path", ["/tts", "/voice-clone", "/voices"])
def test_a_compressed_body_is_refused_and_not_unpacked(embedded_server: RunningServer, path: str) -> None:
    with embedded_server.client() as client:
        answer = client.post(path, content=gzip.compress(b'{"text": "hi"}'), headers={"Content-Encoding": "gzip"})
    check(answer, 415, "unsupported_encoding", says="gzip")
    assert answer.headers["Accept-Encoding"] == "identity"


@pytest.mark.parametrize(
    ("head", "status"),
    [
        ("Content-Length: 5\r\nTransfer-Encoding: chunked", b"400"),
        ("Content-Length: 13\r\nContent-Length: 2", b"400"),
        ("Content-Length : 13", b"400"),
        ("Content-Length: -1", b"400"),
        ("Transfer-Encoding: xchunked", b"501"),  # RFC 9112, 6.1
        ("X-Request-Id: a\r\n b", b"400"),
    ],
)
def test_a_head_that_two_servers_could_read_differently_is_refused(
    embedded_server: RunningServer, head: str, status: bytes
) -> None:
    """A proxy in front could see another request than the server."""
    url = httpx.URL(embedded_server.url)
    with socket.create_connection((url.host, url.port or 80), timeout=10) as connection:
        connection.sendall(f"POST /tts HTTP/1.1\r\nHost: x\r\n{head}\r\n\r\n".encode() + b'{"text": "hi"}')
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    assert re.findall(rb"HTTP/1\.1 (\d+)", answer) == [status]


def test_json_has_one_kind_of_number(embedded_server: RunningServer) -> None:
    same = [post(embedded_server, b'{"text": "hi", "seed": %s}' % seed).content for seed in (b"5", b"5.0", b"5e0")]
    assert same[0].startswith(b"RIFF")
    assert len(set(map(sample_bytes, same))) == 1


def test_an_empty_data_url_is_an_empty_recording(fake_server: RunningServer) -> None:
    answer = post(fake_server, {"text": "Hello.", "reference_audio": ["data:audio/wav;base64,"]}, "/voice-clone")
    check(answer, 415, "unreadable_audio", "reference_audio", "empty")
