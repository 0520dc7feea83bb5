"""Hosts that never say `http.disconnect`, clients that stop reading: driven by a hand-written ASGI host."""

import asyncio
import contextlib
import logging
from typing import Any, cast

import httpx
import pytest
from litestar import Litestar, get
from litestar.params import FromPath

from app.errors import UploadTooSlow
from app.http.asgi import AsgiApp, Message, Receive, Send
from app.http.middleware import wrap
from app.http.middleware.access_log import OnEnd
from app.http.middleware.client_timeout import BEFORE_LAST_PIECE, ClientTimeout
from app.lifecycle import Lifecycle

SCOPE: Message = {"type": "http", "method": "GET", "path": "/", "headers": []}


class Host:
    """Sends one empty body, and then nothing more for ever. `reads` false: the client takes nothing."""

    def __init__(self, *, reads: bool = True) -> None:
        self.sent: list[Message] = []
        self._reads = reads
        self._has_sent_body = False

    async def receive(self) -> Message:
        if not self._has_sent_body:
            self._has_sent_body = True
            return {"type": "http.request", "body": b"", "more_body": False}
        return await asyncio.get_running_loop().create_future()

    async def send(self, message: Message) -> None:
        if not self._reads:
            await asyncio.get_running_loop().create_future()
        self.sent.append(message)


def wrapped(app: AsgiApp, *, client_timeout_s: float = 60, on_end: OnEnd | None = None) -> AsgiApp:
    return wrap(app, Lifecycle(), client_timeout_s=client_timeout_s, on_end=on_end)


async def answer_then_wait_for_the_end(scope: Message, receive: Any, send: Any) -> None:
    """A streaming response: send the body, then wait for the message that the client has gone."""
    await receive()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"x", "more_body": False})
    assert (await receive())["type"] == "http.disconnect"


def test_the_end_of_the_answer_is_the_end_of_the_exchange() -> None:
    host = Host()
    asyncio.run(wrapped(answer_then_wait_for_the_end)(SCOPE, host.receive, host.send))
    assert [message["type"] for message in host.sent] == ["http.response.start", *["http.response.body"] * 2]
    assert [message.get("more_body") for message in host.sent] == [None, True, False]
    assert [name for name, _ in host.sent[0]["headers"]] == [b"x-request-id", b"x-chorus-instance"]


def test_a_client_that_stops_reading_is_told_of_as_gone() -> None:
    gone = []

    async def stream(scope: Message, receive: Any, send: Any) -> None:
        await receive()

        async def sending() -> None:
            await send({"type": "http.response.start", "status": 200, "headers": []})

        task = asyncio.create_task(sending())
        gone.append((await receive())["type"])
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    host = Host(reads=False)
    asyncio.run(wrapped(stream, client_timeout_s=0.01)(SCOPE, host.receive, host.send))
    assert gone == ["http.disconnect"]


@pytest.mark.parametrize("size", [1, 64 * 1024, 200 * 1024])
def test_a_place_is_free_before_the_client_has_the_last_bytes(size: int) -> None:
    """The client may send its next request as soon as it has them."""
    events: list[str] = []

    class Client:
        async def send(self, message: Message) -> None:
            if message.get("body"):
                events.append("bytes")

    async def answer(scope: Message, receive: Any, send: Any) -> None:
        scope[BEFORE_LAST_PIECE].append(lambda: events.append("free"))
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": bytes(size), "more_body": False})

    app = ClientTimeout(answer, seconds=60)
    asyncio.run(app({"type": "http", "path": "/", "method": "GET", "headers": []}, _silent, Client().send))
    assert events == ["bytes"] * (events.count("bytes") - 1) + ["free", "bytes"]


async def _silent() -> Message:
    return await asyncio.get_running_loop().create_future()


def test_a_body_that_stops_coming_is_too_slow() -> None:
    async def read(scope: Message, receive: Any, send: Any) -> None:
        with pytest.raises(UploadTooSlow, match="CHORUS_CLIENT_TIMEOUT_S"):
            await receive()

    asyncio.run(wrapped(read, client_timeout_s=0.01)(SCOPE, _silent, Host().send))


