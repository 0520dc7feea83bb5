"""The Wyoming port, with the wyoming package as client, in Home Assistant's order.

homeassistant/components/wyoming/tts.py of home-assistant/core opens a connection for each text, reads until
`audio-stop` (or `synthesize-stopped`) and takes a closed connection for a failure.
"""

import asyncio
import contextlib
import socket
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path

import httpx
import pytest
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.client import AsyncTcpClient
from wyoming.error import Error
from wyoming.event import Event, Eventable
from wyoming.info import Describe, Info
from wyoming.ping import Ping, Pong
from wyoming.tts import (
    Synthesize,
    SynthesizeChunk,
    SynthesizeStart,
    SynthesizeStop,
    SynthesizeStopped,
    SynthesizeVoice,
)

from app.settings import Settings
from app.wyoming.connection import MAX_EVENT_BYTES
from tests.support.fake_engine import FakeEngine
from tests.support.ports import free_port
from tests.support.server import RunningServer, serve

TEXT = "The morning was bright and clear. Nobody had opened the door for years."


@pytest.fixture(scope="module")
def port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, port: int) -> Iterator[RunningServer]:
    with serve(Settings(data=tmp_path_factory.mktemp("data"), wyoming_port=port)) as running:
        yield running


@pytest.fixture
def fake(tmp_path: Path) -> Iterator[tuple[RunningServer, int]]:
    port = free_port()
    with serve(Settings(data=tmp_path, wyoming_port=port, max_text_chars=1000), FakeEngine) as running:
        yield running, port


@asynccontextmanager
async def client(port: int) -> AsyncIterator[AsyncTcpClient]:
    async with AsyncTcpClient("127.0.0.1", port) as connected:
        yield connected


async def events(connected: AsyncTcpClient, is_last: Callable[[str], bool]) -> list[Event]:
    """Up to the last one, or to the end of the connection."""
    found: list[Event] = []
    while (event := await asyncio.wait_for(connected.read_event(), 30)) is not None:
        found.append(event)
        if is_last(event.type):
            break
    return found


def audio_of(found: list[Event]) -> bytes:
    return b"".join(event.payload or b"" for event in found if AudioChunk.is_type(event.type))


async def spoken(port: int, text: str, voice: SynthesizeVoice | None = None) -> list[Event]:
    async with client(port) as connected:
        await connected.write_event(Synthesize(text=text, voice=voice).event())
        return await events(connected, AudioStop.is_type)


def test_describe_lists_the_voices(server: RunningServer, port: int) -> None:
    async def ask() -> Info:
        async with client(port) as connected:
            await connected.write_event(Describe().event())
            (event,) = await events(connected, Info.is_type)
            return Info.from_event(event)

    (program,) = asyncio.run(ask()).tts
    assert program.installed
    assert program.supports_synthesize_streaming
    assert [(voice.name, voice.description, voice.languages) for voice in program.voices] == [
        ("heart", "Heart", ["en"])
    ]


def test_synthesize_is_heard_whole(server: RunningServer, port: int) -> None:
    found = asyncio.run(spoken(port, TEXT, SynthesizeVoice(name="heart")))
    assert AudioStart.is_type(found[0].type)
    assert (found[0].data["rate"], found[0].data["width"], found[0].data["channels"]) == (24_000, 2, 1)
    assert found[0].data["provenance"]["voice"] == "built-in"
    assert AudioStop.is_type(found[-1].type)
    assert 3.5 < len(audio_of(found)) / 48_000 < 6


def test_a_text_without_sound_is_a_short_silence(server: RunningServer, port: int) -> None:
    found = asyncio.run(spoken(port, "日本語です。"))
    assert found[-1].type == "audio-stop"
    assert 0.1 < len(audio_of(found)) / 48_000 < 1.0


