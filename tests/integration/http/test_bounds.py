"""Bounds of a request beside its fields: the size and pace of its head, its parts, and names that are not paths."""

import asyncio
import re
import socket
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import httpx
import msgspec
import pytest
import uvicorn

from app.server.http_protocol import BoundedHttpProtocol
from app.settings import Settings
from tests.support.fake_engine import FakeEngine
from tests.support.http import check
from tests.support.live import live_caller
from tests.support.recordings import voice_like, wav
from tests.support.server import RunningServer, chorus_serve, serve

READ = 256 * 1024
"""Bytes that asyncio reads at once."""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """`chorus serve`, which sets these bounds."""
    with chorus_serve(tmp_path_factory.mktemp("data"), CHORUS_CLIENT_TIMEOUT_S="60") as (url, _):
        yield url


def exchange(url: str, head: Iterator[bytes]) -> tuple[int, bytes]:
    """Bytes that were taken of an endless head, and the answer."""
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
            pass  # the server has closed its side, as expected
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
    assert num_sent < 16 * 2**20  # the buffers of both sockets
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


def posts(server: RunningServer) -> list[str]:
    """Paths of all routes that take a body, with `heart` in place of their parameters."""
    with server.client() as client:
        paths = client.get("/docs/openapi.json").json()["paths"]
    return [re.sub(r"\{[a-z_]+\}", "heart", path) for path, operations in paths.items() if "post" in operations]


def test_a_body_of_100_mib_is_refused_before_it_is_read(embedded_server: RunningServer) -> None:
    """By the length that its head states: not a byte of it is sent."""
    address = httpx.URL(embedded_server.url)
    paths, statuses = posts(embedded_server), dict[str, int]()
    assert len(paths) > 30
    for path in paths:
        with socket.create_connection((address.host, address.port or 80), timeout=30) as connection:
            head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {100 * 2**20}"
            connection.sendall(f"{head}\r\n\r\n".encode())
            statuses[path] = int(connection.recv(65536).split()[1])
    # Other refusals come first: only forms are read, no recogniser is here, no job has this id.
    assert set(statuses.values()) <= {413, 400, 404, 501}, statuses
    assert sum(status == 413 for status in statuses.values()) > 30


def test_a_head_that_does_not_end_and_a_connection_that_says_nothing_are_closed() -> None:
    async def scenario() -> list[bytes]:
        async def app(scope: object, receive: object, send: object) -> None:
            raise AssertionError("no request was made")

        config = uvicorn.Config(app, log_config=None, lifespan="off")  # type: ignore[arg-type]
        config.load()
        state = uvicorn.server.ServerState()
        make = partial(BoundedHttpProtocol, config, state, {}, head_timeout_s=0.01, write_timeout_s=60)
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


@pytest.mark.parametrize("path", ["/tts", "/v1/audio/speech", "/voices/check", "/voices/import"])
def test_a_body_that_stops_half_way_is_408_and_the_connection_ends(path: str, tmp_path: Path) -> None:
    with serve(Settings(data=tmp_path, client_timeout_s=0.2), FakeEngine) as server:
        address = server.url.removeprefix("http://")
        host, port = address.split(":")
        with socket.create_connection((host, int(port)), timeout=30) as raw:
            head = f"POST {path} HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\nContent-Length: 100"
            raw.sendall(f'{head}\r\n\r\n{{"text": "Half'.encode())
            answer = b""
            while data := raw.recv(65_536):
                answer += data
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"CHORUS_CLIENT_TIMEOUT_S" in answer


def test_a_form_of_very_many_fields_is_refused(fake_server: RunningServer) -> None:
    files = [("text", (None, "Hello."))] + [(f"field{n}", (None, "x")) for n in range(2000)]
    with fake_server.client() as client:
        answer = client.post("/voice-clone", files=files)
    assert answer.status_code == 400, answer.text


