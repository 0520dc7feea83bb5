"""The bytes of HTTP on a connection: what follows a request, what a request may not be, HTTP/1.0, and slow clients."""

import contextlib
import logging
import select
import socket
from collections.abc import Iterator
from pathlib import Path

import httpx
import msgspec
import pytest

from app.settings import Settings
from tests.support.fake_engine import FakeEngine
from tests.support.server import RunningServer, serve

SHORT_TIMEOUT_S = 0.3


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server that waits 0.3 s for its clients, on an engine that speaks when it is told to."""
    settings = Settings(data=tmp_path_factory.mktemp("data"), client_timeout_s=SHORT_TIMEOUT_S)
    with serve(settings, FakeEngine) as server:
        yield server


@contextlib.contextmanager
def connected(server: RunningServer, *, receive_buffer: int | None = None) -> Iterator[socket.socket]:
    address = httpx.URL(server.url)
    with socket.socket() as connection:
        if receive_buffer is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        connection.settimeout(30)
        connection.connect((address.host, address.port))
        yield connection


def read_to_end(connection: socket.socket) -> bytes:
    received = b""
    while data := connection.recv(1 << 16):
        received += data
    return received


def read_until(connection: socket.socket, end: bytes, received: bytes = b"") -> bytes:
    while end not in received:
        data = connection.recv(1 << 16)
        assert data, received
        received += data
    return received


def post(body: bytes, *headers: bytes, version: bytes = b"1.1") -> bytes:
    head = [b"POST /tts HTTP/" + version, b"Host: 127.0.0.1", b"Content-Type: application/json", *headers]
    return b"\r\n".join([*head, b"Content-Length: %d" % len(body), b"", body])


def dechunked(body: bytes) -> bytes:
    """The content of a body of complete chunks and nothing else."""
    content = b""
    while True:
        size, separator, rest = body.partition(b"\r\n")
        assert separator
        length = int(size, 16)
        if length == 0:
            assert rest == b"\r\n", rest[:200]
            return content
        content += rest[:length]
        assert rest[length : length + 2] == b"\r\n"
        body = rest[length + 2 :]


HEALTH = b"GET /health/live HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"


@pytest.mark.parametrize("extra", [b"\r\n", b"\n" * 100, b"GARBAGE\r\n\r\n", b"\0", b"POST /tts HT\r\n\r\n"])
@pytest.mark.parametrize("in_one_packet", [True, False])
@pytest.mark.parametrize("header", [b"Connection: keep-alive", b"Connection: close"])
def test_nothing_behind_a_request_reaches_into_its_answer(
    quick: RunningServer, extra: bytes, in_one_packet: bool, header: bytes
) -> None:
    engine = quick.engine
    assert isinstance(engine, FakeEngine)
    quick.on_loop(engine.release.clear)
    text = "word " * 15 + "\n\nNow wait."
    request = post(msgspec.json.encode({"text": text, "stream": True, "format": "pcm"}), header)
    with connected(quick) as connection:
        connection.sendall(request + (extra if in_one_packet else b""))
        received = read_until(connection, b"\r\n\r\n")
        if not in_one_packet:
            connection.sendall(extra)
        # The answer is under way for longer than a head may take.
        connection.settimeout(2 * SHORT_TIMEOUT_S)
        with contextlib.suppress(TimeoutError):
            while data := connection.recv(1 << 16):
                received += data
            raise AssertionError("the connection was closed in the middle of the answer")
        quick.on_loop(engine.release.set)
        connection.settimeout(30)
        received = read_until(connection, b"\r\n0\r\n\r\n", received)
        head, _, body = received.partition(b"\r\n\r\n")
        chunks, end, rest = body.rpartition(b"\r\n0\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200")
        assert len(dechunked(chunks + end)) > 2 * 24_000 * 1.5
        if extra.isspace() and b"keep-alive" in header:
            connection.sendall(HEALTH)
        rest += read_to_end(connection)
    # Empty lines are no request. Anything else behind is answered as one, unless the connection was to be closed.
    if header == b"Connection: close":
        assert rest == b""
    else:
        assert rest.startswith(b"HTTP/1.1 200 " if extra.isspace() else b"HTTP/1.1 400 ")


def test_requests_in_one_packet_with_empty_lines_between_them_are_answered_in_order(quick: RunningServer) -> None:
    first = b"GET /health/live HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    with connected(quick) as connection:
        connection.sendall(b"\r\n" + first + b"\r\n\r\n" + first + b"\n" + HEALTH)
        received = read_to_end(connection)
    assert received.count(b"HTTP/1.1 200") == 3
    assert received.count(b"HTTP/1.1") == 3


CHUNKED = b"Transfer-Encoding: chunked\r\n"


@pytest.mark.parametrize(
    ("request_bytes", "status", "code"),
    [
        (
            b"POST /tts HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 3\r\n" + CHUNKED + b"\r\n0\r\n\r\n",
            400,
            "invalid_request",
        ),
        (b"POST /tts HTTP/1.0\r\n" + CHUNKED + b"\r\n0\r\n\r\n", 400, "invalid_request"),
        (
            b"POST /tts HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 3\r\nContent-Length: 2\r\n\r\nabc",
            400,
            "invalid_request",
        ),
        (
            b"POST /tts HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: gzip\r\n\r\n",
            501,
            "unsupported_transfer_encoding",
        ),
        (b"GET /health/live HTTP/1.1\r\nHost : 127.0.0.1\r\n\r\n", 400, "invalid_request"),
        (b"GET /health/live HTTP/1.1\r\n\r\n", 400, "invalid_request"),
        ("GET /tts_stream?text=Grüße HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode(), 400, "invalid_request"),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, "unsupported_http_version"),
        (b"GET /health/live HTTP/1.1\r\nHost: 127.0.0.1\r\nX-A: " + b"a" * 70_000, 431, "head_too_large"),
        (b"GET /health/live HTTP/1.1\r\nHost: 127.0.0.1\r\n", 408, "head_timeout"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400, "invalid_request"),
    ],
)
def test_a_request_that_is_none_gets_the_shape_of_all_errors(
    quick: RunningServer, request_bytes: bytes, status: int, code: str
) -> None:
    with connected(quick) as connection:
        connection.sendall(request_bytes)
        head, _, body = read_to_end(connection).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 %d " % status)
    assert msgspec.json.decode(body)["error"]["code"] == code


@pytest.mark.parametrize(
    "chunk",
    [
        b"2;" + b"a" * 70_000,
        b"0" * 70_000,
        b"zz\r\n",
        b"-2\r\n",
        b"2\r\n{}x\r\n",
        b"2\r\n{}\r\n0\r\n" + b"A: b\r\n" * 20_000,
    ],
)
def test_a_broken_chunk_is_refused(quick: RunningServer, chunk: bytes) -> None:
    with connected(quick) as connection:
        connection.sendall(
            b"POST /tts HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n" + CHUNKED + b"\r\n" + chunk
        )
        answer = read_to_end(connection)
    assert answer.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 431 "))
    assert answer.count(b"HTTP/1.1 4") == 1


def test_an_address_with_scheme_and_host_is_taken_as_its_path(quick: RunningServer) -> None:
    with connected(quick) as connection:
        connection.sendall(HEALTH.replace(b"/health/live", b"http://127.0.0.1/health/live"))
        assert read_to_end(connection).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("header", [b"", b"Connection: keep-alive\r\n", b"Connection: close\r\n"])
def test_a_stream_for_http_1_0_is_the_file_and_nothing_else(embedded_server: RunningServer, header: bytes) -> None:
    with connected(embedded_server) as connection:
        connection.sendall(b"GET /tts_stream?text=Hello%20there HTTP/1.0\r\nHost: 127.0.0.1\r\n" + header + b"\r\n")
        head, _, body = read_to_end(connection).partition(b"\r\n\r\n")
    assert b"transfer-encoding" not in head.lower()
    assert body.startswith(b"RIFF")
    assert not body.endswith(b"0\r\n\r\n")


@pytest.mark.parametrize("version", [b"1.0", b"1.1"])
def test_a_whole_answer_has_its_length_in_every_version(quick: RunningServer, version: bytes) -> None:
    with connected(quick) as connection:
        connection.sendall(post(b'{"text": "Hello there."}', b"Connection: close", version=version))
        head, _, body = read_to_end(connection).partition(b"\r\n\r\n")
    assert b"transfer-encoding" not in head.lower()
    assert b"content-length: %d\r\n" % len(body) in head.lower() + b"\r\n"
    assert body.startswith(b"RIFF")


@pytest.mark.parametrize("extra", [{}, {"stream": True}, {"timestamps": "segment"}])
def test_a_client_that_stops_reading_is_disconnected_and_its_answer_is_aborted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, extra: dict[str, object]
) -> None:
    """The answer has 19 MB or more; the client reads none of it, so its kernel takes only what fits its buffer."""
    settings = Settings(data=tmp_path, client_timeout_s=SHORT_TIMEOUT_S)
    with caplog.at_level(logging.INFO), serve(settings, FakeEngine) as server:
        with connected(server, receive_buffer=4096) as connection, server.client() as client:
            connection.sendall(post(msgspec.json.encode({"text": "word " * 3_900, **extra})))
            gone = select.poll()
            gone.register(connection, 0)  # waits for the end of the connection only, and reads nothing
            assert gone.poll(60_000), "the connection is still there"
            assert client.get("/health").json()["in_flight"] == 0
        assert "the client of /tts stopped reading; giving up" in caplog.text
        assert "POST /tts -> 200 (aborted)" in caplog.text
    assert "Exception in ASGI application" not in caplog.text


def test_a_socket_whose_client_stops_reading_is_disconnected(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path, client_timeout_s=SHORT_TIMEOUT_S)
    with serve(settings, FakeEngine) as server, connected(server, receive_buffer=4096) as connection:
        connection.sendall(
            b"GET /ws/tts HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
            b"Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n"
        )
        handshake = read_until(connection, b"\r\n\r\n")
        assert handshake.startswith(b"HTTP/1.1 101 ")
        assert b"permessage-deflate" not in handshake  # inflating comes before the check of a message's size
        for message in ({"type": "start"}, {"type": "text", "text": "word " * 3_900}, {"type": "flush"}):
            connection.sendall(frame(msgspec.json.encode(message)))
        gone = select.poll()
        gone.register(connection, 0)
        assert gone.poll(60_000), "the connection is still there"


def frame(text: bytes) -> bytes:
    """A client's text frame (RFC 6455, 5.2), with a mask of zeros."""
    length = bytes([0x80 | len(text)]) if len(text) < 126 else b"\xfe" + len(text).to_bytes(2, "big")
    return b"\x81" + length + bytes(4) + text
