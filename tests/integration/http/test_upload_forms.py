"""multipart/form-data as clients really write it: file names, charsets, sizes."""

from typing import Any

import httpx
import pytest

from tests.support.http import check, post
from tests.support.recordings import voice_like, wav
from tests.support.server import RunningServer

RECORDING = wav(voice_like(7))
CONTENT_TYPE = b"\r\nContent-Type: audio/mp4"


def part(disposition: bytes, data: bytes, more: bytes = b"") -> bytes:
    return b"--b\r\nContent-Disposition: form-data; " + disposition + more + b"\r\n\r\n" + data + b"\r\n"


def send(server: RunningServer, *parts: bytes, path: str = "/voices/check") -> httpx.Response:
    with server.client() as client:
        return client.post(
            path, content=b"".join(parts) + b"--b--\r\n", headers={"Content-Type": "multipart/form-data; boundary=b"}
        )


@pytest.mark.parametrize(
    ("filename", "name"),
    [
        (b"filename*=UTF-8''Gr%C3%BC%C3%9Fe.m4a", "Grüße.m4a"),
        (b"filename*=utf-8'de'Gr%C3%BC%C3%9Fe.m4a", "Grüße.m4a"),
        (b"filename*=ISO-8859-1''Gr%FC%DFe.m4a", "Grüße.m4a"),
        (b"filename*=shift_jis''%90%BA.m4a", "声.m4a"),
        (b"filename*0*=UTF-8''Gr%C3%BC; filename*1*=%C3%9Fe.m4a", "Grüße.m4a"),
        (b'filename*0="Gr"; filename*1="u.m4a"', "Gru.m4a"),
        (b"filename=\"=?utf-8?B?R3LDvMOfZS5tNGE=?=\"; filename*=utf-8''Gr%C3%BC%C3%9Fe.m4a", "Grüße.m4a"),
        (b"filename*=utf-8''Gr%C3%BC%C3%9Fe.m4a; filename=x.m4a", "Grüße.m4a"),
        ('filename="Grüße.m4a"'.encode(), "Grüße.m4a"),
        ('filename="Grüße.m4a"'.encode("latin-1"), "Grüße.m4a"),
        ('filename="10 €.m4a"'.encode("cp1252"), "10 €.m4a"),
        ('filename="声音.m4a"'.encode("gb18030"), None),
        (b'filename="a;b.m4a"', "a;b.m4a"),
        (b'filename="a\\"b.m4a"', 'a"b.m4a'),
        (b'filename="a%22b.m4a"', 'a"b.m4a'),
        (b'filename="C:\\\\voices\\\\ada.m4a"', "C:\\voices\\ada.m4a"),
        (b"filename=plain.m4a", "plain.m4a"),
        (b'filename=""', "clip 1"),
        (b"", "clip 1"),
        (b"filename*=UTF-8''", "clip 1"),
        (b"filename*=nonsense''a.m4a", "a.m4a"),
        (b"filename*=UTF-8''%FF%FE.m4a", None),
        (b"FILENAME=loud.m4a", "loud.m4a"),
    ],
)
@pytest.mark.parametrize("more", [b"", CONTENT_TYPE], ids=["no type", "typed"])
def test_a_part_of_that_name_is_a_recording_however_its_file_is_named(
    embedded_server: RunningServer, filename: bytes, name: str | None, more: bytes
) -> None:
    disposition = b'name="reference_audio"' + (b"; " + filename if filename else b"")
    answer = send(embedded_server, part(disposition, RECORDING, more))
    assert answer.status_code == 200, answer.text
    if name is not None:
        assert answer.json()["recordings"][0]["name"] == name


def test_a_form_may_hold_recordings_that_are_named_in_different_ways(embedded_server: RunningServer) -> None:
    names = (b'filename="a.wav"', b"filename*=UTF-8''b.wav", b'filename=""')
    answer = send(embedded_server, *(part(b'name="reference_audio"; ' + name, RECORDING) for name in names))
    assert [each["name"] for each in answer.json()["recordings"]] == ["a.wav", "b.wav", "clip 3"]


def test_a_file_input_in_which_nothing_was_chosen_is_no_recording(embedded_server: RunningServer) -> None:
    nothing = part(b'name="reference_audio"; filename=""', b"", b"\r\nContent-Type: application/octet-stream")
    check(send(embedded_server, nothing), 400, "invalid_field", "reference_audio", "0 came")
    assert send(embedded_server, nothing, part(b'name="reference_audio"; filename="a"', RECORDING)).status_code == 200


