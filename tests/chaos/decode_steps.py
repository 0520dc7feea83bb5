"""Figures in decode steps, counted by the server itself (`chorus_decode_steps_total`): how fast the machine is does not
matter to them.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator

import msgspec

from tests.chaos.attacks.texts import PARAGRAPHS
from tests.chaos.server import Server
from tests.chaos.target import connected, post_json, read_head
from tests.chaos.worker import ATTACKER_NICENESS, Worker

COUNTER = "chorus_decode_steps_total"
SHORT_TEXT = "Go home now."
TRIES = 5


async def num_steps(server: Server) -> float:
    return (await server.metrics())[COUNTER]


async def steps_to_first_audio(server: Server, text: str) -> int:
    """Steps that the server takes between a request for a stream and its first bytes.

    The counter is read a moment before the request and a moment after the first bytes: the figure is too large by the
    steps in those moments, and never too small.
    """
    before = await num_steps(server)
    async with connected(server.target) as (reader, writer):
        for piece in post_json(server.target, "/tts", text=text, stream=True, format="pcm", seed=1):
            writer.write(piece)
        await read_head(reader)
        await reader.readexactly(1)
        return round(await num_steps(server) - before)


async def steps_alone(server: Server, text: str) -> list[int]:
    """Several tries on a server that does nothing else."""
    figures: list[int] = []
    for _ in range(TRIES):
        figures.append(await steps_to_first_audio(server, text))
        await server.settle(5)
    return figures


async def steps_beside_a_long_text(server: Server, text: str) -> list[int]:
    """Several tries, each right after the first step of a text of 100 segments, which has its slots by then."""
    figures: list[int] = []
    for _ in range(TRIES):
        async with long_text(server):
            figures.append(await steps_to_first_audio(server, text))
        await server.settle(5)
    return figures


@contextlib.asynccontextmanager
async def long_text(server: Server) -> AsyncIterator[None]:
    """A stream of 100 segments, read as fast as it comes, again and again. The block begins with its first step."""

    async def read() -> None:
        while True:
            async with connected(server.target) as (reader, writer):
                for piece in post_json(server.target, "/tts", text=PARAGRAPHS, stream=True, format="pcm", seed=1):
                    writer.write(piece)
                await read_head(reader)
                while await reader.read(65_536):
                    pass
            await asyncio.sleep(0.1)

    before = await num_steps(server)
    reading = asyncio.create_task(read())
    try:
        async with asyncio.timeout(60):
            while await num_steps(server) == before:
                if reading.done():
                    await reading
        yield
    finally:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)


class Pace(msgspec.Struct, frozen=True, kw_only=True):
    """Decode steps a second of a running stream."""

    alone: float
    beside_clones: float

    @property
    def share(self) -> float:
        return self.beside_clones / self.alone


async def pace_beside_clones(server: Server, seconds: float) -> Pace:
    """A stream alone, then the same stream beside three callers who clone in a loop (in a process of their own)."""
    async with long_text(server):
        alone = await _pace(server, seconds)
        with Worker("tests.chaos.cloners", server.target, niceness=ATTACKER_NICENESS):
            await asyncio.sleep(2)
            beside = await _pace(server, 2 * seconds)
    return Pace(alone=alone, beside_clones=beside)


async def _pace(server: Server, seconds: float) -> float:
    began_at_s, before = time.monotonic(), await num_steps(server)
    await asyncio.sleep(seconds)
    after = await num_steps(server)
    return (after - before) / (time.monotonic() - began_at_s)
