"""Clients that leave: at every moment of a request, over HTTP, WebSocket and Wyoming."""

import asyncio
import contextlib
import json

from websockets.exceptions import ConnectionClosed

from tests.chaos.attack import Attack, Tally
from tests.chaos.sockets import conversation, event, wyoming
from tests.chaos.target import Target, connected, head, read_head

TEXT = "The morning was bright. Nobody had opened the door for years. There was smoke above the chimney. " * 5
LEFT = "left"


async def leave_http(target: Target, tally: Tally) -> None:
    body = json.dumps({"text": TEXT, "stream": True, "format": "pcm", "seed": 1}).encode()
    opening = head(target, "POST", "/tts", {"Content-Type": "application/json"}, num_bytes=len(body))

    async def one(sent: bytes, num_read: int) -> None:
        """`num_read` -1: nothing at all, not the head either."""
        async with connected(target) as (reader, writer):
            writer.write(sent)
            await writer.drain()
            if num_read >= 0:
                await read_head(reader)
                await reader.readexactly(num_read)
            tally.add(LEFT)

    num_bytes = len(await _whole(target, opening + body))
    moments = [
        (b"", -1),
        (opening[:20], -1),
        (opening, -1),
        (opening + body[: len(body) // 2], -1),
        (opening + body, -1),
        (opening + body, 0),
        (opening + body, num_bytes // 2),
        (opening + body, num_bytes - 1),
        (opening + body, num_bytes),
    ]
    for _ in range(target.times(5, 1)):
        await asyncio.gather(*(one(*moment) for moment in moments), return_exceptions=True)


async def _whole(target: Target, request: bytes) -> bytes:
    async with connected(target) as (reader, writer):
        writer.write(request)
        await read_head(reader)
        return await reader.read(-1)


async def leave_sockets(target: Target, tally: Tally) -> None:
    async def one(moment: int) -> None:
        async with conversation(target) as caller:
            steps = [
                lambda: caller.say("start"),
                lambda: caller.say("text", text=TEXT),
                caller.hear,
                caller.hear,
                lambda: caller.say("cancel"),
                lambda: caller.say("end"),
                caller.hear,
            ]
            with contextlib.suppress(ConnectionClosed):
                for step in steps[:moment]:
                    await step()
            tally.add(LEFT)

    for _ in range(target.times(4, 1)):
        await asyncio.gather(*(one(moment) for moment in range(8)))


async def leave_wyoming(target: Target, tally: Tally) -> None:
    synthesize = event("synthesize", text=TEXT)

    async def one(sent: bytes, num_lines: int) -> None:
        async with wyoming(target) as (reader, writer):
            writer.write(sent)
            await writer.drain()
            for _ in range(num_lines):
                await reader.read(4096)
            tally.add(LEFT)

    moments = [
        (b"", 0),
        (synthesize[:10], 0),
        (synthesize, 0),
        (synthesize, 1),
        (synthesize, 20),
        (event("synthesize-start") + event("synthesize-chunk", text=TEXT), 0),
        (event("synthesize-start") + event("synthesize-chunk", text=TEXT), 3),
        (b'{"type": "synthesize", "data_length": 1000}\n{', 0),
    ]
    for _ in range(target.times(4, 1)):
        await asyncio.gather(*(one(*moment) for moment in moments), return_exceptions=True)


ATTACKS = (
    Attack(
        name="HTTP clients leave before, within and behind body, head and audio",
        sends="46 requests",
        run=leave_http,
        expects=frozenset({LEFT}),
        limit_s=25,
    ),
    Attack(
        name="WebSocket clients leave at every message",
        sends="32 sockets",
        run=leave_sockets,
        expects=frozenset({LEFT}),
        limit_s=25,
    ),
    Attack(
        name="Wyoming clients leave within and behind events and audio",
        sends="32 connections",
        run=leave_wyoming,
        expects=frozenset({LEFT}),
        limit_s=25,
    ),
)
