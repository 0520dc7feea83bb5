"""What bounds a request beside its fields: the size and pace of its head, its parts, and names that are not paths."""

import asyncio
import socket
import sys
from collections.abc import Iterator
from functools import partial

import httpx
import msgspec
import pytest
import uvicorn

from app.server.head_limits import BoundedHeadProtocol
from tests.integration.test_bad_input import check, voice_like, wav
from tests.support.server import RunningServer, chorus_serve

READ = 256 * 1024
"""What asyncio reads at once."""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """`chorus serve`, which is where these bounds are set."""
    with chorus_serve(tmp_path_factory.mktemp("data"), CHORUS_CLIENT_TIMEOUT_S="60") as (url, _):
        yield url


def exchange(url: str, head: Iterator[bytes]) -> tuple[int, bytes]:
    """Bytes that were taken of a head that goes on and on, and the answer."""
    address = httpx.URL(url)
    num_sent, answer = 0, b""
    with socket.create_connection((address.host, address.port or 80), timeout=30) as connection:
        try:
            for part in head:
                connection.sendall(part)
                num_sent += len(part)
            while received := connection.recv(65536):
                answer += received
        except OSError:
            pass  # the server has closed its side, which is what we want to see
    return num_sent, answer


def endless(kind: str) -> Iterator[bytes]:
    if kind == "path":
        yield b"GET /"
    elif kind == "query":
        yield b"GET /speakers?refresh="
    elif kind == "value":
        yield b"GET /health HTTP/1.1\r\nHost: x\r\nX-A: "
    else:
        yield b"GET /health HTTP/1.1\r\nHost: x\r\n"
    part = b"a: b\r\n" * 10_000 if kind == "headers" else b"a" * 60_000
    for _ in range(1000):
        yield part


@pytest.mark.parametrize("kind", ["path", "query", "value", "headers"])
def test_a_head_without_end_is_refused(served: str, kind: str) -> None:
    num_sent, answer = exchange(served, endless(kind))
    assert num_sent < 16 * 2**20  # what the two sockets hold
    assert answer == b"" or answer.startswith((b"HTTP/1.1 431 ", b"HTTP/1.1 400 "))


def test_a_head_that_is_too_large_gets_the_shape_of_all_errors(served: str) -> None:
    def head() -> Iterator[bytes]:
        yield b"GET /health HTTP/1.1\r\nHost: x\r\nX-A: " + b"a" * 70_000

    _, answer = exchange(served, head())
    top, _, body = answer.partition(b"\r\n\r\n")
    error = msgspec.json.decode(body)["error"]
    assert top.startswith(b"HTTP/1.1 431 ")
    assert error["code"] == "head_too_large"
    assert f"X-Request-Id: {error['request_id']}".encode() in top


def test_heads_of_one_connection_are_counted_one_by_one(served: str) -> None:
    with httpx.Client(base_url=served) as client:
        for _ in range(5):
            assert client.get("/health", headers={"X-A": "a" * 30_000}).status_code == 200
        assert client.post("/tts", json={"text": "Hello.", "language": "x" * 300_000}).status_code == 400


def test_a_head_that_does_not_end_and_a_connection_that_says_nothing_are_closed() -> None:
    async def scenario() -> list[bytes]:
        async def app(scope: object, receive: object, send: object) -> None:
            raise AssertionError("no request was made")

        config = uvicorn.Config(app, log_config=None, lifespan="off")  # type: ignore[arg-type]
        config.load()
        state = uvicorn.server.ServerState()
        make = partial(BoundedHeadProtocol, config, state, {}, head_timeout_s=0.01)
        listener = await asyncio.get_running_loop().create_server(make, "127.0.0.1", 0)
        answers: list[bytes] = []
        for sent in (b"GET / HTTP/1.1\r\nHost: x\r\n", b""):
            reader, writer = await asyncio.open_connection(*listener.sockets[0].getsockname())
            writer.write(sent)
            answers.append(await reader.read())
            writer.close()
            await writer.wait_closed()
        listener.close()
        await listener.wait_closed()
        return answers

    late, silent = asyncio.run(scenario())
    assert late.startswith(b"HTTP/1.1 408 ")
    assert b'"head_timeout"' in late
    assert silent == b""


def test_a_form_of_very_many_fields_is_refused(fake_server: RunningServer) -> None:
    files = [("text", (None, "Hello."))] + [(f"field{n}", (None, "x")) for n in range(2000)]
    with fake_server.client() as client:
        answer = client.post("/voice-clone", files=files)
    assert answer.status_code == 400, answer.text


OUTSIDE = "a-name-from-outside"
_touched: list[str] = []
_is_watching = False


def _watch(event: str, arguments: tuple[object, ...]) -> None:
    """Files that this process opens, makes, renames or removes. A hook stays for ever, so it can be told to rest."""
    if _is_watching and event.startswith(("open", "os.", "shutil.", "tempfile.")) and event != "os.putenv":
        _touched.extend(str(argument) for argument in arguments)


@pytest.fixture
def touched() -> Iterator[list[str]]:
    """Paths that this process has touched during the test."""
    global _is_watching
    if not _touched:
        sys.addaudithook(_watch)
    _touched.clear()
    _is_watching = True
    yield _touched
    _is_watching = False


@pytest.mark.parametrize("name", [f"../../{OUTSIDE}", f"/tmp/{OUTSIDE}", f"..\\{OUTSIDE}", f"{OUTSIDE}.wav"])  # noqa: S108
def test_a_name_that_a_client_gives_is_never_a_path(fake_server: RunningServer, touched: list[str], name: str) -> None:
    quoted = name.replace("/", "%2F").replace("\\", "%5C")
    recording = {"reference_audio": (name, wav(voice_like(4)))}
    consent = {"consent": "This is my own voice."}
    with fake_server.client() as client:
        assert client.post("/voice-clone", data={"text": "Hello."}, files=recording).status_code == 200
        assert client.post("/voices", data=consent | {"name": name}, files=recording).status_code == 201
        unreadable = {"reference_audio": (name, b"x")}
        assert client.post("/voices", data=consent | {"name": "a"}, files=unreadable).status_code == 415
        answer = client.post("/tts", json={"text": "Hello.", "speaker_id": name})
        check(answer, 404, "unknown_speaker", "speaker_id")
        for method in ("GET", "DELETE"):
            assert client.request(method, f"/voices/{quoted}").status_code in (404, 405)
    assert any("voices" in path for path in touched)  # the hook sees what the server does
    assert [path for path in touched if OUTSIDE in path] == []


def test_empty_lines_behind_an_answer_keep_no_connection(tmp_path_factory: pytest.TempPathFactory) -> None:
    data = tmp_path_factory.mktemp("data")
    with chorus_serve(data, CHORUS_CLIENT_TIMEOUT_S="0.3") as (url, _):
        address = httpx.URL(url)
        with socket.create_connection((address.host, address.port or 80), timeout=30) as connection:
            connection.sendall(b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n")
            assert connection.recv(65536).startswith(b"HTTP/1.1 200")
            connection.sendall(b"\r\n")
            while connection.recv(65536):  # closed long before the 75 s of an idle connection, and the test's 30
                pass


def test_trailers_without_end_are_refused(served: str) -> None:
    def body() -> Iterator[bytes]:
        yield b"POST /tts HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n"
        for _ in range(1000):
            yield b"a: b\r\n" * 10_000

    num_sent, answer = exchange(served, body())
    assert num_sent < 16 * 2**20
    assert answer == b"" or b"HTTP/1.1 431 " in answer or b"HTTP/1.1 400 " in answer
