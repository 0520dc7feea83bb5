"""Hosts that never say `http.disconnect`, clients that stop reading: driven by a hand-written ASGI host."""

import asyncio
from typing import Any

import pytest

from app.http.asgi import Exchange, Message

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


async def answer_then_wait_for_the_end(scope: Message, receive: Any, send: Any) -> None:
    """What a streaming response does: the body, and then the news that the client has gone."""
    await receive()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"x", "more_body": False})
    assert (await receive())["type"] == "http.disconnect"


def test_the_end_of_the_answer_is_the_end_of_the_exchange() -> None:
    host = Host()
    asyncio.run(Exchange(answer_then_wait_for_the_end, client_timeout_s=60)(SCOPE, host.receive, host.send))
    assert [message["type"] for message in host.sent] == ["http.response.start", "http.response.body"]
    assert [name for name, _ in host.sent[0]["headers"]] == [b"x-request-id"]


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
    asyncio.run(Exchange(stream, client_timeout_s=0.01)(SCOPE, host.receive, host.send))
    assert gone == ["http.disconnect"]


def test_a_body_that_stops_coming_is_told_of_as_gone() -> None:
    async def silent() -> Message:
        return await asyncio.get_running_loop().create_future()

    async def read(scope: Message, receive: Any, send: Any) -> None:
        assert (await receive())["type"] == "http.disconnect"

    host = Host()
    asyncio.run(Exchange(read, client_timeout_s=0.01)(SCOPE, silent, host.send))


def test_an_answer_that_takes_long_is_not_a_client_that_is_gone() -> None:
    async def think(scope: Message, receive: Any, send: Any) -> None:
        await receive()
        waiting = asyncio.create_task(receive())
        done, _ = await asyncio.wait((waiting,), timeout=0.1)
        assert not done
        waiting.cancel()

    host = Host()
    asyncio.run(Exchange(think, client_timeout_s=0.01)(SCOPE, host.receive, host.send))