def test_text_in_chunks_as_home_assistant_sends_it(server: RunningServer, port: int) -> None:
    """Chunks, then the whole text once more for servers without streaming, then the stop."""

    async def stream() -> list[Event]:
        voice = SynthesizeVoice(name="heart")
        async with client(port) as connected:
            await connected.write_event(SynthesizeStart(voice=voice).event())
            for word in TEXT.split(" "):
                await connected.write_event(SynthesizeChunk(text=f"{word} ").event())
            await connected.write_event(Synthesize(text=TEXT, voice=voice).event())
            await connected.write_event(SynthesizeStop().event())
            return await events(connected, SynthesizeStopped.is_type)

    found = asyncio.run(stream())
    whole = asyncio.run(spoken(port, TEXT))
    assert [event.type for event in found[-2:]] == ["audio-stop", "synthesize-stopped"]
    assert abs(len(audio_of(found)) - len(audio_of(whole))) < 2 * 24_000  # another seed, the same text, spoken once


def test_audio_comes_before_the_text_has_an_end(server: RunningServer, port: int) -> None:
    async def stream() -> list[Event]:
        async with client(port) as connected:
            await connected.write_event(SynthesizeStart().event())
            await connected.write_event(SynthesizeChunk(text=f"{TEXT} And there ").event())
            return await events(connected, AudioChunk.is_type)

    assert audio_of(asyncio.run(stream()))


def test_one_connection_may_ask_again(server: RunningServer, port: int) -> None:
    async def ask_twice() -> list[int]:
        async with client(port) as connected:
            lengths = []
            for text in (TEXT, "Another text."):
                await connected.write_event(Synthesize(text=text).event())
                lengths.append(len(audio_of(await events(connected, AudioStop.is_type))))
            await connected.write_event(Ping(text="still there?").event())
            (pong,) = await events(connected, Pong.is_type)
            assert Pong.from_event(pong).text == "still there?"
            return lengths

    first, second = asyncio.run(ask_twice())
    assert first > second > 0


@pytest.mark.parametrize(
    ("event", "code", "message"),
    [
        (Synthesize(text=TEXT, voice=SynthesizeVoice(name="hart")).event(), "unknown_speaker", "heart"),
        (Synthesize(text=TEXT, voice=SynthesizeVoice(name="../../etc")).event(), "unknown_speaker", "heart"),
        (Synthesize(text=TEXT, voice=SynthesizeVoice(name="heart", speaker="a")).event(), "invalid_field", "speaker"),
        (SynthesizeStart(voice=SynthesizeVoice(name="heart", speaker="a")).event(), "invalid_field", "speaker"),
        (Event(type="synthesize", data={"text": "a", "voice": {"speaker": "a"}}), "invalid_field", "speaker"),
        (Synthesize(text=TEXT, voice=SynthesizeVoice(language="xx")).event(), "unsupported_language", "xx"),
        (Synthesize(text="x" * 20_001).event(), "text_too_long", "20000"),
        (Event(type="synthesize", data={}), "invalid_field", "text"),
        (Event(type="synthesize", data={"text": "a", "voice": 3}), "invalid_field", "synthesize"),
        (Event(type="synthesize", data={"text": 5}), "invalid_field", "strings"),
        (Event(type="synthesize", data={"text": "a", "voice": {"name": 5}}), "invalid_field", "strings"),
        (Event(type="synthesize", data={"text": "a", "voice": {"language": 5}}), "invalid_field", "strings"),
    ],
)
def test_an_error_is_told_and_the_connection_closed(
    server: RunningServer, port: int, event: Event, code: str, message: str
) -> None:
    async def ask() -> list[Event]:
        async with client(port) as connected:
            await connected.write_event(event)
            return await events(connected, lambda _: False)

    found = asyncio.run(ask())
    error = Error.from_event(found[-1])
    assert (error.code, not audio_of(found)) == (code, True)
    assert message in error.text
    assert not any(AudioStop.is_type(each.type) for each in found)


def test_a_failure_in_the_middle_never_ends_like_a_success(fake: tuple[RunningServer, int]) -> None:
    found = asyncio.run(spoken(fake[1], "All is well here. This will fail for sure."))
    assert audio_of(found)
    assert Error.from_event(found[-1]).code == "engine_failure"
    assert not any(AudioStop.is_type(event.type) for event in found)


def admitted(server: RunningServer) -> int:
    with server.client() as connected:
        return connected.get("/health").json()["queue"]["admitted"]


