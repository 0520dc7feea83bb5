"""Clients that write slowly, read slowly, or not at all. Each must be let go, and no one else wait for it."""

import asyncio
import contextlib
import json
import time

from tests.chaos.attack import Attack, Tally
from tests.chaos.sockets import conversation
from tests.chaos.target import Target, connected, head, read_head

LONG_TEXT = "This is a sentence of a long text that goes on and on. " * 120


async def trickle(target: Target, tally: Tally, data: bytes, *, limit_s: float) -> None:
    """A byte five times a second, until the server has had enough."""
    async with connected(target) as (reader, writer):
        answer = asyncio.create_task(read_head(reader))
        end_s = time.monotonic() + limit_s
        try:
            for byte in data:
                writer.write(bytes([byte]))
                await asyncio.wait((answer,), timeout=0.2)
                if answer.done() or time.monotonic() > end_s:
                    break
            tally.add((await answer)[0] if answer.done() else "waited for")
        except (OSError, EOFError):
            tally.add("closed")
        finally:
            answer.cancel()
            await asyncio.gather(answer, return_exceptions=True)


async def slow_heads(target: Target, tally: Tally) -> None:
    sent = head(target, "GET", "/speakers", {"X-Padding": "x" * 5000})
    limit_s = target.client_timeout_s + 3 * target.patience
    await asyncio.gather(*(trickle(target, tally, sent, limit_s=limit_s) for _ in range(target.times(50, 5))))


async def stalled_bodies(target: Target, tally: Tally) -> None:
    """Half a body and then nothing."""

    async def one(path: str) -> None:
        async with connected(target) as (reader, writer):
            headers = {"Content-Type": "application/json"}
            writer.write(head(target, "POST", path, headers, num_bytes=1000) + b'{"text": "Half a bo')
            try:
                async with asyncio.timeout(target.client_timeout_s + 5 * target.patience):
                    tally.add((await read_head(reader))[0])
            except TimeoutError:
                tally.add("waited for")
            except (OSError, EOFError):
                tally.add("closed")

    await asyncio.gather(*(one(path) for path in ("/tts", "/voices/check", "/tts", "/v1/audio/speech") * 5))


async def slow_readers(target: Target, tally: Tally) -> None:
    """Streams of which nobody reads anything after the head; they must end, and no well-formed ending be sent."""
    body = json.dumps({"text": LONG_TEXT, "stream": True, "format": "pcm"}).encode()
    await asyncio.gather(*(_read_nothing(target, tally, body) for _ in range(target.times(8, 2))))


async def unread_answers(target: Target, tally: Tally) -> None:
    """Whole answers of tens of megabytes, and clients who stop reading behind the head."""
    body = json.dumps({"text": LONG_TEXT}).encode()
    await asyncio.gather(*(_read_nothing(target, tally, body) for _ in range(target.times(3, 1))))


async def _read_nothing(target: Target, tally: Tally, body: bytes) -> None:
    """Read the head, wait longer than the server should, then see what is left."""
    async with connected(target, receive_buffer=4096) as (reader, writer):
        writer.write(head(target, "POST", "/tts", {"Content-Type": "application/json"}, num_bytes=len(body)) + body)
        try:
            status, headers = await read_head(reader)
        except (OSError, EOFError):
            tally.add("closed")
            return
        tally.add(status)
        if status != "200":
            return
        writer.transport.pause_reading()  # type: ignore[attr-defined] - a socket's transport has it
        await asyncio.sleep(target.client_timeout_s + 3)
        writer.transport.resume_reading()  # type: ignore[attr-defined]
        num_bytes = 0
        try:
            async with asyncio.timeout(3 * target.patience):
                while data := await reader.read(1 << 20):
                    num_bytes += len(data)
        except TimeoutError:
            tally.fault("a client that stopped reading was kept")
        except OSError:
            pass
        if num_bytes == int(headers.get("content-length", -1)):
            tally.fault("a client that stopped reading got all of it")


async def deaf_sockets(target: Target, tally: Tally) -> None:
    """Conversations that are written to and never read."""

    async def one() -> None:
        async with conversation(target) as caller:
            await caller.say("start")
            caller.socket.transport.pause_reading()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(target.client_timeout_s + 2):
                    for _ in range(40):
                        await caller.say("text", text=LONG_TEXT[:2000])
                        await asyncio.sleep(0.05)
                    await asyncio.sleep(target.client_timeout_s + 1)
            caller.socket.transport.resume_reading()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(3 * target.patience):
                    tally.add(await caller.ending())

    await asyncio.gather(*(one() for _ in range(target.times(5, 1))))


ATTACKS = (
    Attack(
        name="heads that come byte by byte are ended",
        sends="50 connections, 5 bytes a second",
        run=slow_heads,
        expects=frozenset({"408", "closed"}),
    ),
    Attack(
        name="bodies that stop half-way are ended",
        sends="20 connections",
        run=stalled_bodies,
        expects=frozenset({"408", "closed", "400"}),
    ),
    Attack(
        name="streams that nobody reads are ended",
        sends="8 streams",
        run=slow_readers,
        expects=frozenset({"200", "503"}),
    ),
    Attack(
        name="whole answers that nobody reads are ended",
        sends="3 answers of about 20 MB",
        run=unread_answers,
        expects=frozenset({"200", "503"}),
        limit_s=40,
    ),
    Attack(
        name="sockets that are written to and never read are ended",
        sends="5 sockets, 80,000 characters each",
        run=deaf_sockets,
        expects=frozenset({"1000", "1006", "1008", "1011", "1013"}),
        limit_s=20,
    ),
)