@pytest.mark.parametrize(
    ("data", "more", "status", "says"),
    [
        ("Grüße.".encode(), b"", 200, ""),
        ("Grüße.".encode("latin-1"), b"\r\nContent-Type: text/plain; charset=ISO-8859-1", 200, ""),
        ("Grüße.".encode("utf-16"), b"\r\nContent-Type: text/plain; charset=UTF-16", 200, ""),
        ("Grüße.".encode("latin-1"), b"", 400, "not UTF-8 text"),
        (b"Hello.", b"\r\nContent-Type: text/plain; charset=klingon", 400, "klingon"),
        (b"Hello.", b"\r\nContent-Type: text/plain; charset=unicode_escape", 400, "charset"),
    ],
)
def test_a_field_is_read_in_the_charset_that_it_names(
    fake_server: RunningServer, data: bytes, more: bytes, status: int, says: str
) -> None:
    recording = part(b'name="reference_audio"; filename="a.wav"', RECORDING)
    answer = send(fake_server, part(b'name="text"', data, more), recording, path="/voice-clone")
    assert answer.status_code == status, answer.text
    if status == 400:
        check(answer, 400, "invalid_field", "text", says)
        assert "JSON" not in answer.text


def test_a_form_of_1200_fields_is_told_how_many_it_may_have(fake_server: RunningServer) -> None:
    answer = send(fake_server, *(part(b'name="field%d"' % n, b"x") for n in range(1200)))
    check(answer, 400, "invalid_body", says="more than 100 parts")


@pytest.mark.parametrize(
    ("body", "content_type", "says"),
    [
        (b"", "multipart/form-data; boundary=b", "cannot be read"),
        (b"--b--\r\n", "multipart/form-data", "boundary"),
        (b"--b--\r\n", "multipart/form-data; boundary=" + "b" * 500, "boundary"),
        (part(b'name="text"', b"x"), "multipart/form-data; boundary=b", "cannot be read"),
        (b"--b\r\nX: y\r\n\r\nz\r\n--b--\r\n", "multipart/form-data; boundary=b", "cannot be read"),
        (part(b'name="' + b"x" * 9000 + b'"', b"x"), "multipart/form-data; boundary=b", "more than 4096 bytes"),
        (part(b'name="x"', b"x").replace(b"\r\n", b"\n"), "multipart/form-data; boundary=b", "cannot be read"),
    ],
)
def test_a_form_that_cannot_be_read_is_told_why(
    fake_server: RunningServer, body: bytes, content_type: str, says: str
) -> None:
    with fake_server.client() as client:
        answer = client.post("/voices/check", content=body, headers={"Content-Type": content_type})
    check(answer, 400, "invalid_body", says=says)


def test_fields_beside_recordings_have_a_bound(fake_server: RunningServer) -> None:
    """The whole body may have 1 MiB there, and so may its fields: one byte more is the body's own limit."""
    form: list[Any] = [part(b'name="text"', b"x" * 2**20)]
    check(send(fake_server, *form), 413, "body_too_large", says="CHORUS_MAX_UPLOAD_MB")


@pytest.mark.parametrize("path", ["/tts", "/tts_to_audio", "/sillytavern/tts_to_audio"])
def test_a_json_body_without_recordings_has_at_most_a_mebibyte(embedded_server: RunningServer, path: str) -> None:
    with embedded_server.client() as client:
        answer = client.post(path, json={"text": "Hello.", "padding": "x" * 2**20})
    check(answer, 413, "body_too_large", says="CHORUS_MAX_TEXT_CHARS")


def test_the_fields_beside_the_recordings_of_openais_route_have_at_most_a_mebibyte(
    embedded_server: RunningServer,
) -> None:
    with embedded_server.client() as client:
        answer = client.post("/v1/audio/speech", json={"input": "Hello.", "padding": "x" * 2**20})
    check(answer, 413, "upload_too_large", says="the limit is 1048576")


@pytest.mark.parametrize(
    ("path", "field", "body"),
    [
        ("/voice-clone", "reference_audio", {"text": "Hello."}),
        ("/voices", "reference_audio", {"name": "Ada", "consent": "This is my own voice."}),
        ("/voices/check", "reference_audio", {}),
        ("/v1/tts/conditioning", "speaker_files", {}),
        ("/v1/audio/speech", "ref_audio", {"input": "Hello."}),
    ],
)
@pytest.mark.parametrize(
    "address", ["http://127.0.0.1:1/a.wav", "file:///etc/passwd", "//host/a.wav", "/srv/voices/ada.wav"]
)
def test_an_address_in_place_of_a_recording_is_refused(
    fake_server: RunningServer, path: str, field: str, body: dict[str, object], address: str
) -> None:
    says = "no path is read" if address.startswith("/") else "nothing is ever fetched"
    check(post(fake_server, body | {field: [address]}, path), 400, "invalid_field", field, says)