OUTSIDE = "a-name-from-outside"
_touched: list[str] = []
_is_watching = False


def _watch(event: str, arguments: tuple[object, ...]) -> None:
    """Files that this process opens, makes, renames or removes. A hook cannot be removed, so it can be switched off."""
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
        answer = client.post("/tts", json={"text": "Hello.", "speaker_id": name})
        check(answer, 404, "unknown_speaker", "speaker_id")
        assert client.post("/voices", data=consent | {"name": name}, files=recording).status_code == 201
        assert client.post("/tts", json={"text": "Hello.", "speaker_id": name}).status_code == 200
        unreadable = {"reference_audio": (name, b"x")}
        assert client.post("/voices", data=consent | {"name": "a"}, files=unreadable).status_code == 415
        for method in ("GET", "DELETE"):
            assert client.request(method, f"/voices/{quoted}").status_code in (404, 405)
    assert any("voices" in path for path in touched)  # the hook sees the server
    assert [path for path in touched if OUTSIDE in path] == []


def test_empty_lines_behind_an_answer_keep_no_connection(tmp_path_factory: pytest.TempPathFactory) -> None:
    data = tmp_path_factory.mktemp("data")
    with chorus_serve(data, CHORUS_CLIENT_TIMEOUT_S="0.3") as (url, _):
        address = httpx.URL(url)
        with socket.create_connection((address.host, address.port or 80), timeout=30) as connection:
            connection.sendall(b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n")
            answer = b""
            while not answer.endswith(b"}"):
                answer += connection.recv(65536)
            assert answer.startswith(b"HTTP/1.1 200")
            # The time limit of a head closes it, long before the 75 s of an idle connection, however many lines come.
            connection.settimeout(0.1)
            for _ in range(300):
                try:
                    connection.sendall(b"\r\n")
                    if not connection.recv(65536):
                        return
                except TimeoutError:
                    continue
                except OSError:
                    return
    raise AssertionError("empty lines have kept the connection open")


def test_trailers_without_end_are_refused(served: str) -> None:
    def body() -> Iterator[bytes]:
        yield b"POST /tts HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n"
        for _ in range(1000):
            yield b"a: b\r\n" * 10_000

    num_sent, answer = exchange(served, body())
    assert num_sent < 16 * 2**20
    assert answer == b"" or b"HTTP/1.1 431 " in answer or b"HTTP/1.1 400 " in answer


LONG = "x\x1b\n\u2028" * 20_000
MAX_ERROR_BYTES = 8192
"""1,200 characters of a message, each of which JSON may write in six."""


def json_fields(server: RunningServer) -> list[tuple[str, dict[str, object], str]]:
    """(path, a valid body, name of a field of it) for each field of each JSON body in the document."""
    with server.client() as client:
        document = client.get("/docs/openapi.json").json()
    found: list[tuple[str, dict[str, object], str]] = []
    for path, operations in document["paths"].items():
        body = operations.get("post", {}).get("requestBody", {}).get("content", {}).get("application/json")
        name = (body or {}).get("schema", {}).get("$ref", "").rpartition("/")[2]
        schema = document["components"]["schemas"].get(name, {})
        fitting = {"reference_audio": ["AAAA"]} | dict.fromkeys({"text", "input"}, "Hello.") | {"model": "tts-1"}
        fitting |= {"voice": "alloy", "name": "Ada", "consent": "This is my own voice."}
        required = {field: fitting.get(field, "Hello.") for field in schema.get("required", ())}
        found += [(path, required, field) for field in (*schema.get("properties", {}), LONG)]
    return found


def test_no_value_of_a_caller_is_repeated_at_length(embedded_server: RunningServer) -> None:
    """Every field of every JSON body, the names of unknown fields, and nested ones."""
    fields = json_fields(embedded_server)
    assert len(fields) > 60
    with embedded_server.client() as client:
        for path, body, field in fields:
            for value in (LONG, {"id": LONG}, {LONG: 1}, [LONG]):
                answer = client.post(path, json=body | {field: value})
                assert answer.status_code < 500 or answer.status_code == 501, (path, field, answer.text)
                if path == "/jobs" and answer.status_code == 201:  # a book may be long
                    assert (field, value) == ("text", LONG)
                    client.delete(f"/jobs/{answer.json()['id']}").raise_for_status()
                    continue
                assert answer.is_error or path.startswith(("/sillytavern", "/tts_to_audio", "/v1")), (path, field)
                assert not answer.is_error or len(answer.content) < MAX_ERROR_BYTES, (path, field[:20])
                assert sum(len(name) + len(text) for name, text in answer.headers.items()) < 4096


@pytest.mark.parametrize("name", ["Origin", "Content-Encoding", "X-Request-Id", "Content-Type", "Authorization"])
def test_no_header_of_a_caller_is_repeated_at_length(embedded_server: RunningServer, name: str) -> None:
    with embedded_server.client() as client:
        answer = client.post("/tts", content=b'{"text": ""}', headers={name: "x" * 30_000})
    assert answer.status_code in (400, 403, 415)
    assert len(answer.content) < MAX_ERROR_BYTES
    assert sum(len(each) + len(text) for each, text in answer.headers.items()) < 4096


@pytest.mark.parametrize(
    "path",
    [
        *("/{}", "/voices/{}", "/voices/{}/export", "/v1/models/{}", "/docs/{}", "/page/{}", "/speakers?refresh={}"),
        *("/tts_stream?text=Hello&speaker_wav={}", "/tts_stream?text=Hello&language={}", "/tts_stream?text={}"),
    ],
)
def test_no_path_of_a_caller_is_repeated_at_length(embedded_server: RunningServer, path: str) -> None:
    with embedded_server.client() as client:
        answer = client.get(path.format("x" * 20_000))
    assert answer.status_code in (400, 404, 413)
    assert len(answer.content) < MAX_ERROR_BYTES


@pytest.mark.parametrize("field", ["type", "speaker_id", "language", "format", "api_key", "seed", "unknown", LONG])
def test_no_message_on_a_socket_is_repeated_at_length(embedded_server: RunningServer, field: str) -> None:
    with live_caller(embedded_server) as caller:
        caller.say(**({"kind": "start"} | {"kind" if field == "type" else field: LONG}))
        error = caller.next()
    assert error["type"] == "error"
    assert len(msgspec.json.encode(error)) < MAX_ERROR_BYTES


@pytest.mark.parametrize(("num_chars", "status"), [(200, 404), (201, 400)])
def test_an_id_has_two_hundred_characters_at_most(embedded_server: RunningServer, num_chars: int, status: int) -> None:
    speaker_id = "x" * num_chars
    openai = {"model": "tts-1", "input": "Hello."}
    with embedded_server.client() as client:
        answers = [
            client.post("/tts", json={"text": "Hello.", "speaker_id": speaker_id}),
            client.post("/v1/audio/speech", json=openai | {"voice": speaker_id}),
            client.post("/v1/audio/speech", json=openai | {"voice": {"id": speaker_id}}),
            client.post("/tts_to_audio/", json={"text": "Hello.", "speaker_wav": speaker_id}),
            client.get("/tts_stream", params={"text": "Hello.", "speaker_wav": speaker_id}),
            client.get(f"/voices/{speaker_id}"),
        ]
    assert [answer.status_code for answer in answers] == [status] * len(answers)


@pytest.mark.parametrize(("num_bytes", "status"), [(2**20, 422), (2**20 + 1, 413)])
def test_an_upload_may_have_exactly_the_mebibytes_of_its_limit(
    fake_server: RunningServer, num_bytes: int, status: int
) -> None:
    with fake_server.client() as client:
        answer = client.post("/voices/import", content=bytes(num_bytes))
    assert answer.status_code == status, answer.text