@pytest.mark.parametrize(
    "said",
    [
        [SynthesizeStart(), SynthesizeChunk(text="You wait for this. And more ")],
        [SynthesizeStart(), SynthesizeChunk(text="You wait for this."), SynthesizeStop()],
        [Synthesize(text="You wait for this.")],
    ],
    ids=["while it writes", "after it has written", "after one text"],
)
def test_a_client_that_leaves_gives_its_slot_back(fake: tuple[RunningServer, int], said: list[Eventable]) -> None:
    running, port = fake

    async def leave() -> None:
        async with client(port) as connected:
            for event in said:
                await connected.write_event(event.event())
            while not await asyncio.to_thread(admitted, running):
                pass

    asyncio.run(leave())
    for _ in range(200):
        if not admitted(running):
            return
    raise AssertionError("the slot is still held")


@pytest.mark.parametrize(
    "sent",
    [
        b"nonsense\n",
        b"[]\n",
        b"{}\n",
        b'{"type": "synthesize", "data_length": 99999999999}\n',
        b'{"type": "synthesize", "payload_length": 2000000}\n',
        b'{"type": "synthesize", "data_length": 10}\n{}',
        b'{"type": "synthesize", "data_length": 2}\n[]',
        b"x" * (2 * 1024 * 1024),
    ],
)
def test_what_is_no_event_ends_its_connection_and_no_other(server: RunningServer, port: int, sent: bytes) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=30) as raw:
        try:
            raw.sendall(sent)
            raw.shutdown(socket.SHUT_WR)
            while raw.recv(65536):
                pass
        except OSError:
            pass  # the server may close while we are still sending
    assert audio_of(asyncio.run(spoken(port, "Still speaking.")))


@pytest.mark.parametrize("sent", [b"nonsense\n", b"[]\n", b"[" * 100_000 + b"\n"])
def test_what_is_no_event_is_told(server: RunningServer, port: int, sent: bytes) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=30) as raw:
        raw.sendall(sent)
        answer = b""
        while data := raw.recv(65536):
            answer += data
    assert b'"error"' in answer
    assert b"invalid_field" in answer


@pytest.mark.parametrize(
    "event",
    [
        Synthesize(text="Hello.", voice=SynthesizeVoice(name="x" * 201)),
        Synthesize(text="Hello.", voice=SynthesizeVoice(language="x" * 41)),
        SynthesizeStart(voice=SynthesizeVoice(name="x" * 201)),
        SynthesizeStart(voice=SynthesizeVoice(name="heart", speaker="x" * 201)),
        Ping(text="x" * 1001),
    ],
)
def test_what_is_not_text_to_speak_is_bounded(server: RunningServer, port: int, event: Eventable) -> None:
    async def ask() -> list[Event]:
        async with client(port) as connected:
            await connected.write_event(event.event())
            return await events(connected, lambda _: False)

    error = Error.from_event(asyncio.run(ask())[-1])
    assert (error.code, len(error.text) < 300) == ("invalid_field", True)
    assert "length <=" in error.text


@pytest.mark.parametrize(("num_bytes", "is_taken"), [(MAX_EVENT_BYTES, True), (MAX_EVENT_BYTES + 1, False)])
def test_an_event_may_hold_a_mebibyte(server: RunningServer, port: int, num_bytes: int, is_taken: bool) -> None:
    async def ask() -> list[str]:
        async with client(port) as connected:
            await connected.write_event(Event(type="transcript", payload=bytes(num_bytes)))
            await connected.write_event(Ping().event())
            return [event.type for event in await events(connected, Pong.is_type)]

    try:
        heard = asyncio.run(ask())
    except ConnectionError:  # the server may close while we are still sending
        heard = []
    assert (heard == ["pong"]) is is_taken


def test_a_connection_that_asks_for_nothing_is_closed(tmp_path: Path) -> None:
    port = free_port()
    settings = Settings(data=tmp_path, wyoming_port=port, client_timeout_s=0.2)
    with serve(settings, FakeEngine):
        for before in (b"", b'{"type": "ping"}\n'):
            with socket.create_connection(("127.0.0.1", port), timeout=30) as raw:
                raw.sendall(before)
                assert b"".join(iter(partial(raw.recv, 1000), b"")).count(b'"pong"') == bool(before)


