"""Connections by the hundred that never say who they are."""

import asyncio
import contextlib
from contextlib import AsyncExitStack

from tests.chaos.attack import Attack, Tally
from tests.chaos.sockets import handshake
from tests.chaos.target import Target, connected, exchange, head, read_head

CONNECTIONS_PER_S = 150
"""More in one moment measure how fast a process accepts, and nothing that a connection could do to others."""
CLOSE_FRAME = b"\x88"
"""First byte of a close frame; what comes before it is ASCII."""


async def silent_sockets(target: Target, tally: Tally) -> None:
    """WebSockets without `start`. A caller that does say it is still let in, and all of them are ended in time."""

    async def one(number: int) -> None:
        await asyncio.sleep(number / CONNECTIONS_PER_S)
        with contextlib.suppress(OSError, EOFError):
            async with connected(target) as (reader, writer):
                writer.write(handshake(target))
                status, _ = await read_head(reader)
                tally.add(status)
                if status == "101":
                    await _until_closed(reader, target, tally)

    await asyncio.gather(*(one(number) for number in range(target.times(400, 30))))


async def _until_closed(reader: asyncio.StreamReader, target: Target, tally: Tally) -> None:
    """Until the end of the connection, or a close frame: the answer to that is the client's to give."""
    try:
        async with asyncio.timeout(target.client_timeout_s + 8 * target.patience):
            while data := await reader.read(4096):
                if CLOSE_FRAME in data:
                    break
        tally.add("let go")
    except ConnectionError:
        tally.add("let go")
    except TimeoutError:
        tally.add("kept")


async def idle_connections(target: Target, tally: Tally) -> None:
    """Connections that never send a byte, on both ports. Others are answered meanwhile, and all are ended in time."""

    async def one(number: int, port: int) -> None:
        await asyncio.sleep(number / CONNECTIONS_PER_S)
        with contextlib.suppress(OSError):
            async with connected(target, port) as (reader, _):
                await _until_closed(reader, target, tally)

    async def ask() -> None:
        await asyncio.sleep(0.5)
        tally.add((await exchange(target, [head(target, "GET", "/speakers")])).status)

    ports = [target.port, target.wyoming_port] * target.times(250, 15)
    await asyncio.gather(*(one(number, port) for number, port in enumerate(ports)), ask())


async def connection_churn(target: Target, tally: Tally) -> None:
    """Connections opened and aborted as fast as one process can."""
    for _ in range(target.times(20, 2)):
        async with AsyncExitStack() as stack:
            for _ in range(25):
                with contextlib.suppress(OSError):
                    await stack.enter_async_context(connected(target))
            await asyncio.sleep(25 / CONNECTIONS_PER_S)
    tally.add((await exchange(target, [head(target, "GET", "/speakers")])).status)


ATTACKS = (
    Attack(
        name="hundreds of sockets that never say who they are are ended",
        sends="400 WebSockets without a message",
        run=silent_sockets,
        expects=frozenset({"101", "503", "429", "let go"}),
        limit_s=25,
    ),
    Attack(
        name="hundreds of connections that never send a byte are ended",
        sends="250 to the HTTP port, 250 to the Wyoming port",
        run=idle_connections,
        expects=frozenset({"200", "let go"}),
        limit_s=25,
    ),
    Attack(
        name="connections that come and go at once disturb nobody",
        sends="500 connections",
        run=connection_churn,
        expects=frozenset({"200"}),
        limit_s=20,
    ),
)