def test_a_body_that_stops_coming_while_the_answer_is_sent_is_a_client_that_is_gone() -> None:
    async def answer(scope: Message, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        assert (await receive())["type"] == "http.disconnect"

    asyncio.run(wrapped(answer, client_timeout_s=0.01)(SCOPE, _silent, Host().send))


def test_an_answer_that_takes_long_is_not_a_client_that_is_gone() -> None:
    async def think(scope: Message, receive: Any, send: Any) -> None:
        await receive()
        waiting = asyncio.create_task(receive())
        done, _ = await asyncio.wait((waiting,), timeout=0.1)
        assert not done
        waiting.cancel()

    host = Host()
    asyncio.run(wrapped(think, client_timeout_s=0.01)(SCOPE, host.receive, host.send))


def outcomes(app: AsgiApp, host: Host, *, raises: type[BaseException] | None = None, **scope: str) -> list[list[str]]:
    """Route and status of every end that is told of during one exchange."""
    ends: list[list[str]] = []

    def on_end(route: str, status: str, seconds: float) -> None:
        assert 0 <= seconds < 10
        ends.append([route, status])

    async def exchange() -> None:
        with pytest.raises(raises) if raises else contextlib.nullcontext():
            await wrapped(app, client_timeout_s=0.01, on_end=on_end)(SCOPE | scope, host.receive, host.send)

    asyncio.run(exchange())
    return ends


def answering(status: int, *bodies: Message) -> AsgiApp:
    async def app(scope: Message, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "http.response.start", "status": status, "headers": []})
        for body in bodies:
            await send({"type": "http.response.body", **body})

    return app


WHOLE = {"body": b"x", "more_body": False}
PART = {"body": b"x", "more_body": True}


def test_the_end_of_an_exchange_is_told_with_its_status() -> None:
    assert outcomes(answering(200, PART, WHOLE), Host()) == [["other", "200"]]
    assert outcomes(answering(503, WHOLE), Host(), path_template="/tts") == [["/tts", "503"]]


def test_a_body_that_breaks_off_is_aborted() -> None:
    async def break_off(scope: Message, receive: Any, send: Any) -> None:
        await answering(200, PART)(scope, receive, send)
        raise RuntimeError("the stream broke")

    assert outcomes(answering(200, PART), Host()) == [["other", "aborted"]]
    assert outcomes(break_off, Host(), raises=RuntimeError) == [["other", "aborted"]]


def test_a_client_that_left_before_its_status_is_aborted() -> None:
    async def answer_anyway(scope: Message, receive: Any, send: Any) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        await send({"type": "http.response.start", "status": 499, "headers": []})
        await send({"type": "http.response.body", **WHOLE})

    class Leaving(Host):
        async def receive(self) -> Message:
            return {"type": "http.disconnect"}

    assert outcomes(answer_anyway, Leaving()) == [["other", "aborted"]]


def test_a_body_that_stops_coming_is_an_error_that_the_app_can_answer() -> None:
    async def read_all(scope: Message, receive: Any, send: Any) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass

    class Silent(Host):
        async def receive(self) -> Message:
            return await asyncio.get_running_loop().create_future()

    assert outcomes(read_all, Silent(), raises=UploadTooSlow) == [["other", "aborted"]]


def test_an_exchange_that_is_cut_off_is_aborted() -> None:
    async def cut(scope: Message, receive: Any, send: Any) -> None:
        raise asyncio.CancelledError

    assert outcomes(cut, Host(), raises=asyncio.CancelledError) == [["other", "aborted"]]


@pytest.mark.parametrize("route", ["/health", "/health/ready", "/metrics"])
def test_a_probe_is_neither_told_of_nor_logged(route: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "app.access"):
        assert outcomes(answering(200, WHOLE), Host(), path_template=route, path=route) == []
        assert caplog.messages == []
        # An unknown path that looks like a probe's is a caller's doing.
        assert outcomes(answering(404, WHOLE), Host(), path=route + "y") == [["other", "404"]]
        assert len(caplog.messages) == 1


def test_litestar_names_the_route_by_its_template() -> None:
    @get("/things/{name:str}")
    async def thing(name: FromPath[str]) -> str:
        return name

    ends: list[str] = []
    app = wrapped(
        cast("AsgiApp", Litestar([thing], logging_config=None, openapi_config=None)),
        on_end=lambda route, status, seconds: ends.append(route),
    )

    async def ask() -> None:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://x") as client:
            for path in ("/things/a", "/things/b/", "/nothing"):
                await client.get(path)

    asyncio.run(ask())
    assert ends == ["/things/{name}", "/things/{name}", "other"]


def test_a_piece_that_the_server_takes_at_once_is_sent_without_waiting_for_another_turn_of_the_loop() -> None:
    turns_when_sent: list[int] = []

    async def run() -> None:
        num_turns = 0

        def count() -> None:
            nonlocal num_turns
            num_turns += 1
            asyncio.get_running_loop().call_soon(count)

        async def answer(_: Message, receive: Receive, send: Send) -> None:
            await receive()
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"x", "more_body": False})
            turns_when_sent.append(num_turns)

        host = Host()
        count()
        before = num_turns
        await ClientTimeout(answer, seconds=60)(SCOPE, host.receive, host.send)
        assert turns_when_sent == [before]

    asyncio.run(run())