def test_a_text_without_an_end_is_told_and_its_connection_closed(tmp_path: Path) -> None:
    port = free_port()

    async def ask() -> list[Event]:
        async with client(port) as connected:
            await connected.write_event(SynthesizeStart().event())
            await connected.write_event(SynthesizeChunk(text="This is heard. And this is ").event())
            return await events(connected, lambda _: False)

    with serve(Settings(data=tmp_path, wyoming_port=port, client_timeout_s=0.3), FakeEngine):
        found = asyncio.run(ask())
    assert "synthesize-stop" in Error.from_event(found[-1]).text
    assert not any(AudioStop.is_type(event.type) for event in found)


def test_speech_that_takes_long_is_no_silence_of_its_client(tmp_path: Path) -> None:
    """Its client has said everything, and waits longer than a client may be silent."""
    port = free_port()

    async def ask(running: RunningServer) -> list[Event]:
        async with client(port) as connected:
            await connected.write_event(Synthesize(text="You wait for this one.").event())
            first = await events(connected, AudioStart.is_type)
            while not running.on_loop(lambda: bool(running.engine.requests)):  # type: ignore[union-attr]
                pass
            with pytest.raises(TimeoutError):  # neither audio nor the end of the connection
                await asyncio.wait_for(connected.read_event(), 0.5)
            running.on_loop(running.engine.release.set)  # type: ignore[union-attr]
            return first + await events(connected, AudioStop.is_type)

    with serve(Settings(data=tmp_path, wyoming_port=port, client_timeout_s=0.2), FakeEngine) as running:
        found = asyncio.run(ask(running))
    assert AudioStop.is_type(found[-1].type)


def test_connections_that_say_nothing_are_bounded(tmp_path: Path) -> None:
    port = free_port()

    async def crowd() -> list[list[Event]]:
        async with AsyncExitStack() as stack:
            first = [await stack.enter_async_context(client(port)) for _ in range(2)]
            for connected in first:
                await connected.write_event(Ping().event())
                await events(connected, Pong.is_type)
            late = [await stack.enter_async_context(client(port)) for _ in range(3)]
            refused = [await events(connected, lambda _: False) for connected in late]
            await first[0].write_event(Synthesize(text="This is heard.").event())
            return [*refused, await events(first[0], AudioStop.is_type)]

    with serve(Settings(data=tmp_path, wyoming_port=port, max_sockets=4), FakeEngine):
        *refused, heard = asyncio.run(crowd())
    assert [Error.from_event(found[-1]).code for found in refused] == ["unavailable"] * 3
    assert AudioStop.is_type(heard[-1].type)


def test_an_event_that_is_not_finished_is_not_waited_for(tmp_path: Path) -> None:
    port = free_port()
    settings = Settings(data=tmp_path, wyoming_port=port, client_timeout_s=0.2)
    with serve(settings, FakeEngine), socket.create_connection(("127.0.0.1", port), timeout=30) as raw:
        raw.sendall(b'{"type":')
        assert raw.recv(100) == b""


def test_an_address_in_use_is_told_and_the_start_fails(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        command = [sys.executable, "-m", "app", "serve", "--port", str(free_port())]
        environ = {"CHORUS_WYOMING_PORT": str(port), "CHORUS_DATA": str(tmp_path), "PATH": "/usr/bin:/bin"}
        ended = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 1
    assert f"cannot listen on 127.0.0.1 port {port} for Wyoming" in ended.stderr
    assert "CHORUS_WYOMING_PORT" in ended.stderr


def test_it_is_off_by_default(embedded_server: RunningServer) -> None:
    assert Settings().wyoming_port == 0
    httpx.get(f"{embedded_server.url}/health").raise_for_status()
    code = "import sys, app.server.app; sys.exit('wyoming' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_three_hundred_clients_may_connect_while_the_event_loop_is_busy(
    fake: tuple[RunningServer, int],
) -> None:
    server, port = fake
    go_on = threading.Event()
    busy = threading.Thread(target=server.on_loop, args=(go_on.wait,))
    busy.start()
    try:
        with contextlib.ExitStack() as clients:
            for _ in range(300):
                clients.enter_context(socket.create_connection(("127.0.0.1", port), timeout=5))
    finally:
        go_on.set()
        busy.join()
